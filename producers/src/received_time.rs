//! When events are said to have been received.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat};

/// How far ahead of the clock a record may be, ms: more than that the log refuses.
const AHEAD_MS: i64 = schemas::limits::CLOCK_AHEAD_MICROS / 1000;

/// 2000-01-01T00:00:00Z, microseconds since 1970. An integer below is far more likely seconds or milliseconds than such a time.
const YEAR_2000_US: i64 = 946_684_800_000_000;

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
    #[error("{0:?} is no time: use RFC 3339, as in 2024-01-16T17:52:49Z, a date, as in 2024-01-16, or integer microseconds since 1970")]
    NotATime(String),
    /// An integer that is most likely no number of microseconds.
    #[error("{0} is read as microseconds since 1970: that is {day}; seconds and milliseconds are not understood", day = day(*.0))]
    Before2000(i64),
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

    /// The same at another time of the clock: a given time stays.
    #[must_use]
    pub fn at(self, now_ms: i64) -> Self {
        Self { ms: if self.is_given { self.ms } else { now_ms }, now_ms, ..self }
    }

    /// Microseconds since 1970 UTC.
    #[must_use]
    pub fn us(&self) -> i64 {
        self.ms.saturating_mul(1000)
    }
}

/// A time as people and programs write it: RFC 3339, a date (its first moment, UTC), or integer microseconds since 1970; in microseconds.
///
/// # Errors
/// [`BadTime::NotATime`], [`BadTime::Before2000`].
pub fn parse_time_us(text: &str) -> Result<i64, BadTime> {
    if let Ok(time_us) = text.parse() {
        return if time_us >= YEAR_2000_US { Ok(time_us) } else { Err(BadTime::Before2000(time_us)) };
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    }
    DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros()).map_err(|_| BadTime::NotATime(text.to_owned()))
}

/// `2026-01-01T20:00:00Z`, with as many decimals as it takes.
pub(crate) fn shown(time_us: i64) -> String {
    DateTime::from_timestamp_micros(time_us)
        .map_or_else(|| format!("{time_us} us"), |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn day(time_us: i64) -> String {
    DateTime::from_timestamp_micros(time_us).map_or_else(|| "beyond any calendar".to_owned(), |time| time.format("%Y-%m-%d").to_string())
}

/// How long, in the largest unit that leaves no more than a part of it out: `323 days`, `80 h`, `90 s`.
pub(crate) fn span(span_us: i64) -> String {
    let seconds = span_us / 1_000_000;
    match seconds {
        0..600 => format!("{seconds} s"),
        600..36_000 => format!("{} min", seconds / 60),
        36_000..864_000 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
