//! Confluent's framing: 0x00, the schema's id (four bytes, big endian), the Avro body.

use crate::{Reason, Rejection};

/// Bytes before the body.
pub const FRAME_BYTES: usize = 5;

/// Splits a value into schema id and Avro body.
///
/// # Errors
/// [`Reason::NotFramed`].
#[inline]
pub fn split(value: &[u8]) -> Result<(u32, &[u8]), Box<Rejection>> {
    match value {
        [0, a, b, c, d, body @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), body)),
        _ => Err(not_framed(value)),
    }
}

/// Appends the framing; the body comes after it.
#[inline]
pub fn frame(schema_id: u32, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&schema_id.to_be_bytes());
}

#[cold]
#[inline(never)]
fn not_framed(value: &[u8]) -> Box<Rejection> {
    let start = value[..value.len().min(FRAME_BYTES)].escape_ascii();
    Rejection::of_record(Reason::NotFramed, format!("{} bytes, beginning with \"{start}\": not 0x00 and a schema id", value.len()))
}
