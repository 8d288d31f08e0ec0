//! The sink: records are turned into columns as they come, and each partition's columns are inserted as one block.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline::{Batch, Committed, Headers, Position, Record, Resume, Sink, SinkError, TopicId, TopicPartition, heartbeat};
use schemas::{Decoder, SchemaSource, SourceError};
use uuid::Uuid;

use crate::QueryError;
use crate::store::{Heard, Insert, Mark, Span, Store};
use crate::tables::{Block, INPUTS, Repeats, decoders};

/// Rows staged that are worth inserts of their own. Far below what ClickHouse would cut into two blocks.
const FULL_ROWS: usize = 262_144;
/// The same in bytes of records.
const FULL_BYTES: usize = 64 << 20;
/// Empty blocks that are kept for the next partitions, with their memory.
const SPARE_BLOCKS: usize = 4;
/// How often missing rows are inserted before the store counts as not available.
const REPAIRS: usize = 3;
/// How long `playback_events` keeps what was received, less a day.
const KEPT: Duration = Duration::from_hours(89 * 24);
/// How often, and how long each time, a block that is being inserted is waited for.
const INSERT_WAITS: usize = 100;
const INSERT_WAIT: Duration = Duration::from_millis(50);

/// Writes clean events, sessions' quality of service, titles and profiles to ClickHouse.
pub struct ClickHouseSink<S> {
    store: S,
    decoders: [Decoder; INPUTS.len()],
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
struct Staged {
    topic_id: TopicId,
    /// From its first record up to before the next offset; without records it is empty.
    range: Range<i64>,
    block: Block,
    /// The values once more, where rows may turn out to be missing.
    values: Option<Vec<(i64, Box<[u8]>)>>,
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

    /// Inserts a block of which nobody knows whether it is there: again under its token, which is then known for certain, whatever may still
    /// be under way; then what is missing all the same.
    fn settle(&mut self, source: TopicPartition, staged: &Staged) -> Result<BTreeSet<Mark>, SinkError> {
        let known = token(staged.topic_id, source.partition, &staged.range);
        self.wait_for_insert(&known)?;
        // Before anything can be counted twice or not at all by the tables that are made of it.
        let marks: BTreeSet<Mark> = staged.block.hours().into_iter().map(Mark::Hour).collect();
        self.insert(&staged.block, &known)?;
        let Some(days) = staged.block.filed() else { return Ok(marks) };
        let span = Span { topic_id: staged.topic_id, partition: source.partition, offsets: staged.range.clone(), days };
        let values = staged.values.as_deref().unwrap_or_default();
        for _ in 0..REPAIRS {
            let found = self.store.offsets(&span).map_err(sink_error)?;
            if let Some(doubled) = found.windows(2).find(|pair| pair[0] == pair[1]) {
                let (table, partition) = (staged.block.table(), source.partition);
                return Err(SinkError::Fatal(format!("{table} has offset {} of partition {partition} twice", doubled[0])));
            }
            let missing: Vec<&(i64, Box<[u8]>)> = values.iter().filter(|(offset, _)| found.binary_search(offset).is_err()).collect();
            if missing.is_empty() {
                return Ok(marks);
            }
            tracing::warn!(
                rows = missing.len(),
                block = known,
                "rows are missing though the store knows their block; they are inserted again"
            );
            let mut block = Block::of_topic(source.topic);
            push(&mut block, &self.decoders, source, staged.topic_id, missing.into_iter().map(|(offset, value)| (*offset, &**value)))?;
            self.insert(&block, &fresh_token(staged.topic_id, source.partition, &staged.range))?;
        }
        if span.days[1].0 < kept_since_us() {
            tracing::warn!(block = known, "rows are missing that were received so long ago that the table does not keep them");
            return Ok(marks);
        }
        Err(SinkError::Unavailable(format!("block {known} has rows that do not stay")))
    }

    /// Waits until nobody inserts the block any more: whoever was killed may have left a request behind.
    fn wait_for_insert(&mut self, token: &str) -> Result<(), SinkError> {
        for _ in 0..INSERT_WAITS {
            if !self.store.is_inserting(token).map_err(sink_error)? {
                return Ok(());
            }
            std::thread::sleep(INSERT_WAIT);
        }
        Err(SinkError::Unavailable(format!("block {token} is still being inserted")))
    }

    fn insert(&mut self, block: &Block, token: &str) -> Result<(), SinkError> {
        self.body.clear();
        block.write(&mut self.body);
        let insert = Insert { table: block.table(), token, block: &self.body, rows: block.rows() };
        self.store.insert(insert).map_err(sink_error)
    }

    fn write_all(&mut self, staged: &BTreeMap<TopicPartition, Staged>) -> Result<(), SinkError> {
        let has_events = staged.values().any(|staged| staged.block.repeats() == Repeats::Double && staged.block.rows() > 0);
        if has_events && self.store.is_held().map_err(sink_error)? {
            return Err(SinkError::Unavailable("tables that are made of playback_events are being rebuilt".to_owned()));
        }
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
            self.store.note_freshness(&heard).map_err(sink_error)?;
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
        let records = batch.records.iter().filter(|record| !is_beat(record) && record.value.is_some());
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

/// Appends the rows of values that were accepted before.
fn push<'v>(
    block: &mut Block,
    decoders: &[Decoder],
    source: TopicPartition,
    topic_id: TopicId,
    values: impl Iterator<Item = (i64, &'v [u8])>,
) -> Result<(), SinkError> {
    let records: Vec<Record<'v>> =
        values.map(|(offset, value)| Record { offset, timestamp_ms: 0, key: None, value: Some(value), headers: Headers::NONE }).collect();
    let pushed = block.push_all(&decoders[usize::from(source.topic)], (topic_id, source), records.iter());
    pushed.map_err(|(offset, rejection)| undecodable(source, offset, &rejection))
}

fn undecodable(source: TopicPartition, offset: i64, rejection: &schemas::Rejection) -> SinkError {
    let name = INPUTS[usize::from(source.topic)];
    SinkError::Fatal(format!("{name}-{}, offset {offset}, is no record of that topic: {rejection}", source.partition))
}

fn sink_error(error: QueryError) -> SinkError {
    if error.is_final() { SinkError::Fatal(error.to_string()) } else { SinkError::Unavailable(error.to_string()) }
}

/// By which a table knows a block again: topic id, partition, first and last offset.
fn token(topic_id: TopicId, partition: u32, range: &Range<i64>) -> String {
    format!("{topic_id}-{partition}-{}-{}", range.start, range.end - 1)
}

/// One that no block had before.
fn fresh_token(topic_id: TopicId, partition: u32, range: &Range<i64>) -> String {
    format!("{}-{}", token(topic_id, partition, range), Uuid::new_v4().simple())
}

/// What was received before is gone from `playback_events`, or may go at any moment: microseconds since 1970 UTC.
fn kept_since_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(KEPT).as_micros()).unwrap_or(i64::MAX)
}

fn intent(range: &Range<i64>) -> String {
    format!("{}..{}", range.start, range.end)
}

fn parse_intent(metadata: &str) -> Option<Range<i64>> {
    let (start, end) = metadata.split_once("..")?;
    let range = start.parse().ok()?..end.parse().ok()?;
    (!range.is_empty()).then_some(range)
}
