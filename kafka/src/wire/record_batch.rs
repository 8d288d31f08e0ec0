//! Records as the log keeps them: batches of format 2 (`DefaultRecordBatch` and `DefaultRecord` in Kafka's code).

use pipeline::OutputRecord;

use super::{Compressor, Encoder, Producer};

/// What a batch costs beside its records.
pub(crate) const BATCH_OVERHEAD: usize = 61;
/// What a record costs beside key, value and headers, at most, and a header beside name and value: numbers of at most five bytes, times of
/// ten.
pub(crate) const RECORD_OVERHEAD: usize = 36;
pub(crate) const HEADER_OVERHEAD: usize = 10;

/// Where the checksum's bytes begin: behind itself.
const CHECKED: usize = 21;
const TRANSACTIONAL: i16 = 1 << 4;

/// Records of one partition, until they are sealed.
#[derive(Debug, Default)]
pub(crate) struct RecordBatch {
    records: Vec<u8>,
    count: i32,
    first_ms: i64,
    latest_ms: i64,
}

impl RecordBatch {
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Records in it.
    pub(crate) const fn len(&self) -> i32 {
        self.count
    }

    /// Its size before it is compressed.
    pub(crate) const fn bytes(&self) -> usize {
        BATCH_OVERHEAD + self.records.len()
    }

    /// What a record takes in any batch, at most.
    pub(crate) fn bytes_of(record: &OutputRecord<'_>) -> usize {
        // Encoded headers have eight bytes more than names and values.
        let headers =
            if record.headers.is_empty() { 0 } else { record.headers.iter().count() * HEADER_OVERHEAD + record.headers.as_encoded().len() };
        RECORD_OVERHEAD + record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers
    }

    /// Appends a record.
    pub(crate) fn push(&mut self, record: &OutputRecord<'_>) {
        if self.count == 0 {
            (self.first_ms, self.latest_ms) = (record.timestamp_ms, record.timestamp_ms);
        }
        self.latest_ms = self.latest_ms.max(record.timestamp_ms);
        let time = zigzag(record.timestamp_ms.wrapping_sub(self.first_ms));
        let offset = zigzag(i64::from(self.count));
        self.count += 1;
        let headers = if record.headers.is_empty() { 0 } else { record.headers.iter().count() as i64 };
        let mut length = 1 + length_of(time) + length_of(offset) + length_of_nullable(record.key);
        length += length_of_nullable(record.value) + length_of(zigzag(headers));
        if headers > 0 {
            length += record.headers.iter().map(|(name, value)| length_of_part(name) + length_of_part(value)).sum::<usize>();
        }
        self.records.reserve(length + 5);
        let mut out = Encoder(&mut self.records);
        out.varint(zigzag(length as i64));
        // Attributes, of which there are none yet.
        out.0.push(0);
        out.varint(time);
        out.varint(offset);
        nullable(&mut out, record.key);
        nullable(&mut out, record.value);
        out.varint(zigzag(headers));
        if headers > 0 {
            for (name, value) in record.headers.iter() {
                part(&mut out, name);
                part(&mut out, value);
            }
        }
    }

    /// Appends the batch to `out` as it goes to the broker, and begins anew. `sequence` is that of its first record.
    pub(crate) fn seal(&mut self, producer: Producer, sequence: i32, compressor: &mut Compressor, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + BATCH_OVERHEAD, 0);
        let attributes = compressor.append(&self.records, out) | TRANSACTIONAL;
        let batch = &mut out[start..];
        let length = u32::try_from(batch.len() - 12).expect("batches are smaller than the topics' limits");
        let mut put = |at: usize, bytes: &[u8]| batch[at..at + bytes.len()].copy_from_slice(bytes);
        // The first offset is the broker's to say, and so is the leader's epoch.
        put(8, &length.to_be_bytes());
        put(12, &(-1i32).to_be_bytes());
        put(16, &[2]);
        put(21, &attributes.to_be_bytes());
        put(23, &(self.count - 1).to_be_bytes());
        put(27, &self.first_ms.to_be_bytes());
        put(35, &self.latest_ms.to_be_bytes());
        put(43, &producer.id.to_be_bytes());
        put(51, &producer.epoch.to_be_bytes());
        put(53, &sequence.to_be_bytes());
        put(57, &self.count.to_be_bytes());
        let checksum = crc32c::crc32c(&batch[CHECKED..]);
        batch[17..CHECKED].copy_from_slice(&checksum.to_be_bytes());
        self.records.clear();
        self.count = 0;
    }
}

/// Numbers around zero are small ones.
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Bytes of a varint.
const fn length_of(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn length_of_part(bytes: &[u8]) -> usize {
    length_of(zigzag(bytes.len() as i64)) + bytes.len()
}

fn length_of_nullable(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, length_of_part)
}

/// Bytes, or −1 in place of their length for none.
fn nullable(out: &mut Encoder<'_>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => part(out, bytes),
        None => out.varint(zigzag(-1)),
    }
}

fn part(out: &mut Encoder<'_>, bytes: &[u8]) {
    out.varint(zigzag(bytes.len() as i64));
    out.0.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
