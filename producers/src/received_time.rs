//! When events are said to have been received.

use chrono::DateTime;

/// How far ahead of the clock a record may be, ms: more than that the log refuses.
const AHEAD_MS: i64 = schemas::limits::CLOCK_AHEAD_MICROS / 1000;

/// The received_time of what is written, and the clock against which it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedTime {
    /// Whole milliseconds since 1970 UTC.
    pub ms: i64,
    /// The clock, ms since 1970 UTC.
    pub now_ms: i64,
    /// Given by whoever replays, and not taken from the clock: then nothing is too old.
    pub is_given: bool,
}

/// A time that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Not a time.
    #[error("{0:?} is no time: use RFC 3339, as in 2024-01-16T17:52:49Z, or integer microseconds since 1970")]
    NotATime(String),
    /// Ahead of the clock.
    #[error("{0:?} is in the future: the log refuses records more than 60 s ahead of its clock")]
    InFuture(String),
}

impl ReceivedTime {
    /// The clock's time.
    #[must_use]
    pub fn now(now_ms: i64) -> Self {
        Self { ms: now_ms, now_ms, is_given: false }
    }

    /// A given time, cut to whole milliseconds.
    ///
    /// # Errors
    /// Where the text is no time, or one ahead of the clock.
    pub fn given(text: &str, now_ms: i64) -> Result<Self, BadTime> {
        let ms = parse_time_us(text)?.div_euclid(1000);
        if ms > now_ms.saturating_add(AHEAD_MS) {
            return Err(BadTime::InFuture(text.to_owned()));
        }
        Ok(Self { ms, now_ms, is_given: true })
    }

    /// Microseconds since 1970 UTC.
    #[must_use]
    pub fn us(&self) -> i64 {
        self.ms.saturating_mul(1000)
    }
}

/// A time as people and programs write it: RFC 3339, or integer microseconds since 1970; in microseconds.
///
/// # Errors
/// [`BadTime::NotATime`].
pub fn parse_time_us(text: &str) -> Result<i64, BadTime> {
    if let Ok(time_us) = text.parse() {
        return Ok(time_us);
    }
    DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros()).map_err(|_| BadTime::NotATime(text.to_owned()))
}
