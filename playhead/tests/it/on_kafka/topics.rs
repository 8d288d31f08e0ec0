//! Topics as a test sees and damages them.

use std::ops::ControlFlow;
use std::time::Duration;

use e2e::until;
use kafka::{Admin, KafkaLane, LaneOptions, Membership, NewTopic, Reader, TopicInfo};
use pipeline::{Log as _, OutputTopic, Outputs, Spread};

use super::OnKafka;

const PATIENCE: Duration = Duration::from_secs(30);

/// A record with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lying {
    pub(super) partition: u32,
    pub(super) offset: i64,
    pub(super) timestamp_ms: i64,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl OnKafka {
    pub(super) fn admin(&self) -> Admin {
        Admin::new(&self.cluster(), PATIENCE).unwrap()
    }

    fn describe(&self, topic: &str) -> TopicInfo {
        self.admin().describe(topic).unwrap()
    }

    /// The committed records of a topic that have values, by partition and in order.
    pub(super) fn records(&self, topic: &str) -> Vec<Lying> {
        let mut reader = Reader::new(&self.cluster(), PATIENCE).unwrap();
        let mut records = Vec::new();
        for partition in 0..self.describe(topic).partitions {
            let (first, end) = reader.bounds(topic, partition).unwrap();
            let read = reader.read(topic, partition, first, end, &mut |record| {
                if let (Some(key), Some(value)) = (record.key, record.value) {
                    let (offset, timestamp_ms, key, value) = (record.offset, record.timestamp_ms, key.to_vec(), value.to_vec());
                    records.push(Lying { partition, offset, timestamp_ms, key, value });
                }
                ControlFlow::Continue(())
            });
            read.unwrap();
        }
        records
    }

    pub(super) fn ends(&self, topic: &str) -> Vec<i64> {
        let admin = self.admin();
        (0..self.describe(topic).partitions).map(|partition| admin.bounds(topic, partition).unwrap().1).collect()
    }

    /// A writer to a topic, and its outputs.
    pub(super) fn writer(&self, topic: &str) -> (KafkaLane, Outputs) {
        let topic = OutputTopic { name: topic.to_owned(), partitions: self.describe(topic).partitions, spread: Spread::Unmarked };
        let options = LaneOptions { membership: Membership::Dynamic, ..LaneOptions::new(self.cluster(), "test", &topic.name, 0) };
        (KafkaLane::writer(options, &[], std::slice::from_ref(&topic)).unwrap(), Outputs::new(&[topic]))
    }

    pub(super) fn write(&self, topic: &str, records: &[Lying]) {
        let (mut lane, mut out) = self.writer(topic);
        for Lying { partition, timestamp_ms, key, value, .. } in records {
            out.push_to(0, *partition, *timestamp_ms, key, |bytes| bytes.extend_from_slice(value));
        }
        lane.send(&mut out).unwrap();
        lane.commit(&[]).unwrap();
    }

    /// Makes a topic anew, with these records only.
    pub(super) fn rewrite(&self, topic: &str, records: &[Lying]) {
        let (admin, TopicInfo { partitions, .. }) = (self.admin(), self.describe(topic));
        admin.delete(&[topic]).unwrap();
        until("the topic is gone", || admin.describe(topic).is_err().then_some(()));
        let anew = NewTopic { name: topic, partitions, replicas: Some(1), settings: vec![("retention.ms", "-1")] };
        until("the topic is there again", || admin.create(std::slice::from_ref(&anew)).ok());
        self.write(topic, records);
    }
}
