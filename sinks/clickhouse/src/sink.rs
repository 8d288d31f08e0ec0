//! The sink: records are turned into columns as they come, and each partition's columns are inserted as one block.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use pipeline::{Batch, Committed, Position, Record, Resume, Sink, SinkError, TopicId, TopicPartition, heartbeat};
use schemas::{Decoder, SchemaSource, SourceError};

use crate::QueryError;
use crate::intent::{fresh_token, intent, parse_intent, token};
use crate::store::{Heard, Insert, Mark, Store};
use crate::tables::{Block, INPUTS, Repeats, decoders};

/// Rows staged that are worth inserts of their own. Far below what ClickHouse would cut into two blocks.
const FULL_ROWS: usize = 262_144;
/// The same in bytes of records.
const FULL_BYTES: usize = 64 << 20;
/// The first of the inputs in which a tombstone says something.
const VERSIONED: u16 = 2;
/// Empty blocks that are kept for the next partitions, with their memory.
const SPARE_BLOCKS: usize = 4;

/// Writes clean events, sessions' quality of service, titles and profiles to ClickHouse.
pub struct ClickHouseSink<S> {
    pub(crate) store: S,
    pub(crate) decoders: [Decoder; INPUTS.len()],
    staged: BTreeMap<TopicPartition, Staged>,
    /// Intents of which nobody knows whether they were carried out.
    unsettled: BTreeMap<TopicPartition, Range<i64>>,
    /// Partitions that are read from their beginning, and of which the store must have nothing yet.
    untouched: BTreeSet<TopicPartition>,
    spare: Vec<(u16, Block)>,
    rows: usize,
    bytes: usize,
    /// The block that is sent, in the Native format.
    body: Vec<u8>,
}

/// What is staged of a partition.
pub(crate) struct Staged {
    pub(crate) topic_id: TopicId,
    /// From its first record up to before the next offset; without records it is empty.
    pub(crate) range: Range<i64>,
    pub(crate) block: Block,
    /// The values once more, where rows may turn out to be missing.
    pub(crate) values: Option<Vec<(i64, Box<[u8]>)>>,
    /// When the newest heartbeat was sent, ms since 1970 UTC.
    heartbeat_ms: Option<i64>,
}

impl<S: Store> ClickHouseSink<S> {
    /// A sink for the topics of [`INPUTS`]. Schemas are asked of `source`, once per id.
    #[must_use]
    pub fn new(store: S, source: &Arc<dyn SchemaSource>) -> Self {
        Self {
            store,
            decoders: decoders(source),
            staged: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            untouched: BTreeSet::new(),
            spare: Vec::new(),
            rows: 0,
            bytes: 0,
            body: Vec::new(),
        }
    }

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    fn learn(&mut self, topic: u16, value: &[u8]) -> Result<(), SinkError> {
        let decoder = &mut self.decoders[usize::from(topic)];
        let Some(id) = decoder.missing(value) else { return Ok(()) };
        decoder.learn(id).map_err(|error| match error {
            SourceError::Unavailable(cause) => SinkError::Unavailable(cause),
            refused @ SourceError::Refused { .. } => SinkError::Fatal(refused.to_string()),
        })
    }

    /// A position that is gone, or of another group, would bring everything twice: whoever lost it has to say where to go on.
    fn check_untouched(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        let source = batch.source;
        if self.untouched.contains(&source) && Block::of_topic(source.topic).repeats() == Repeats::Double {
            if self.store.has_rows(batch.topic_id, source.partition).map_err(sink_error)? {
                let (name, partition) = (INPUTS[usize::from(source.topic)], source.partition);
                return Err(SinkError::Fatal(format!(
                    "{name}-{partition} has no committed position, but playback_events has rows of it: set the group's position behind the \
                     largest topic_offset of this topic_id and topic_partition"
                )));
            }
            self.untouched.remove(&source);
        }
        Ok(())
    }

    /// Inserts what is staged of a partition.
    fn write(&mut self, source: TopicPartition, staged: &Staged) -> Result<BTreeSet<Mark>, SinkError> {
        let is_unsettled = self.unsettled.get(&source) == Some(&staged.range);
        let marks = match (staged.block.repeats(), is_unsettled) {
            (Repeats::Double, true) => self.settle(source, staged)?,
            (Repeats::Double, false) => {
                self.insert(&staged.block, &token(staged.topic_id, source.partition, &staged.range))?;
                BTreeSet::new()
            }
            (Repeats::Replace, true) => {
                self.insert(&staged.block, &fresh_token(staged.topic_id, source.partition, &staged.range))?;
                staged.block.days().into_iter().map(Mark::Day).collect()
            }
            (Repeats::Replace, false) => {
                self.insert(&staged.block, &token(staged.topic_id, source.partition, &staged.range))?;
                staged.block.days().into_iter().map(Mark::Day).collect()
            }
        };
        Ok(marks)
    }

    pub(crate) fn insert(&mut self, block: &Block, token: &str) -> Result<(), SinkError> {
        // Right before each one: whoever rebuilds waits for those that have begun.
        if block.repeats() == Repeats::Double && self.store.is_held().map_err(sink_error)? {
            return Err(SinkError::Unavailable("tables that are made of playback_events are being rebuilt".to_owned()));
        }
        self.body.clear();
        block.write(&mut self.body);
        let insert = Insert { table: block.table(), token, block: &self.body, rows: block.rows() };
        self.store.insert(insert).map_err(sink_error)
    }

    fn write_all(&mut self, staged: &BTreeMap<TopicPartition, Staged>) -> Result<(), SinkError> {
        let mut marks = BTreeSet::new();
        for (&source, staged) in staged.iter().filter(|(_, staged)| staged.block.rows() > 0) {
            marks.append(&mut self.write(source, staged)?);
        }
        if !marks.is_empty() {
            self.store.mark(&marks).map_err(sink_error)?;
        }
        let heard = staged.iter().filter_map(|(source, staged)| {
            Some(Heard { topic: INPUTS[usize::from(source.topic)], partition: source.partition, sent_ms: staged.heartbeat_ms? })
        });
        let heard: Vec<Heard> = heard.collect();
        if !heard.is_empty() {
            // It tells how old what is there is; nothing that is there hangs on it.
            if let Err(error) = self.store.note_freshness(&heard) {
                tracing::warn!("freshness was not noted: {error}");
            }
        }
        Ok(())
    }

    fn forget(&mut self, staged: BTreeMap<TopicPartition, Staged>) {
        (self.rows, self.bytes) = (0, 0);
        for (source, mut staged) in staged {
            if self.spare.len() < SPARE_BLOCKS {
                staged.block.clear();
                self.spare.push((source.topic, staged.block));
            }
        }
    }
}

impl<S: Store> Sink for ClickHouseSink<S> {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Resume, SinkError> {
        self.unsettled.remove(&source);
        let Some(committed) = committed else {
            self.untouched.insert(source);
            return Ok(Resume::Beginning);
        };
        self.untouched.remove(&source);
        if committed.metadata.is_empty() {
            return Ok(Resume::At(committed.next_offset));
        }
        let Some(range) = parse_intent(&committed.metadata) else {
            return Err(SinkError::Fatal(format!(
                "the committed position holds {:?}, which is no intent of this sink",
                committed.metadata
            )));
        };
        self.unsettled.insert(source, range.clone());
        Ok(Resume::Settle(range))
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        let source = batch.source;
        for value in batch.records.iter().filter_map(|record| record.value) {
            self.learn(source.topic, value)?;
        }
        self.check_untouched(batch)?;
        let first = batch.records.first().map_or(batch.next_offset, |record| record.offset);
        let spare = self.spare.iter().position(|(topic, _)| *topic == source.topic);
        let staged = self.staged.entry(source).or_insert_with(|| Staged {
            topic_id: batch.topic_id,
            range: first..first,
            block: spare.map_or_else(|| Block::of_topic(source.topic), |at| self.spare.swap_remove(at).1),
            values: self.unsettled.contains_key(&source).then(Vec::new),
            heartbeat_ms: None,
        });
        if staged.range.is_empty() {
            // A step past a gap before the first record is no part of the range.
            staged.range.start = first;
        }
        if batch.topic_id != staged.topic_id {
            let name = INPUTS[usize::from(source.topic)];
            return Err(SinkError::Fatal(format!("topic {name} is not the one that was read before: it was made anew")));
        }
        staged.range.end = batch.next_offset;
        let before = staged.block.rows();
        let mut is_beat = |record: &&Record<'_>| {
            let is_beat = heartbeat::is_heartbeat(record);
            if is_beat {
                staged.heartbeat_ms = staged.heartbeat_ms.max(Some(record.timestamp_ms));
            }
            is_beat
        };
        let records = batch.records.iter().filter(|record| !is_beat(record) && (record.value.is_some() || source.topic >= VERSIONED));
        if let Some(values) = &mut staged.values {
            let records: Vec<&Record<'_>> = records.collect();
            values.extend(records.iter().map(|record| (record.offset, Box::from(record.value.unwrap_or_default()))));
            let pushed = staged.block.push_all(&self.decoders[usize::from(source.topic)], (batch.topic_id, source), records.into_iter());
            pushed.map_err(|(offset, rejection)| undecodable(source, offset, &rejection))?;
        } else {
            let pushed = staged.block.push_all(&self.decoders[usize::from(source.topic)], (batch.topic_id, source), records);
            pushed.map_err(|(offset, rejection)| undecodable(source, offset, &rejection))?;
        }
        self.rows += staged.block.rows() - before;
        self.bytes += batch.records.iter().filter_map(|record| record.value).map(<[u8]>::len).sum::<usize>();
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows >= FULL_ROWS || self.bytes >= FULL_BYTES
    }

    fn intents(&self) -> Vec<Position> {
        let with_rows = self.staged.iter().filter(|(_, staged)| staged.block.rows() > 0);
        let intent = |(&source, staged): (&TopicPartition, &Staged)| Position {
            source,
            committed: Committed { next_offset: staged.range.start, metadata: intent(&staged.range) },
        };
        with_rows.map(intent).collect()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let staged = std::mem::take(&mut self.staged);
        let written = self.write_all(&staged);
        if written.is_ok() {
            self.unsettled.retain(|source, range| staged.get(source).is_none_or(|staged| staged.range != *range));
        }
        self.forget(staged);
        written
    }

    fn discard(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        self.forget(staged);
    }
}

pub(crate) fn undecodable(source: TopicPartition, offset: i64, rejection: &schemas::Rejection) -> SinkError {
    let name = INPUTS[usize::from(source.topic)];
    SinkError::Fatal(format!("{name}-{}, offset {offset}, is no record of that topic: {rejection}", source.partition))
}

pub(crate) fn sink_error(error: QueryError) -> SinkError {
    if error.is_final() { SinkError::Fatal(error.to_string()) } else { SinkError::Unavailable(error.to_string()) }
}
