//! The limits of a raw event's fields, checked as they are read.
//!
//! A check sees the value where it lies in the record, so that it can also correct it. The words for a refusal are made on a cold path.

use crate::codec::Attributes;
use crate::limits::{
    ATTRIBUTES, ATTRIBUTES_BYTES, BITRATE_BPS, DURATION_MS, EARLIEST_TIME_MICROS, ID_BYTES, POSITION_MS, RATE_MAX, RATE_MIN,
    SESSION_ID_BYTES,
};
use crate::{Reason, Rejection};

type Checked = Result<(), Box<Rejection>>;

/// How much of a refused string is shown.
const SHOWN_BYTES: usize = 80;

#[inline(always)]
fn length_within<const LIMIT: usize>(value: &str, field: &'static str) -> Checked {
    if value.len() <= LIMIT { Ok(()) } else { Err(too_long(value, LIMIT, field)) }
}

#[inline(always)]
fn id_within<const LIMIT: usize>(value: &str, field: &'static str) -> Checked {
    // One comparison for both ends: a length of 0 wraps around.
    if value.len().wrapping_sub(1) < LIMIT { Ok(()) } else { Err(bad_id(value, LIMIT, field)) }
}

/// A session's id: 1 to 64 bytes.
#[inline(always)]
pub(crate) fn session_id(value: &mut &str, field: &'static str) -> Checked {
    id_within::<SESSION_ID_BYTES>(value, field)
}

/// Any other id: 1 to 256 bytes.
#[inline(always)]
pub(crate) fn id(value: &mut &str, field: &'static str) -> Checked {
    id_within::<ID_BYTES>(value, field)
}

/// An id that may be missing.
#[inline(always)]
pub(crate) fn optional_id(value: &mut Option<&str>, field: &'static str) -> Checked {
    value.map_or(Ok(()), |value| id_within::<ID_BYTES>(value, field))
}

/// A dimension: at most 256 bytes.
#[inline(always)]
pub(crate) fn dimension(value: &mut Option<&str>, field: &'static str) -> Checked {
    value.map_or(Ok(()), |value| length_within::<ID_BYTES>(value, field))
}

/// A time that the client or a server says: not before 2000.
#[inline(always)]
pub(crate) fn time(value: &mut i64, field: &'static str) -> Checked {
    if *value >= EARLIEST_TIME_MICROS { Ok(()) } else { Err(number(Reason::TimeBefore2000, field, *value, "us, before 2000-01-01")) }
}

/// A position in the media: 0 to 48 h.
#[inline(always)]
pub(crate) fn position(value: &mut Option<i64>, field: &'static str) -> Checked {
    match *value {
        Some(position_ms) if position_ms.cast_unsigned() > POSITION_MS.cast_unsigned() => Err(bad_position(position_ms, field)),
        _ => Ok(()),
    }
}

/// What a client measured: 0 to 24 h.
#[inline(always)]
pub(crate) fn duration(value: &mut Option<i64>, field: &'static str) -> Checked {
    match *value {
        Some(duration_ms) if duration_ms.cast_unsigned() > DURATION_MS.cast_unsigned() => {
            Err(number(Reason::NegativeDuration, field, duration_ms, "ms is not within 0 to 24 h"))
        }
        _ => Ok(()),
    }
}

/// The length of a content: 0 to 48 h, as far as its positions reach.
#[inline(always)]
pub(crate) fn runtime(value: &mut Option<i64>, field: &'static str) -> Checked {
    match *value {
        Some(runtime_ms) if runtime_ms.cast_unsigned() > POSITION_MS.cast_unsigned() => {
            Err(number(Reason::NegativeDuration, field, runtime_ms, "ms is not within 0 to 48 h"))
        }
        _ => Ok(()),
    }
}

/// A bitrate: 0 to 2 Gbit/s.
#[inline(always)]
pub(crate) fn bitrate(value: &mut Option<i64>, field: &'static str) -> Checked {
    match *value {
        Some(bitrate_bps) if bitrate_bps.cast_unsigned() > BITRATE_BPS.cast_unsigned() => {
            Err(number(Reason::BadBitrate, field, bitrate_bps, "bit/s is not within 0 to 2 Gbit/s"))
        }
        _ => Ok(()),
    }
}

/// A playback rate: 0.01 to 16, or 0 (CMCD `pr=0`, not playing), which stays in the bytes and reads as unknown.
#[inline(always)]
pub(crate) fn rate(value: &mut Option<f32>, field: &'static str) -> Checked {
    let Some(rate) = *value else { return Ok(()) };
    if (RATE_MIN..=RATE_MAX).contains(&rate) {
        return Ok(());
    }
    if rate == 0.0 {
        *value = None;
        return Ok(());
    }
    Err(bad_rate(rate, field))
}

/// A country: two capital letters.
#[inline(always)]
pub(crate) fn country(value: &mut Option<&str>, field: &'static str) -> Checked {
    match value.map(str::as_bytes) {
        None | Some([b'A'..=b'Z', b'A'..=b'Z']) => Ok(()),
        Some(_) => Err(bad_country(value.unwrap_or_default(), field)),
    }
}

/// The extension map: at most 32 entries and 2 KiB of keys and values.
#[inline(always)]
pub(crate) fn attributes(value: &mut Attributes<'_>, field: &'static str) -> Checked {
    if value.is_empty() { Ok(()) } else { filled_attributes(value, field) }
}

#[inline(never)]
fn filled_attributes(value: &Attributes<'_>, field: &'static str) -> Checked {
    if value.len() > ATTRIBUTES {
        let detail = format!("{} entries, at most {ATTRIBUTES}", value.len());
        return Err(Rejection::of_field(Reason::TooManyAttributes, field, detail));
    }
    // The encoding is longer than what it says, so mostly there is nothing to add up.
    if value.encoded_bytes() <= ATTRIBUTES_BYTES {
        return Ok(());
    }
    let bytes: usize = value.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > ATTRIBUTES_BYTES {
        let detail = format!("{bytes} bytes of keys and values, at most {ATTRIBUTES_BYTES}");
        return Err(Rejection::of_field(Reason::AttributesTooLarge, field, detail));
    }
    Ok(())
}

/// A string as it is shown: quoted, and cut where it is long.
pub(crate) fn shown(value: &str) -> String {
    if value.len() <= SHOWN_BYTES {
        return format!("{value:?}");
    }
    let end = value.floor_char_boundary(SHOWN_BYTES);
    format!("{:?}... ({} bytes)", &value[..end], value.len())
}

#[cold]
#[inline(never)]
fn bad_id(value: &str, limit: usize, field: &'static str) -> Box<Rejection> {
    if value.is_empty() {
        return Rejection::of_field(Reason::EmptyId, field, format!("\"\" has 0 bytes, must be 1 to {limit}"));
    }
    too_long(value, limit, field)
}

#[cold]
#[inline(never)]
fn too_long(value: &str, limit: usize, field: &'static str) -> Box<Rejection> {
    Rejection::of_field(Reason::IdTooLong, field, format!("{} has {} bytes, at most {limit}", shown(value), value.len()))
}

#[cold]
#[inline(never)]
fn number(reason: Reason, field: &'static str, value: i64, problem: &str) -> Box<Rejection> {
    Rejection::of_field(reason, field, format!("{value} {problem}"))
}

#[cold]
#[inline(never)]
fn bad_position(position_ms: i64, field: &'static str) -> Box<Rejection> {
    if position_ms < 0 {
        number(Reason::NegativePosition, field, position_ms, "ms is below 0")
    } else {
        number(Reason::PositionOutOfRange, field, position_ms, "ms is above 48 h")
    }
}

#[cold]
#[inline(never)]
fn bad_rate(rate: f32, field: &'static str) -> Box<Rejection> {
    Rejection::of_field(Reason::BadRate, field, format!("{rate} is neither 0 nor within {RATE_MIN} to {RATE_MAX}"))
}

#[cold]
#[inline(never)]
fn bad_country(value: &str, field: &'static str) -> Box<Rejection> {
    Rejection::of_field(Reason::BadCountry, field, format!("{} is not two capital letters", shown(value)))
}
