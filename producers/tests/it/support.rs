use std::ops::ControlFlow;
use std::sync::Arc;

use pipeline::local::{LocalLane, LocalLog, LocalLogOptions, TopicOptions};
use pipeline::{Headers, heartbeat};
use producers::ReceivedTime;

/// 2024-02-01T00:00:00Z.
pub(crate) const NOW_MS: i64 = 1_706_745_600_000;

pub(crate) const PARTITIONS: u32 = 4;

pub(crate) fn log() -> LocalLog {
    let log = LocalLog::in_memory_with(LocalLogOptions { clock: Arc::new(|| NOW_MS), cache_bytes: 1 << 20 }).unwrap();
    for name in ["playback_events", "app_events", "billing_events"] {
        log.create_topic(name, TopicOptions { partitions: PARTITIONS, max_future_ms: Some(60_000) }).unwrap();
    }
    log.create_topic("ledger", TopicOptions { partitions: PARTITIONS, max_future_ms: None }).unwrap();
    log
}

pub(crate) fn lane(log: &LocalLog, topics: &[pipeline::OutputTopic]) -> LocalLane {
    LocalLane::new(log, "producer", &[], topics).unwrap()
}

pub(crate) fn received(ms: i64) -> ReceivedTime {
    ReceivedTime { ms, now_ms: NOW_MS, is_given: true }
}

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) partition: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<u8>,
}

impl Stored {
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        Headers::from_encoded(&self.headers).get(name)
    }
}

/// The records of a topic by partition and offset, heartbeats apart.
pub(crate) fn records(log: &LocalLog, topic: &str) -> (Vec<Stored>, Vec<Stored>) {
    let mut all = Vec::new();
    for partition in 0..PARTITIONS {
        log.read_partition(topic, partition, 0, i64::MAX, &mut |batch| {
            all.extend(batch.records.iter().map(|record| Stored {
                partition,
                timestamp_ms: record.timestamp_ms,
                key: record.key.unwrap_or_default().to_vec(),
                value: record.value.map(<[u8]>::to_vec),
                headers: record.headers.as_encoded().to_vec(),
            }));
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    all.into_iter().partition(|record| record.header(heartbeat::HEADER).is_none())
}
