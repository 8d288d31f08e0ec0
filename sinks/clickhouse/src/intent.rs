//! What stands for a block: the intent, which is committed before it is inserted, and the token, by which its table knows it again.

use std::ops::Range;

use pipeline::TopicId;
use uuid::Uuid;

/// By which a table knows a block again: topic id, partition, first and last offset.
pub(crate) fn token(topic_id: TopicId, partition: u32, range: &Range<i64>) -> String {
    format!("{topic_id}-{partition}-{}-{}", range.start, range.end - 1)
}

/// One that no block had before.
pub(crate) fn fresh_token(topic_id: TopicId, partition: u32, range: &Range<i64>) -> String {
    format!("{}-{}", token(topic_id, partition, range), Uuid::new_v4().simple())
}

/// As it is committed with the position before the block.
pub(crate) fn intent(range: &Range<i64>) -> String {
    format!("{}..{}", range.start, range.end)
}

/// The offsets of an intent; none where the text is not one.
pub(crate) fn parse_intent(metadata: &str) -> Option<Range<i64>> {
    let (start, end) = metadata.split_once("..")?;
    let range = start.parse().ok()?..end.parse().ok()?;
    (!range.is_empty()).then_some(range)
}
