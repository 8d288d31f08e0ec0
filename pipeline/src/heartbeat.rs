//! Heartbeats: records that move log time on idle partitions and by whose arrival freshness is measured.

use std::fmt::Write as _;

use crate::Record;

/// The header by which a heartbeat is known, before anything else is looked at. Its value is [`Beat`] as text.
pub const HEADER: &str = "playhead.heartbeat";

/// Every heartbeat's key begins so; compacted topics need one.
pub const KEY_PREFIX: &str = "playhead.heartbeat/";

/// A stage passes on one heartbeat per this much log time and input partition.
pub const INTERVAL_MS: i64 = 10_000;

/// What a heartbeat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Number among its writer's heartbeats.
    pub sequence: i64,
    /// When it was sent, ms since 1970 UTC.
    pub sent_ms: i64,
}

impl Beat {
    /// `<sequence> <sent_ms>`, the header's value.
    #[must_use]
    pub fn to_text(self) -> String {
        format!("{} {}", self.sequence, self.sent_ms)
    }

    /// Reads a header's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (sequence, sent_ms) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        Some(Self { sequence: sequence.parse().ok()?, sent_ms: sent_ms.parse().ok()? })
    }
}

/// Whether a record is a heartbeat.
#[must_use]
pub fn is_heartbeat(record: &Record<'_>) -> bool {
    !record.headers.is_empty() && record.header(HEADER).is_some()
}

/// The key of a heartbeat that `writer` (a gateway, an importer) makes.
#[must_use]
pub fn writer_key(writer: &str) -> String {
    format!("{KEY_PREFIX}{writer}")
}

/// The key of a heartbeat that a stage passes on for one of its input partitions.
#[must_use]
pub fn forwarded_key(topic: &str, partition: u32) -> String {
    let mut key = writer_key(topic);
    write!(key, "/{partition}").expect("writing to a String does not fail");
    key
}

/// The input partition for which a passed-on heartbeat stands.
#[must_use]
pub fn forwarded_for(key: &[u8]) -> Option<(&str, u32)> {
    let (topic, partition) = std::str::from_utf8(key).ok()?.strip_prefix(KEY_PREFIX)?.rsplit_once('/')?;
    Some((topic, partition.parse().ok()?))
}
