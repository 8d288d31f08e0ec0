//! The local log: topics, records and positions in one file, for everything in one process without a server.
//!
//! The file is a [redb](https://docs.rs/redb) database. Records are stored in blocks, one value a batch. One thread writes for all lanes
//! and groups what waits into one durable commit, so a transaction (outputs and positions) is as atomic as Kafka's.

mod block;
mod copy;
mod error;
mod format;
mod lane;
mod store;
mod topics;
mod whole_file;
mod writer;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use redb::{Builder, DatabaseError};

use crate::{Batch, Committed, OutputTopic, Spread, TopicId, TopicPartition};

pub use block::{Damage, fuzz_block};
pub use error::LocalLogError;
pub use format::FORMAT_VERSION;
pub use lane::LocalLane;
pub use store::Clock;
pub use topics::{TopicInfo, TopicOptions};
pub use whole_file::make_whole;

use block::BlockReader;
use store::{Place, Store};
use writer::Transaction;

/// How a log is opened.
#[derive(Clone)]
pub struct LocalLogOptions {
    /// Tells how far a timestamp is ahead.
    pub clock: Clock,
    /// Memory that the storage engine may use as a cache.
    pub cache_bytes: usize,
}

impl Default for LocalLogOptions {
    fn default() -> Self {
        Self { clock: Arc::new(system_time_ms), cache_bytes: 128 << 20 }
    }
}

fn system_time_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// A handle of an open log. Clones share it; the file is closed when the last of them, and of the lanes on it, is dropped.
#[derive(Clone)]
pub struct LocalLog {
    open: Arc<Open>,
}

struct Open {
    store: Arc<Store>,
    /// None once closing.
    queue: Option<SyncSender<Transaction>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Open {
    /// Waits for the writer: when the last handle is gone the file is closed, and can be opened again.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic of the writer was reported to whoever waited for it.
            writer.join().ok();
        }
    }
}

impl LocalLog {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Where it is in use, of a newer format, or no log at all.
    pub fn open(path: &Path) -> Result<Self, LocalLogError> {
        Self::open_with(path, LocalLogOptions::default())
    }

    /// As [`LocalLog::open`], with options.
    ///
    /// # Errors
    /// Where it is in use, of a newer format, or no log at all.
    pub fn open_with(path: &Path, options: LocalLogOptions) -> Result<Self, LocalLogError> {
        // The storage engine takes a file that was being made when a process died for one of another kind.
        let made = make_whole(path, |unfinished| Builder::new().create(unfinished).map(drop));
        let opened = made.and_then(|()| Builder::new().set_cache_size(options.cache_bytes).create(path));
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => LocalLogError::InUse { path: path.to_owned() },
            error => LocalLogError::Unreadable { path: path.to_owned(), cause: Box::new(error.into()) },
        })?;
        Self::start(database, options)
    }

    /// A log that lives in memory.
    ///
    /// # Errors
    /// Where the writer cannot be started.
    pub fn in_memory() -> Result<Self, LocalLogError> {
        Self::in_memory_with(LocalLogOptions { cache_bytes: 1 << 20, ..LocalLogOptions::default() })
    }

    /// As [`LocalLog::in_memory`], with options.
    ///
    /// # Errors
    /// Where the writer cannot be started.
    pub fn in_memory_with(options: LocalLogOptions) -> Result<Self, LocalLogError> {
        Self::on_backend(redb::backends::InMemoryBackend::new(), options)
    }

    fn on_backend(backend: impl redb::StorageBackend, options: LocalLogOptions) -> Result<Self, LocalLogError> {
        let database = Builder::new().set_cache_size(options.cache_bytes).create_with_backend(backend).map_err(LocalLogError::storage)?;
        Self::start(database, options)
    }

    fn start(database: redb::Database, options: LocalLogOptions) -> Result<Self, LocalLogError> {
        let store = Arc::new(Store::new(database, options.clock)?);
        let (queue, waiting) = sync_channel(writer::QUEUE);
        let of_writer = Arc::clone(&store);
        let writer = std::thread::Builder::new().name("log-writer".into()).spawn(move || writer::run(&of_writer, &waiting));
        let writer = Mutex::new(Some(writer.map_err(LocalLogError::Writer)?));
        Ok(Self { open: Arc::new(Open { store, queue: Some(queue), writer }) })
    }

    /// Makes a topic, unless it is there. Its leeway for timestamps is set anew, its partitions never change.
    ///
    /// # Errors
    /// [`LocalLogError::PartitionCount`] where it is there with another number of partitions.
    pub fn create_topic(&self, name: &str, options: TopicOptions) -> Result<TopicId, LocalLogError> {
        self.open.store.create_topic(name, options)
    }

    /// All topics, in the order in which they were made.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicInfo> {
        self.open.store.catalogue().topics.iter().map(|topic| topic.info.clone()).collect()
    }

    /// Identity and number of partitions of a topic.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn topic(&self, name: &str) -> Result<(TopicId, u32), LocalLogError> {
        let catalogue = self.open.store.catalogue();
        let (_, topic) = catalogue.find(name)?;
        Ok((topic.info.id, topic.info.partitions))
    }

    /// A topic of this log as a stage's output.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn output_topic(&self, name: &str, spread: Spread) -> Result<OutputTopic, LocalLogError> {
        let (_, partitions) = self.topic(name)?;
        Ok(OutputTopic { name: name.to_owned(), partitions, spread })
    }

    /// The first offset held and the offset after the last record of a partition.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn bounds(&self, topic: &str, partition: u32) -> Result<(i64, i64), LocalLogError> {
        let (place, end, _) = self.place(topic, partition)?;
        Ok((self.open.store.first(place, end)?, end))
    }

    /// The committed position of a group.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn committed(&self, group: &str, topic: &str, partition: u32) -> Result<Option<Committed>, LocalLogError> {
        let (_, _, id) = self.place(topic, partition)?;
        self.open.store.committed(group, id, partition)
    }

    /// Reads the records from offset `from` up to before `to`, block by block, until `each` breaks off. The batches say topic 0.
    ///
    /// # Errors
    /// [`LocalLogError::OutOfRange`] where `from` is not held, [`LocalLogError::Corrupt`] where a block is damaged.
    pub fn read_partition(
        &self,
        topic: &str,
        partition: u32,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LocalLogError> {
        let (place, _, topic_id) = self.place(topic, partition)?;
        self.read_place(place, TopicPartition { topic: 0, partition }, topic_id, from, to, each)
    }

    /// The offset of the first record whose timestamp is at or after `timestamp_ms`; the end where there is none.
    ///
    /// # Errors
    /// [`LocalLogError::Corrupt`] where a block is damaged.
    pub fn offset_for_time(&self, topic: &str, partition: u32, timestamp_ms: i64) -> Result<i64, LocalLogError> {
        let (place, end, _) = self.place(topic, partition)?;
        let store = &self.open.store;
        let first = store.first(place, end)?;
        let mut found = end;
        store.read_blocks(place, first, end, |base, bytes| {
            let block = BlockReader::open(bytes).map_err(|damage| store.corrupt(place, base, damage))?;
            if block.max_timestamp_ms < timestamp_ms {
                return Ok(ControlFlow::Continue(()));
            }
            block
                .read(|number, record| {
                    if record.timestamp_ms >= timestamp_ms {
                        found = found.min(base + i64::from(number));
                    }
                })
                .map_err(|damage| store.corrupt(place, base, damage))?;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The largest timestamp of a partition's records: each block knows its own.
    fn largest_timestamp_ms(&self, place: Place) -> Result<Option<i64>, LocalLogError> {
        let store = &self.open.store;
        let end = store.catalogue().end(place);
        let first = store.first(place, end)?;
        let mut largest = None;
        if first < end {
            store.read_blocks(place, first, end, |base, bytes| {
                let block = BlockReader::open(bytes).map_err(|damage| store.corrupt(place, base, damage))?;
                largest = largest.max(Some(block.max_timestamp_ms));
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(largest)
    }

    /// Copies the log to a new file, records and positions as they are at one moment. Whoever writes meanwhile is not held up.
    ///
    /// # Errors
    /// Where this log can't be read, or the file not written.
    pub fn copy_to(&self, path: &Path) -> Result<(), LocalLogError> {
        copy::copy(&self.open.store.database, path)
    }

    /// Write transactions made durable since the log was opened: with several lanes fewer than their transactions.
    #[must_use]
    pub fn durable_commits(&self) -> u64 {
        self.open.store.commits.load(Ordering::Relaxed)
    }

    fn place(&self, topic: &str, partition: u32) -> Result<(Place, i64, TopicId), LocalLogError> {
        let catalogue = self.open.store.catalogue();
        let (place, topic) = catalogue.place(topic, partition)?;
        Ok((place, catalogue.end(place), topic.info.id))
    }

    fn read_place(
        &self,
        place: Place,
        source: TopicPartition,
        topic_id: TopicId,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LocalLogError> {
        let store = &self.open.store;
        let end = store.catalogue().end(place);
        if from < 0 || from > end {
            return Err(store.out_of_range(place, from));
        }
        let to = to.min(end);
        if from >= to {
            return Ok(());
        }
        let held = store.read_blocks(place, from, to, |base, bytes| {
            let mut records = Vec::new();
            store::append_records(base, bytes, from, to, &mut records).map_err(|damage| store.corrupt(place, base, damage))?;
            let Some(last) = records.last() else { return Ok(ControlFlow::Continue(())) };
            let next_offset = last.offset + 1;
            Ok(each(&Batch { source, topic_id, records, next_offset }))
        })?;
        if held { Ok(()) } else { Err(store.out_of_range(place, from)) }
    }
}

#[cfg(test)]
mod tests;
