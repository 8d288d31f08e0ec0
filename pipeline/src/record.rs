//! Records as they come from a log: borrowed from the client's buffers, in batches of one partition.

use std::fmt;

use crate::Headers;

/// Joins the parts of a composite key. The partition is that of the first part.
pub const KEY_SEPARATOR: u8 = 0x1F;

/// A topic's identity: Kafka's topic UUID, or the local log's own. A topic deleted and made again under the same name gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TopicId(pub [u8; 16]);

impl fmt::Display for TopicId {
    /// Thirty-two hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One partition of one of the topics that a stage reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TopicPartition {
    /// Index in the stage's list of input topics.
    pub topic: u16,
    /// Partition number.
    pub partition: u32,
}

/// One record, borrowed from the batch that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Offset in its partition. Offsets may have gaps (control markers, compaction), so never count by them.
    pub offset: i64,
    /// Record timestamp, ms since 1970 UTC.
    pub timestamp_ms: i64,
    /// Key, where there is one.
    pub key: Option<&'a [u8]>,
    /// Value; none is a tombstone or a heartbeat.
    pub value: Option<&'a [u8]>,
    /// Headers, mostly none.
    pub headers: Headers<'a>,
}

impl<'a> Record<'a> {
    /// The value of the first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.get(name)
    }
}

/// Successive records of one partition, or none but a step past a gap. Where a batch ends carries no meaning.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// Where the records come from.
    pub source: TopicPartition,
    /// The topic's identity.
    pub topic_id: TopicId,
    /// The records, by rising offset.
    pub records: Vec<Record<'a>>,
    /// The position after this batch: the last record's offset + 1, or beyond it where the log knows of a gap.
    pub next_offset: i64,
}
