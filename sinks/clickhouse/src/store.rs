//! What the sink asks of ClickHouse, so that it can be asked of a double too.

use std::collections::BTreeSet;
use std::ops::Range;

use pipeline::TopicId;
use uuid::Uuid;

use crate::recompute::listed;
use crate::{Client, QueryError};

/// One block for one table.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'i> {
    /// The table.
    pub table: &'static str,
    /// By which the table knows the block again.
    pub token: &'i str,
    /// The block, in the Native format.
    pub block: &'i [u8],
    /// Its rows.
    pub rows: usize,
}

/// Rows of `playback_events` that come from a range of offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Their topic.
    pub topic_id: TopicId,
    /// Their partition.
    pub partition: u32,
    /// Their offsets.
    pub offsets: Range<i64>,
    /// First and last day on which they happened and on which they were received, microseconds since 1970 UTC: where they lie.
    pub days: [(i64, i64); 2],
}

impl Span {
    /// As ClickHouse asks for it.
    fn condition(&self) -> String {
        let day = |time_us: i64| time_us.div_euclid(86_400_000_000);
        let [(happened_from, happened_to), (received_from, received_to)] = self.days.map(|(from, to)| (day(from), day(to)));
        format!(
            "topic_id = '{}' AND topic_partition = {} AND topic_offset >= {} AND topic_offset < {} \
             AND event_date BETWEEN toDate({happened_from}) AND toDate({happened_to}) \
             AND received_date BETWEEN toDate({received_from}) AND toDate({received_to})",
            Uuid::from_bytes(self.topic_id.0),
            self.partition,
            self.offsets.start,
            self.offsets.end,
        )
    }
}

/// What has to be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// A day of `content_metrics_daily`, by its start, microseconds since 1970 UTC.
    Day(i64),
    /// An hour of the tables by minute, by its start, microseconds since 1970 UTC.
    Hour(i64),
}

/// A heartbeat that came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The topic.
    pub topic: &'static str,
    /// Its partition.
    pub partition: u32,
    /// When it was sent, ms since 1970 UTC.
    pub sent_ms: i64,
}

/// The store of a sink.
pub trait Store {
    /// Inserts a block unless its token is known; comes back when it is durable.
    ///
    /// # Errors
    /// After an error without an answer it may have been done.
    fn insert(&mut self, insert: Insert<'_>) -> Result<(), QueryError>;

    /// Whether a block with this token is being inserted right now, for whomever.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn is_inserting(&mut self, token: &str) -> Result<bool, QueryError>;

    /// The offsets of the rows that are there, in rising order. One that stands twice is there twice.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn offsets(&mut self, span: &Span) -> Result<Vec<i64>, QueryError>;

    /// Takes the rows with these offsets out, however often each is there; comes back when they are gone.
    ///
    /// # Errors
    /// After an error without an answer they may go later; rows that are inserted from now on stay.
    fn take_out(&mut self, span: &Span, offsets: &BTreeSet<i64>) -> Result<(), QueryError>;

    /// Whether `playback_events` has a row of this partition.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn has_rows(&mut self, topic_id: TopicId, partition: u32) -> Result<bool, QueryError>;

    /// Whether nothing may be written to `playback_events`, for a table that is made from it is being rebuilt.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn is_held(&mut self) -> Result<bool, QueryError>;

    /// Marks what has to be made again; comes back when that is durable.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn mark(&mut self, marks: &BTreeSet<Mark>) -> Result<(), QueryError>;

    /// Notes that all that came before these heartbeats is in the tables, now.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn note_freshness(&mut self, heard: &[Heard]) -> Result<(), QueryError>;
}

impl Store for Client {
    fn insert(&mut self, insert: Insert<'_>) -> Result<(), QueryError> {
        Self::insert(self, insert.table, insert.token, insert.block)
    }

    fn is_inserting(&mut self, token: &str) -> Result<bool, QueryError> {
        let statement = format!("SELECT count() FROM system.processes WHERE Settings['insert_deduplication_token'] = '{token}'");
        Ok(self.query(&statement)?.trim_ascii() != b"0")
    }

    fn offsets(&mut self, span: &Span) -> Result<Vec<i64>, QueryError> {
        let condition = span.condition();
        let statement = format!("SELECT topic_offset FROM playback_events WHERE {condition} ORDER BY topic_offset FORMAT RowBinary");
        let answer = self.query(&statement)?;
        let (offsets, rest) = answer.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(QueryError::NoAnswer("half of an answer".to_owned()));
        }
        Ok(offsets.iter().map(|offset| i64::from_le_bytes(*offset)).collect())
    }

    fn take_out(&mut self, span: &Span, offsets: &BTreeSet<i64>) -> Result<(), QueryError> {
        let (condition, offsets) = (span.condition(), listed(offsets.iter().copied()));
        let statement =
            format!("ALTER TABLE playback_events DELETE WHERE {condition} AND topic_offset IN ({offsets}) SETTINGS mutations_sync = 1");
        self.query(&statement).map(drop)
    }

    fn has_rows(&mut self, topic_id: TopicId, partition: u32) -> Result<bool, QueryError> {
        let id = Uuid::from_bytes(topic_id.0);
        let statement = format!("SELECT 1 FROM playback_events WHERE topic_id = '{id}' AND topic_partition = {partition} LIMIT 1");
        Ok(!self.query(&statement)?.is_empty())
    }

    fn is_held(&mut self) -> Result<bool, QueryError> {
        crate::recompute::is_held(self)
    }

    fn mark(&mut self, marks: &BTreeSet<Mark>) -> Result<(), QueryError> {
        mark(self, marks)
    }

    fn note_freshness(&mut self, heard: &[Heard]) -> Result<(), QueryError> {
        let values: Vec<String> = heard
            .iter()
            .map(|Heard { topic, partition, sent_ms }| format!("('{topic}', {partition}, fromUnixTimestamp64Milli({sent_ms}), now64(3))"))
            .collect();
        if values.is_empty() {
            return Ok(());
        }
        self.query(&format!("INSERT INTO pipeline_freshness (topic, topic_partition, sent_at, stored_at) VALUES {}", values.join(", ")))
            .map(drop)
    }
}

/// Marks what has to be made again.
pub(crate) fn mark(client: &Client, marks: &BTreeSet<Mark>) -> Result<(), QueryError> {
    let values: Vec<String> = marks
        .iter()
        .map(|mark| {
            let (unit, time_us) = match mark {
                Mark::Day(time_us) => ("day", time_us),
                Mark::Hour(time_us) => ("hour", time_us),
            };
            format!("('{}', '{unit}', {}, 0)", Uuid::new_v4(), time_us.div_euclid(1_000_000))
        })
        .collect();
    if values.is_empty() {
        return Ok(());
    }
    client.query(&format!("INSERT INTO recompute_pending (id, unit, starts_at, is_done) VALUES {}", values.join(", "))).map(drop)
}
