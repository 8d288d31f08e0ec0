//! How a refused record is written down, and how a restore learns what was refused.

use std::collections::BTreeSet;

use crate::{Moment, Outputs, Record, Rejection, TopicId, TopicPartition, Unavailable};

/// Writes dead letters and recognises them again. The record format belongs to the domain; the rule belongs here: **a verdict is given
/// once**, so a restore skips exactly the offsets that were refused.
pub trait DeadLetters {
    /// Name of the topic.
    fn topic(&self) -> &str;

    /// The partition of the topic that holds the dead letters of `source`.
    fn partition(&self, source: TopicPartition) -> u32;

    /// Writes down a refused record.
    fn write(&self, stage: &str, record: &Record<'_>, moment: &Moment, rejection: &Rejection, out: &mut Outputs);

    /// Where the record named by a dead letter stood (topic, partition, offset), if `letter` is one of `stage`.
    ///
    /// # Errors
    /// Where the letter cannot be read, and may be one of `stage`. It must not be taken for none: a restore that judges without knowing
    /// would accept what was refused. So it waits, and asks again.
    fn refused(&self, stage: &str, letter: &Record<'_>) -> Result<Option<(TopicId, u32, i64)>, Unavailable>;
}

/// The offsets of one partition that were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    refused: BTreeSet<(TopicId, i64)>,
}

impl Verdicts {
    /// Notes a refusal.
    pub fn refuse(&mut self, topic_id: TopicId, offset: i64) {
        self.refused.insert((topic_id, offset));
    }

    /// Whether the record at `offset` of this topic was refused.
    #[must_use]
    pub fn is_refused(&self, topic_id: TopicId, offset: i64) -> bool {
        self.refused.contains(&(topic_id, offset))
    }
}

/// For processors that refuse nothing. Refusing all the same is a bug, and panics.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDeadLetters;

impl DeadLetters for NoDeadLetters {
    fn topic(&self) -> &'static str {
        ""
    }

    fn partition(&self, _: TopicPartition) -> u32 {
        0
    }

    fn write(&self, stage: &str, record: &Record<'_>, _: &Moment, rejection: &Rejection, _: &mut Outputs) {
        unreachable!("{stage} refused offset {} ({}), but has no dead letters", record.offset, rejection.reason)
    }

    fn refused(&self, _: &str, _: &Record<'_>) -> Result<Option<(TopicId, u32, i64)>, Unavailable> {
        Ok(None)
    }
}
