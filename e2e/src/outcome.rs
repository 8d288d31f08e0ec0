//! What a run has written, so that two runs can be compared byte for byte.

use std::ops::ControlFlow;
use std::time::Duration;

use kafka::{Cluster, Reader};
use pipeline::testing::{MemoryLog, StoredRecord};
use pipeline::{Spread, TopicId};

use crate::scene::PARTITIONS;
use crate::stage::Stage;

/// Everything written, by topic and partition. Offsets are left out: the markers of transactions take some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    partitions: Vec<(String, u32, Vec<StoredRecord>)>,
}

impl Outcome {
    fn new(stage: &Stage, mut read: impl FnMut(&str, u32) -> Vec<StoredRecord>) -> Self {
        let mut partitions = Vec::new();
        for topic in stage.outputs() {
            for partition in 0..PARTITIONS {
                let mut records = read(&topic.name, partition);
                records.iter_mut().for_each(|record| record.offset = 0);
                // What comes from several partitions of the input may come in any order among them.
                if topic.spread != Spread::SamePartition {
                    records.sort_by(|a, b| (&a.key, &a.value, a.timestamp_ms).cmp(&(&b.key, &b.value, b.timestamp_ms)));
                }
                partitions.push((topic.name.clone(), partition, records));
            }
        }
        Self { partitions }
    }

    pub(crate) fn of_memory(stage: &Stage, log: &MemoryLog) -> Self {
        Self::new(stage, |topic, partition| log.records(topic, partition))
    }

    /// Dead letters name the input by its identity, which is put in terms of the run in memory.
    pub(crate) fn of_kafka(stage: &Stage, cluster: &Cluster, id: TopicId, id_in_memory: TopicId) -> Self {
        let mut reader = Reader::new(cluster, Duration::from_secs(60)).expect("the settings are right");
        Self::new(stage, |topic, partition| {
            let mut records = read_kafka(&mut reader, topic, partition);
            records.iter_mut().filter_map(|record| record.value.as_mut()).for_each(|value| replace(value, &id.0, &id_in_memory.0));
            records
        })
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partitions.iter().map(|(_, _, records)| records.len()).sum()
    }

    /// True without records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All committed records of a partition.
fn read_kafka(reader: &mut Reader, topic: &str, partition: u32) -> Vec<StoredRecord> {
    let (first, end) = reader.bounds(topic, partition).expect("the topic is there");
    let mut records = Vec::new();
    let read = reader.read(topic, partition, first, end, &mut |record| {
        records.push(StoredRecord {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(Vec::from),
            value: record.value.map(Vec::from),
            headers: record.headers.as_encoded().to_vec(),
        });
        ControlFlow::Continue(())
    });
    read.expect("the topic can be read");
    records
}

fn replace(bytes: &mut [u8], old: &[u8; 16], new: &[u8; 16]) {
    if let Some(at) = bytes.windows(old.len()).position(|window| window == old) {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
}

/// Where two outcomes differ first: comparing them as a whole would print megabytes.
#[must_use]
pub fn first_difference(found: &Outcome, expected: &Outcome) -> Option<String> {
    for ((name, partition, found), (_, _, expected)) in found.partitions.iter().zip(&expected.partitions) {
        if let Some(index) = (0..found.len().max(expected.len())).find(|&index| found.get(index) != expected.get(index)) {
            let (has, should) = (found.len(), expected.len());
            let (found, expected) = (found.get(index), expected.get(index));
            return Some(format!(
                "{name}-{partition} has {has} records and not {should}; record {index}: {found:?} instead of {expected:?}"
            ));
        }
    }
    None
}
