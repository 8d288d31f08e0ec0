//! A block of which nobody knows whether it was inserted: after a restart, and after an answer that did not come.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline::{Headers, Record, SinkError, TopicId, TopicPartition};
use schemas::Decoder;

use crate::intent::{fresh_token, token};
use crate::sink::{ClickHouseSink, Staged, sink_error, undecodable};
use crate::store::{Mark, Span, Store};
use crate::tables::Block;

/// How often missing rows are inserted before the store counts as not available.
const REPAIRS: usize = 3;
/// How long `playback_events` keeps what was received, less a day.
const KEPT: Duration = Duration::from_hours(89 * 24);
/// How often, and how long each time, a block that is being inserted is waited for.
const INSERT_WAITS: usize = 100;
const INSERT_WAIT: Duration = Duration::from_millis(50);

impl<S: Store> ClickHouseSink<S> {
    /// Brings a block whole of which nobody knows whether it is there. What is there is read first: its token may be forgotten by now, so that the
    /// block would come twice. What is missing comes under the block's own token, so that one that is still on its way is left out; and where
    /// the token is known without the rows, under a token of its own. Rows that are there twice, as by hands that inserted them again, are
    /// taken out, and are then missing.
    pub(crate) fn settle(&mut self, source: TopicPartition, staged: &Staged) -> Result<BTreeSet<Mark>, SinkError> {
        let known = token(staged.topic_id, source.partition, &staged.range);
        self.wait_for_insert(&known)?;
        // Before anything can be counted twice or not at all by the tables that are made of it.
        let marks: BTreeSet<Mark> = staged.block.hours().into_iter().map(Mark::Hour).collect();
        let Some(days) = staged.block.filed() else { return Ok(marks) };
        let span = Span { topic_id: staged.topic_id, partition: source.partition, offsets: staged.range.clone(), days };
        let values = staged.values.as_deref().unwrap_or_default();
        for attempt in 0..=REPAIRS {
            let found = self.found_once(&span, &known)?;
            let missing: Vec<&(i64, Box<[u8]>)> = values.iter().filter(|(offset, _)| found.binary_search(offset).is_err()).collect();
            if missing.is_empty() {
                return Ok(marks);
            }
            let token = if attempt == 0 { known.clone() } else { fresh_token(staged.topic_id, source.partition, &staged.range) };
            if attempt > 0 {
                let rows = missing.len();
                tracing::warn!(rows, block = known, "rows are missing though the store knows their block; they are inserted again");
            }
            let mut block = Block::of_topic(source.topic);
            push(&mut block, &self.decoders, source, staged.topic_id, missing.into_iter().map(|(offset, value)| (*offset, &**value)))?;
            self.insert(&block, &token)?;
        }
        if self.found_once(&span, &known)?.len() == values.len() {
            return Ok(marks);
        }
        if span.days[1].0 < kept_since_us() {
            tracing::warn!(block = known, "rows are missing that were received so long ago that the table does not keep them");
            return Ok(marks);
        }
        Err(SinkError::Unavailable(format!("block {known} has rows that do not stay")))
    }

    /// The offsets that are there once, in rising order; those that were there twice are taken out altogether.
    fn found_once(&mut self, span: &Span, known: &str) -> Result<Vec<i64>, SinkError> {
        let mut found = self.store.offsets(span).map_err(sink_error)?;
        let doubled: BTreeSet<i64> = found.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        if !doubled.is_empty() {
            tracing::warn!(rows = doubled.len(), block = known, "rows are there more than once; they are taken out and inserted again");
            self.store.take_out(span, &doubled).map_err(sink_error)?;
            found.retain(|offset| !doubled.contains(offset));
        }
        Ok(found)
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

/// What was received before is gone from `playback_events`, or may go at any moment: microseconds since 1970 UTC.
fn kept_since_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(KEPT).as_micros()).unwrap_or(i64::MAX)
}
