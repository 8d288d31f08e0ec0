//! What a processor wants written: an arena of keys, values and headers, and one small entry a record.

use std::ops::Range;

use crate::{Headers, KEY_SEPARATOR, partition_for};

/// How the records of an output topic relate to the partitions of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Same key, same number of partitions: what comes from input partition n goes to partition n.
    SamePartition,
    /// Another key: what comes from one input partition may go to any.
    Rekeyed,
    /// Re-keyed and outside freshness: no heartbeats are forwarded to it.
    Unmarked,
}

/// An output topic as a stage sees it. Stages name it by its index in their list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTopic {
    /// Name in the log.
    pub name: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Where its records go.
    pub spread: Spread,
}

/// One record to be written, borrowed from its [`Outputs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputRecord<'a> {
    /// Index in the stage's list of output topics.
    pub topic: u16,
    /// Partition.
    pub partition: u32,
    /// Timestamp, ms since 1970 UTC.
    pub timestamp_ms: i64,
    /// Key; none only of a copy of a record that had none.
    pub key: Option<&'a [u8]>,
    /// Value; none is a tombstone or a heartbeat.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: Headers<'a>,
}

#[derive(Clone, Debug)]
struct Entry {
    timestamp_ms: i64,
    partition: u32,
    topic: u16,
    has_key: bool,
    has_value: bool,
    /// Key, value and headers lie one behind the other from here.
    start: u32,
    value_start: u32,
    headers_start: u32,
    end: u32,
}

/// Records to be written, in the order in which they were made. Reused from batch to batch: [`Outputs::clear`] keeps the memory.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    partitions: Vec<u32>,
    suppressed: bool,
}

impl Outputs {
    /// For these output topics.
    #[must_use]
    pub fn new(topics: &[OutputTopic]) -> Self {
        Self { partitions: topics.iter().map(|topic| topic.partitions).collect(), ..Self::default() }
    }

    /// Outputs that are thrown away as they come: what a replay writes to.
    #[must_use]
    pub fn suppressed(topics: &[OutputTopic]) -> Self {
        Self { suppressed: true, ..Self::new(topics) }
    }

    /// True while a replay rebuilds state: whoever makes an output may save itself the work, so long as its state moves alike.
    #[must_use]
    pub fn is_suppressed(&self) -> bool {
        self.suppressed
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of keys, values and headers held.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the records, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Writes a record to a given partition. `value` appends the value's bytes to the buffer that it is given.
    pub fn push_to(&mut self, topic: u16, partition: u32, timestamp_ms: i64, key: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        self.push_entry(topic, partition, timestamp_ms, &[key], Some(value), None);
    }

    /// Writes a record whose key is `parts` joined by [`KEY_SEPARATOR`], to the partition of the first part.
    pub fn push_keyed(&mut self, topic: u16, timestamp_ms: i64, parts: &[&[u8]], value: impl FnOnce(&mut Vec<u8>)) {
        let partition = parts.first().map_or(0, |first| partition_for(first, self.partitions[usize::from(topic)]));
        self.push_entry(topic, partition, timestamp_ms, parts, Some(value), None);
    }

    /// Writes a record without a value, with one header.
    pub fn push_marker(&mut self, topic: u16, partition: u32, timestamp_ms: i64, key: &[u8], header: (&str, &[u8])) {
        self.push_entry(topic, partition, timestamp_ms, &[key], None::<fn(&mut Vec<u8>)>, Some(header));
    }

    /// Writes a record with a value and, where given, one header.
    pub fn push_with_header(
        &mut self,
        topic: u16,
        partition: u32,
        timestamp_ms: i64,
        key: &[u8],
        header: Option<(&str, &[u8])>,
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        self.push_entry(topic, partition, timestamp_ms, &[key], Some(value), header);
    }

    /// Writes a record as it once came: a key or none, a value or none, and all headers in order.
    pub fn push_copy<'h>(
        &mut self,
        topic: u16,
        partition: u32,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
    ) {
        if self.suppressed {
            return;
        }
        let start = self.offset();
        self.bytes.extend_from_slice(key.unwrap_or_default());
        let value_start = self.offset();
        self.bytes.extend_from_slice(value.unwrap_or_default());
        let headers_start = self.offset();
        for (name, value) in headers {
            Headers::append(&mut self.bytes, name, value);
        }
        let end = self.offset();
        let (has_key, has_value) = (key.is_some(), value.is_some());
        self.entries.push(Entry { timestamp_ms, partition, topic, has_key, has_value, start, value_start, headers_start, end });
    }

    /// Partitions of an output topic.
    #[must_use]
    pub fn partitions(&self, topic: u16) -> u32 {
        self.partitions[usize::from(topic)]
    }

    fn push_entry(
        &mut self,
        topic: u16,
        partition: u32,
        timestamp_ms: i64,
        key_parts: &[&[u8]],
        value: Option<impl FnOnce(&mut Vec<u8>)>,
        header: Option<(&str, &[u8])>,
    ) {
        if self.suppressed {
            return;
        }
        let start = self.offset();
        for (index, part) in key_parts.iter().enumerate() {
            if index > 0 {
                self.bytes.push(KEY_SEPARATOR);
            }
            self.bytes.extend_from_slice(part);
        }
        let value_start = self.offset();
        let has_value = value.is_some();
        if let Some(value) = value {
            value(&mut self.bytes);
        }
        let headers_start = self.offset();
        if let Some((name, value)) = header {
            Headers::append(&mut self.bytes, name.as_bytes(), value);
        }
        let end = self.offset();
        self.entries.push(Entry { timestamp_ms, partition, topic, has_key: true, has_value, start, value_start, headers_start, end });
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.bytes.len()).expect("runners hand outputs on long before 4 GiB")
    }

    fn slice(&self, range: Range<u32>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// The records, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = OutputRecord<'_>> {
        self.entries.iter().map(|entry| OutputRecord {
            topic: entry.topic,
            partition: entry.partition,
            timestamp_ms: entry.timestamp_ms,
            key: entry.has_key.then(|| self.slice(entry.start..entry.value_start)),
            value: entry.has_value.then(|| self.slice(entry.value_start..entry.headers_start)),
            headers: Headers::from_encoded(self.slice(entry.headers_start..entry.end)),
        })
    }
}
