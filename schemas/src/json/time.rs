//! Times as text.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

use crate::schema::Meaning;

/// Microseconds since 1970 as RFC 3339 in UTC with six digits. None outside the years 0 to 9999, which RFC 3339 can't say.
pub(crate) fn to_text(micros: i64) -> Option<String> {
    let time = DateTime::<Utc>::from_timestamp_micros(micros).filter(|time| (0..=9999).contains(&time.year()))?;
    Some(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// RFC 3339 as microseconds since 1970; finer digits are cut off.
pub(crate) fn from_text(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros())
}

/// A stored time as microseconds. None where they don't fit in 64 bits.
pub(crate) fn stored_to_micros(stored: i64, meaning: Meaning) -> Option<i64> {
    match meaning {
        Meaning::TimestampMillis => stored.checked_mul(1000),
        Meaning::TimestampNanos => Some(stored.div_euclid(1000)),
        _ => Some(stored),
    }
}

/// Microseconds as they are stored.
pub(crate) fn micros_to_stored(micros: i64, meaning: Meaning) -> Option<i64> {
    match meaning {
        Meaning::TimestampMillis => Some(micros.div_euclid(1000)),
        Meaning::TimestampNanos => micros.checked_mul(1000),
        _ => Some(micros),
    }
}
