//! The file and what is known of it in memory, shared by all handles, lanes and the writer.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable};

use crate::{Committed, Record, TopicId};

use super::block::{BlockReader, Damage};
use super::error::LocalLogError;
use super::format::{self, BLOCKS, POSITIONS, TOPICS};
use super::topics::{Catalogue, TopicInfo, TopicOptions};

/// Tells the time, ms since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

pub(super) struct Store {
    pub(super) database: Database,
    pub(super) clock: Clock,
    catalogue: Mutex<Catalogue>,
    /// Rung whenever an end moves.
    grown: Condvar,
    creating: Mutex<()>,
    /// Write transactions made durable.
    pub(super) commits: AtomicU64,
}

/// One partition by the topic's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: u32,
    pub(super) partition: u32,
}

impl Store {
    pub(super) fn new(database: Database, clock: Clock) -> Result<Self, LocalLogError> {
        format::prepare(&database)?;
        let catalogue = Mutex::new(Catalogue::load(&database)?);
        Ok(Self { database, clock, catalogue, grown: Condvar::new(), creating: Mutex::new(()), commits: AtomicU64::new(0) })
    }

    /// Topics and ends. Held for moments only, never while the file is touched.
    pub(super) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until an end moves, or for `timeout`.
    pub(super) fn wait<'a>(&self, catalogue: MutexGuard<'a, Catalogue>, timeout: std::time::Duration) -> MutexGuard<'a, Catalogue> {
        self.grown.wait_timeout(catalogue, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Makes what a commit wrote visible to readers.
    pub(super) fn publish_ends(&self, ends: impl IntoIterator<Item = (Place, i64)>) {
        let mut catalogue = self.catalogue();
        for (place, end) in ends {
            *catalogue.end_mut(place) = end;
        }
        drop(catalogue);
        self.grown.notify_all();
    }

    pub(super) fn create_topic(&self, name: &str, options: TopicOptions) -> Result<TopicId, LocalLogError> {
        if options.partitions == 0 {
            return Err(LocalLogError::NoSuchPartition { topic: name.to_owned(), partition: 0, partitions: 0 });
        }
        // Held to the end: two who create the same topic get the same id.
        let _creating = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, known) = {
            let catalogue = self.catalogue();
            let next = u32::try_from(catalogue.topics.len()).expect("topics are counted in tens");
            catalogue.find(name).map_or((next, None), |(number, topic)| (number, Some(topic.info.clone())))
        };
        let mut info = known.clone().unwrap_or_else(|| TopicInfo {
            name: name.into(),
            id: TopicId(*uuid::Uuid::new_v4().as_bytes()),
            partitions: options.partitions,
            max_future_ms: options.max_future_ms,
        });
        if info.partitions != options.partitions {
            return Err(LocalLogError::PartitionCount { topic: name.to_owned(), existing: info.partitions, asked: options.partitions });
        }
        info.max_future_ms = options.max_future_ms;
        if known.as_ref() != Some(&info) {
            self.write_topic(number, &info)?;
            let id = info.id;
            self.catalogue().put(number, info);
            return Ok(id);
        }
        Ok(info.id)
    }

    fn write_topic(&self, number: u32, info: &TopicInfo) -> Result<(), LocalLogError> {
        let transaction = self.database.begin_write().map_err(LocalLogError::storage)?;
        {
            let mut topics = transaction.open_table(TOPICS).map_err(LocalLogError::storage)?;
            topics.insert(&*info.name, (number, info.partitions, info.id.0, info.max_future_ms)).map_err(LocalLogError::storage)?;
        }
        transaction.commit().map_err(LocalLogError::storage)?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The first offset held, given the end.
    pub(super) fn first(&self, place: Place, end: i64) -> Result<i64, LocalLogError> {
        let transaction = self.database.begin_read().map_err(LocalLogError::storage)?;
        let blocks = transaction.open_table(BLOCKS).map_err(LocalLogError::storage)?;
        let mut range = blocks.range(place.key(0)..place.key(end)).map_err(LocalLogError::storage)?;
        match range.next() {
            None => Ok(end),
            Some(entry) => Ok(entry.map_err(LocalLogError::storage)?.0.value().2.cast_signed()),
        }
    }

    pub(super) fn committed(&self, group: &str, topic: TopicId, partition: u32) -> Result<Option<Committed>, LocalLogError> {
        let transaction = self.database.begin_read().map_err(LocalLogError::storage)?;
        let positions = transaction.open_table(POSITIONS).map_err(LocalLogError::storage)?;
        read_position(&positions, group, topic, partition)
    }

    /// Calls `each` with the blocks that hold the offsets from `from` up to before `to`, and the offset of each block's first record.
    /// False where the first of them does not hold `from`.
    pub(super) fn read_blocks(
        &self,
        place: Place,
        from: i64,
        to: i64,
        mut each: impl FnMut(i64, &[u8]) -> Result<ControlFlow<()>, LocalLogError>,
    ) -> Result<bool, LocalLogError> {
        let transaction = self.database.begin_read().map_err(LocalLogError::storage)?;
        let blocks = transaction.open_table(BLOCKS).map_err(LocalLogError::storage)?;
        let start = match blocks.range(place.key(0)..=place.key(from)).map_err(LocalLogError::storage)?.next_back() {
            Some(entry) => entry.map_err(LocalLogError::storage)?.0.value(),
            None => return Ok(false),
        };
        for entry in blocks.range(start..place.key(to)).map_err(LocalLogError::storage)? {
            let (key, bytes) = entry.map_err(LocalLogError::storage)?;
            if each(key.value().2.cast_signed(), bytes.value())?.is_break() {
                break;
            }
        }
        Ok(true)
    }

    /// The error that names the block.
    pub(super) fn corrupt(&self, place: Place, offset: i64, damage: Damage) -> LocalLogError {
        LocalLogError::Corrupt { topic: self.name(place), partition: place.partition, offset, damage }
    }

    /// The error that names the range held.
    pub(super) fn out_of_range(&self, place: Place, position: i64) -> LocalLogError {
        let end = self.catalogue().end(place);
        match self.first(place, end) {
            Ok(first) => LocalLogError::OutOfRange { topic: self.name(place), partition: place.partition, position, first, end },
            Err(error) => error,
        }
    }

    fn name(&self, place: Place) -> String {
        self.catalogue().topics[place.topic as usize].info.name.to_string()
    }
}

impl Place {
    /// The key of a block here. No offset is negative.
    pub(super) fn key(self, offset: i64) -> (u32, u32, u64) {
        (self.topic, self.partition, offset.max(0).cast_unsigned())
    }
}

pub(super) fn read_position(
    positions: &impl ReadableTable<(&'static str, [u8; 16], u32), (u64, &'static str)>,
    group: &str,
    topic: TopicId,
    partition: u32,
) -> Result<Option<Committed>, LocalLogError> {
    let found = positions.get((group, topic.0, partition)).map_err(LocalLogError::storage)?;
    Ok(found.map(|found| {
        let (next_offset, metadata) = found.value();
        Committed { next_offset: next_offset.cast_signed(), metadata: metadata.to_owned() }
    }))
}

/// Appends the records of a block whose offsets lie in `from..to`.
pub(super) fn append_records<'a>(base: i64, bytes: &'a [u8], from: i64, to: i64, records: &mut Vec<Record<'a>>) -> Result<(), Damage> {
    BlockReader::open(bytes)?.read(|number, record| {
        let offset = base.saturating_add(i64::from(number));
        if (from..to).contains(&offset) {
            records.push(Record {
                offset,
                timestamp_ms: record.timestamp_ms,
                key: record.key,
                value: record.value,
                headers: record.headers,
            });
        }
    })
}
