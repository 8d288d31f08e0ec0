//! What of a refused record finds room in a dead letter.

use std::borrow::Cow;

use pipeline::Record;
use schemas::header_name;
use sha2::{Digest, Sha256};

/// The largest value that a dead letter carries whole: the largest record of a raw topic. A larger one is given by reference.
const MAX_VALUE_BYTES: usize = schemas::limits::RECORD_BYTES;
/// What a dead letter keeps of a value that is given by reference.
const KEPT_BYTES: usize = schemas::limits::REFERENCED_VALUE_BYTES;

/// Value and headers as the dead letter has them.
pub(super) struct Fit<'r> {
    pub(super) value: Option<&'r [u8]>,
    /// SHA-256 of the whole value, where not all of it is here.
    pub(super) value_sha256: Option<[u8; 32]>,
    /// The first headers, in order.
    pub(super) headers: Vec<(Cow<'r, str>, &'r [u8])>,
    /// How many follow that found no room.
    pub(super) headers_left_out: usize,
}

impl<'r> Fit<'r> {
    /// Fits a record into `room` bytes of a dead letter. Everything is kept if it can be; else the value goes by reference; and where even
    /// that leaves the headers too little room, the first ones are kept. In the log's own terms headers would always find room, for a source
    /// takes smaller records than `dead_letters`: only names that are no text grow on their way.
    pub(super) fn of(record: &Record<'r>, room: usize) -> Self {
        let mut headers: Vec<_> = record.headers.iter().map(|(name, value)| (header_name::as_text(name), value)).collect();
        let headers_bytes = headers.iter().map(header_bytes).sum::<usize>();
        let value_bytes = record.value.map_or(0, <[u8]>::len);
        let is_whole = value_bytes <= MAX_VALUE_BYTES && value_bytes.saturating_add(headers_bytes) <= room;
        let value = record.value.map(|value| if is_whole { value } else { &value[..value.len().min(KEPT_BYTES)] });
        let kept_bytes = value.map_or(0, <[u8]>::len);
        let mut left = room.saturating_sub(kept_bytes);
        let count = headers.iter().take_while(|header| take(&mut left, header_bytes(header))).count();
        let headers_left_out = headers.len() - count;
        headers.truncate(count);
        Self {
            value,
            value_sha256: record.value.filter(|_| kept_bytes < value_bytes).map(|value| Sha256::digest(value).into()),
            headers,
            headers_left_out,
        }
    }
}

/// What a header takes in Avro: two lengths, the name, the value.
fn header_bytes((name, value): &(Cow<'_, str>, &[u8])) -> usize {
    [name.len(), value.len()].into_iter().map(|length| varint_bytes(length) + length).sum()
}

/// What a length takes in Avro: 7 bits of it in each byte, after one bit for its sign.
fn varint_bytes(length: usize) -> usize {
    let bits = usize::BITS - length.leading_zeros() + 1;
    bits.div_ceil(7) as usize
}

fn take(left: &mut usize, bytes: usize) -> bool {
    match left.checked_sub(bytes) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
