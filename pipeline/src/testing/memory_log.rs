//! A log in memory: what all lanes on it share, the "broker".

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Committed, Headers, OutputTopic, Record, Spread, TopicId};

/// A record as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Offset.
    pub offset: i64,
    /// Timestamp, ms since 1970 UTC.
    pub timestamp_ms: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Headers, as [`Headers::append`] writes them.
    pub headers: Vec<u8>,
}

impl StoredRecord {
    /// The record, borrowed.
    #[must_use]
    pub fn borrow(&self) -> Record<'_> {
        Record {
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: Headers::from_encoded(&self.headers),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Partition {
    pub(super) first: i64,
    pub(super) end: i64,
    pub(super) records: Vec<Arc<StoredRecord>>,
}

impl Partition {
    pub(super) fn push(&mut self, mut record: StoredRecord) -> i64 {
        let offset = self.end;
        record.offset = offset;
        self.records.push(Arc::new(record));
        self.end += 1;
        offset
    }

    /// The records from `offset` on.
    pub(super) fn from(&self, offset: i64) -> &[Arc<StoredRecord>] {
        &self.records[self.records.partition_point(|record| record.offset < offset)..]
    }
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: TopicId,
    pub(super) partitions: Vec<Partition>,
}

/// Group, topic id, partition.
pub(super) type PositionKey = (String, TopicId, u32);

#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) topics: Vec<Topic>,
    pub(super) positions: BTreeMap<PositionKey, Committed>,
    made: u128,
}

impl Broker {
    pub(super) fn find(&self, name: &str) -> usize {
        self.topics.iter().position(|topic| topic.name == name).unwrap_or_else(|| panic!("the test made no topic {name}"))
    }
}

/// Topics, records and committed positions. Clones share them. Topic ids are numbered, so two runs of a test are alike byte for byte.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    broker: Arc<Mutex<Broker>>,
}

impl MemoryLog {
    /// Without topics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a topic; one of that name is deleted first, and the new one has another identity.
    pub fn create_topic(&self, name: &str, partitions: u32) -> TopicId {
        let mut broker = self.broker();
        broker.made += 1;
        let id = TopicId(broker.made.to_be_bytes());
        let topic = Topic { name: name.to_owned(), id, partitions: (0..partitions).map(|_| Partition::default()).collect() };
        match broker.topics.iter_mut().find(|topic| topic.name == name) {
            Some(old) => *old = topic,
            None => broker.topics.push(topic),
        }
        id
    }

    /// A topic's identity.
    #[must_use]
    pub fn topic_id(&self, name: &str) -> TopicId {
        let broker = self.broker();
        broker.topics[broker.find(name)].id
    }

    /// A topic of this log as a stage's output.
    #[must_use]
    pub fn output_topic(&self, name: &str, spread: Spread) -> OutputTopic {
        let broker = self.broker();
        let partitions = u32::try_from(broker.topics[broker.find(name)].partitions.len()).expect("made from a u32");
        OutputTopic { name: name.to_owned(), partitions, spread }
    }

    /// Appends a record, outside of any transaction, and returns its offset.
    pub fn append(
        &self,
        topic: &str,
        partition: u32,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> i64 {
        let mut encoded = Vec::new();
        for (name, value) in headers {
            Headers::append(&mut encoded, name.as_bytes(), value);
        }
        let (key, value) = (key.map(Vec::from), value.map(Vec::from));
        self.partition(topic, partition, |found| found.push(StoredRecord { offset: 0, timestamp_ms, key, value, headers: encoded }))
    }

    /// Leaves a gap of so many offsets at the end, as control markers and compaction do.
    pub fn skip_offsets(&self, topic: &str, partition: u32, count: i64) {
        self.partition(topic, partition, |found| found.end += count);
    }

    /// Deletes the records before `offset`, as retention does.
    pub fn delete_before(&self, topic: &str, partition: u32, offset: i64) {
        self.partition(topic, partition, |found| {
            found.first = offset.clamp(found.first, found.end);
            let first = found.first;
            found.records.retain(|record| record.offset >= first);
        });
    }

    /// The first offset held and the offset after the last record.
    #[must_use]
    pub fn bounds(&self, topic: &str, partition: u32) -> (i64, i64) {
        self.partition(topic, partition, |found| (found.first, found.end))
    }

    /// A copy of the records of a partition.
    #[must_use]
    pub fn records(&self, topic: &str, partition: u32) -> Vec<StoredRecord> {
        self.partition(topic, partition, |found| found.records.iter().map(|record| StoredRecord::clone(record)).collect())
    }

    /// The committed position of a group.
    #[must_use]
    pub fn committed(&self, group: &str, topic: &str, partition: u32) -> Option<Committed> {
        let broker = self.broker();
        broker.positions.get(&(group.to_owned(), broker.topics[broker.find(topic)].id, partition)).cloned()
    }

    /// Sets the position of a group by force: what a test needs to stage a loss.
    pub fn set_committed(&self, group: &str, topic: &str, partition: u32, committed: Committed) {
        let mut broker = self.broker();
        let id = broker.topics[broker.find(topic)].id;
        broker.positions.insert((group.to_owned(), id, partition), committed);
    }

    fn partition<T>(&self, topic: &str, partition: u32, with: impl FnOnce(&mut Partition) -> T) -> T {
        let mut broker = self.broker();
        let index = broker.find(topic);
        with(&mut broker.topics[index].partitions[partition as usize])
    }
}
