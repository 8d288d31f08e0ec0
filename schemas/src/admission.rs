//! What a raw record is held to beyond its own fields: framing, size, key, and the clocks.

use crate::checks::shown;
use crate::limits::{CLOCK_AHEAD_MICROS, RECORD_BYTES};
use crate::{Reason, Rejection, wire};

/// Opens the value of a record on a raw topic: schema id and Avro body.
///
/// # Errors
/// [`Reason::NullValue`], [`Reason::RecordTooLarge`], [`Reason::NotFramed`].
pub fn open(value: Option<&[u8]>) -> Result<(u32, &[u8]), Box<Rejection>> {
    let value = value.ok_or_else(|| Rejection::of_record(Reason::NullValue, "a tombstone on a raw topic"))?;
    check_size(value.len())?;
    wire::split(value)
}

/// Holds a value to its largest size.
///
/// # Errors
/// [`Reason::RecordTooLarge`].
pub fn check_size(length_bytes: usize) -> Result<(), Box<Rejection>> {
    if length_bytes <= RECORD_BYTES {
        return Ok(());
    }
    Err(Rejection::of_record(Reason::RecordTooLarge, format!("{length_bytes} bytes, at most {RECORD_BYTES}")))
}

/// Holds the key of a record to be its own field (`field` = `value`), for it says in which partition the record lies.
///
/// # Errors
/// [`Reason::MissingKey`], [`Reason::KeyMismatch`].
#[inline]
pub fn check_key(key: Option<&[u8]>, field: &'static str, value: &str) -> Result<(), Box<Rejection>> {
    if key == Some(value.as_bytes()) { Ok(()) } else { Err(wrong_key(key, field, value)) }
}

#[cold]
#[inline(never)]
fn wrong_key(key: Option<&[u8]>, field: &'static str, value: &str) -> Box<Rejection> {
    match key {
        None => Rejection::of_field(Reason::MissingKey, field, format!("no key, must be {}", shown(value))),
        Some(key) => {
            let detail = format!("the key is {}, the field {}", shown(&String::from_utf8_lossy(key)), shown(value));
            Rejection::of_field(Reason::KeyMismatch, field, detail)
        }
    }
}

/// Holds an event to the bound for late data: event_time + clock_shift_ms may be `window_micros` before received_time.
///
/// # Errors
/// [`Reason::TimeTooOld`].
pub fn check_age(
    event_time_micros: i64,
    clock_shift_ms: Option<i64>,
    received_time_micros: i64,
    window_micros: i64,
) -> Result<(), Box<Rejection>> {
    let shifted = event_time_micros.saturating_add(clock_shift_ms.unwrap_or(0).saturating_mul(1000));
    let age_micros = received_time_micros.saturating_sub(shifted);
    if age_micros <= window_micros {
        return Ok(());
    }
    let detail =
        format!("{event_time_micros} us is {} s before received_time, at most {} s", age_micros / 1_000_000, window_micros / 1_000_000);
    Err(Rejection::of_field(Reason::TimeTooOld, "event_time", detail))
}

/// Holds received_time to at most 60 s ahead of now (both microseconds since 1970).
///
/// # Errors
/// [`Reason::ReceivedTimeInFuture`].
pub fn check_received_time(received_time_micros: i64, now_micros: i64) -> Result<(), Box<Rejection>> {
    let ahead_micros = received_time_micros.saturating_sub(now_micros);
    if ahead_micros <= CLOCK_AHEAD_MICROS {
        return Ok(());
    }
    let detail = format!("{received_time_micros} us is {} s ahead of now, at most 60 s", ahead_micros / 1_000_000);
    Err(Rejection::of_field(Reason::ReceivedTimeInFuture, "received_time", detail))
}
