//! How times are shown.

use chrono::{DateTime, SecondsFormat};
use serde::Serializer;

/// RFC 3339 in UTC with six digits of microseconds: `2024-01-16T17:52:49.000000Z`. Times that no calendar holds are shown as their number.
#[must_use]
pub fn rfc3339(time_us: i64) -> String {
    DateTime::from_timestamp_micros(time_us).map_or_else(|| time_us.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

pub(crate) fn serialize<S: Serializer>(time_us: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time_us))
}

pub(crate) fn serialize_optional<S: Serializer>(time_us: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match time_us {
        Some(time_us) => serialize(time_us, serializer),
        None => serializer.serialize_none(),
    }
}
