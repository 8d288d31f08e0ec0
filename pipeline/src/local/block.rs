//! The value under which successive records of one partition are stored: one block a batch, not one value a record.
//!
//! ```text
//! checksum      8 bytes, xxh3-64 of all that follows, little endian
//! version       1 byte
//! count         varint
//! first time    zigzag varint, ms since 1970 UTC
//! largest time  varint, difference to the first
//! count times:
//!   time        zigzag varint, difference to the record before
//!   key         varint length + 1, 0 for none
//!   value       varint length + 1, 0 for none
//!   headers     varint length
//!   the bytes of key, value and headers
//! ```
//!
//! The offset of the first record is in the key of the store, so whoever builds a block need not know where it will stand. Reading is
//! total: any bytes give records or a [`Damage`].

use xxhash_rust::xxh3::xxh3_64;

use crate::Headers;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
/// The shortest record: four lengths and times of one byte each.
const MIN_RECORD_BYTES: usize = 4;

/// A block is closed at this many records.
pub(super) const MAX_RECORDS: u32 = 4_096;
/// A block is closed at this many bytes.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Fewer bytes than it says.
    #[error("it is cut short")]
    Truncated,
    /// More bytes than it says.
    #[error("bytes follow its last record")]
    TrailingBytes,
    /// Its bytes changed after they were written.
    #[error("its checksum does not match")]
    Checksum,
    /// Not a version that this program writes.
    #[error("its version is {0}, not {VERSION}")]
    Version(u8),
    /// It names more records than its bytes can hold.
    #[error("its count is impossible")]
    Count,
}

/// One record in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockRecord<'a> {
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Headers<'a>,
}

/// A finished block, ready to be stored at any offset.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) count: u32,
    pub(super) max_timestamp_ms: i64,
    pub(super) bytes: Vec<u8>,
}

/// Collects records for a block.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    count: u32,
    first_timestamp_ms: i64,
    last_timestamp_ms: i64,
    max_timestamp_ms: i64,
    body: Vec<u8>,
}

impl BlockBuilder {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= MAX_RECORDS || self.body.len() >= MAX_BYTES
    }

    pub(super) fn push(&mut self, record: &BlockRecord<'_>) {
        if self.count == 0 {
            self.first_timestamp_ms = record.timestamp_ms;
            self.last_timestamp_ms = record.timestamp_ms;
            self.max_timestamp_ms = record.timestamp_ms;
        }
        let headers = record.headers.as_encoded();
        put_varint(&mut self.body, zigzag(record.timestamp_ms.wrapping_sub(self.last_timestamp_ms)));
        put_varint(&mut self.body, record.key.map_or(0, |key| key.len() as u64 + 1));
        put_varint(&mut self.body, record.value.map_or(0, |value| value.len() as u64 + 1));
        put_varint(&mut self.body, headers.len() as u64);
        self.body.extend_from_slice(record.key.unwrap_or_default());
        self.body.extend_from_slice(record.value.unwrap_or_default());
        self.body.extend_from_slice(headers);
        self.last_timestamp_ms = record.timestamp_ms;
        self.max_timestamp_ms = self.max_timestamp_ms.max(record.timestamp_ms);
        self.count += 1;
    }

    /// The block of what was pushed; the builder is empty again.
    pub(super) fn finish(&mut self) -> Block {
        let mut bytes = Vec::with_capacity(CHECKSUM_BYTES + 32 + self.body.len());
        bytes.extend_from_slice(&[0; CHECKSUM_BYTES]);
        bytes.push(VERSION);
        put_varint(&mut bytes, u64::from(self.count));
        put_varint(&mut bytes, zigzag(self.first_timestamp_ms));
        put_varint(&mut bytes, self.max_timestamp_ms.wrapping_sub(self.first_timestamp_ms).cast_unsigned());
        bytes.extend_from_slice(&self.body);
        seal(&mut bytes);
        let block = Block { count: self.count, max_timestamp_ms: self.max_timestamp_ms, bytes };
        self.count = 0;
        self.body.clear();
        block
    }
}

fn seal(bytes: &mut [u8]) {
    if let Some((checksum, rest)) = bytes.split_first_chunk_mut::<CHECKSUM_BYTES>() {
        *checksum = xxh3_64(rest).to_le_bytes();
    }
}

/// A block as it was stored, its checksum verified.
#[derive(Clone, Debug)]
pub(super) struct BlockReader<'a> {
    pub(super) count: u32,
    pub(super) max_timestamp_ms: i64,
    timestamp_ms: i64,
    rest: &'a [u8],
}

impl<'a> BlockReader<'a> {
    /// Reads what precedes the records.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Damage> {
        let (checksum, mut rest) = bytes.split_first_chunk::<CHECKSUM_BYTES>().ok_or(Damage::Truncated)?;
        if xxh3_64(rest).to_le_bytes() != *checksum {
            return Err(Damage::Checksum);
        }
        let version = take(&mut rest, 1)?[0];
        if version != VERSION {
            return Err(Damage::Version(version));
        }
        let count = take_varint(&mut rest)?;
        let first_timestamp_ms = unzigzag(take_varint(&mut rest)?);
        let max_timestamp_ms = first_timestamp_ms.wrapping_add(take_varint(&mut rest)?.cast_signed());
        let count = u32::try_from(count).ok().filter(|&count| count as usize <= rest.len() / MIN_RECORD_BYTES).ok_or(Damage::Count)?;
        Ok(Self { count, max_timestamp_ms, timestamp_ms: first_timestamp_ms, rest })
    }

    /// Calls `each` with every record and its number in the block.
    pub(super) fn read(mut self, mut each: impl FnMut(u32, BlockRecord<'a>)) -> Result<(), Damage> {
        for number in 0..self.count {
            let record = self.take_record()?;
            each(number, record);
        }
        if self.rest.is_empty() { Ok(()) } else { Err(Damage::TrailingBytes) }
    }

    fn take_record(&mut self) -> Result<BlockRecord<'a>, Damage> {
        self.timestamp_ms = self.timestamp_ms.wrapping_add(unzigzag(take_varint(&mut self.rest)?));
        let key = take_varint(&mut self.rest)?;
        let value = take_varint(&mut self.rest)?;
        let headers = take_varint(&mut self.rest)?;
        Ok(BlockRecord {
            timestamp_ms: self.timestamp_ms,
            key: take_optional(&mut self.rest, key)?,
            value: take_optional(&mut self.rest, value)?,
            headers: Headers::from_encoded(take(&mut self.rest, headers)?),
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Damage> {
    let length = usize::try_from(length).map_err(|_| Damage::Truncated)?;
    let (part, tail) = rest.split_at_checked(length).ok_or(Damage::Truncated)?;
    *rest = tail;
    Ok(part)
}

fn take_optional<'a>(rest: &mut &'a [u8], length_and_one: u64) -> Result<Option<&'a [u8]>, Damage> {
    length_and_one.checked_sub(1).map(|length| take(rest, length)).transpose()
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, Damage> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(Damage::Truncated)?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damage::Truncated)
}

/// Maps small numbers of either sign to small unsigned ones.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Reads `bytes` as a block, as they are and with a checksum that matches (or no fuzzer would get past it), and checks that what was read
/// survives being written again.
///
/// # Panics
/// Where it does not.
pub fn fuzz_block(bytes: &[u8]) {
    if let Ok(block) = BlockReader::open(bytes) {
        let count = block.count;
        let mut read = 0;
        if block.read(|_, _| read += 1).is_ok() {
            assert_eq!(read, count, "records read of a block that is whole");
        }
    }
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    let mut records = Vec::new();
    let Ok(()) = BlockReader::open(&sealed).and_then(|block| block.read(|_, record| records.push(record))) else { return };
    let mut builder = BlockBuilder::default();
    records.iter().for_each(|record| builder.push(record));
    let again = builder.finish();
    let mut read_again = Vec::new();
    let outcome = BlockReader::open(&again.bytes).and_then(|block| block.read(|_, record| read_again.push(record)));
    assert_eq!(outcome, Ok(()), "a block just written");
    assert_eq!(read_again, records, "records written again");
}

#[cfg(test)]
mod tests;
