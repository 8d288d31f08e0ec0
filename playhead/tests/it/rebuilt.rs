//! A folder built again record by record, so that damage can be done on the way: what no writer of ours would ever write.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::local::{LocalLane, LocalLog, TopicOptions};
use pipeline::{Batch, Committed, Headers, Log as _, OutputTopic, Outputs, Position, Record, Sink as _, Spread, TopicId, TopicPartition};
use schemas::registry::Registry;
use schemas::{Decoder, SchemaSource, wire};
use sink_local::{INPUTS, LocalSink, LocalStore};

/// A record by itself. Its offset is its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lying {
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<u8>,
}

/// The records of each topic, by partition.
pub(crate) type Topics = BTreeMap<String, Vec<Vec<Lying>>>;

/// A folder taken apart.
#[derive(Clone)]
pub(crate) struct Parts {
    /// What goes to the log.
    pub(crate) log: Topics,
    /// What the store is filled from.
    pub(crate) store: Topics,
    /// So many records at the end of `playback_events` and `viewing_progress` are left unprocessed, by partition.
    pub(crate) unprocessed: BTreeMap<(&'static str, u32), i64>,
    ids: BTreeMap<String, TopicId>,
    pub(crate) registry: Arc<Mutex<Registry>>,
}

impl Parts {
    /// Takes a folder apart.
    pub(crate) fn of(folder: &Path) -> Self {
        let file: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("schemas.json")).unwrap()).unwrap();
        let registry = Arc::new(Mutex::new(serde_json::from_value(file["registry"].clone()).unwrap()));
        let log = LocalLog::open(&folder.join("log.redb")).unwrap();
        let (mut topics, mut ids) = (Topics::new(), BTreeMap::new());
        for topic in log.topics() {
            let partitions = (0..topic.partitions).map(|partition| {
                let mut records = Vec::new();
                log.read_partition(&topic.name, partition, 0, i64::MAX, &mut |batch| {
                    records.extend(batch.records.iter().map(Lying::of));
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
                records
            });
            topics.insert(topic.name.to_string(), partitions.collect());
            ids.insert(topic.name.to_string(), topic.id);
        }
        let store = topics.iter().filter(|(name, _)| INPUTS.contains(&name.as_str()));
        let store = store.map(|(name, partitions)| (name.clone(), partitions.clone())).collect();
        Self { log: topics, store, unprocessed: BTreeMap::new(), ids, registry }
    }

    /// The partitions of a topic of the log.
    pub(crate) fn topic(&mut self, name: &str) -> &mut Vec<Vec<Lying>> {
        self.log.get_mut(name).unwrap()
    }

    /// The partitions of a topic that the store is filled from.
    pub(crate) fn store_topic(&mut self, name: &str) -> &mut Vec<Vec<Lying>> {
        self.store.get_mut(name).unwrap()
    }

    /// The identity of a topic.
    pub(crate) fn topic_id(&self, name: &str) -> TopicId {
        self.ids[name]
    }

    /// A decoder that knows every schema.
    pub(crate) fn decoder<R: schemas::Record<'static>>(&self) -> Decoder {
        let mut decoder = Decoder::new::<R>(Arc::clone(&self.registry) as _);
        (0..100).filter(|id| self.registry.schema_by_id(*id).unwrap().is_some()).for_each(|id| decoder.learn(id).unwrap());
        decoder
    }

    /// Writes a folder. The schemas and the truth are those of `healthy`.
    pub(crate) fn write(&self, healthy: &Path, folder: &Path) {
        fs::create_dir_all(folder.join("truth")).unwrap();
        fs::copy(healthy.join("schemas.json"), folder.join("schemas.json")).unwrap();
        for file in fs::read_dir(healthy.join("truth")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join("truth").join(file.file_name())).unwrap();
        }
        let log = LocalLog::open(&folder.join("log.redb")).unwrap();
        for (name, partitions) in &self.log {
            let partitions = u32::try_from(partitions.len()).unwrap();
            log.create_topic(name, TopicOptions { partitions, max_future_ms: None }).unwrap();
        }
        self.write_log(&log);
        self.commit_positions(&log, "playback", "playback_events");
        self.commit_positions(&log, "profile", "viewing_progress");
        self.fill_store(&log, folder);
    }

    fn write_log(&self, log: &LocalLog) {
        let outputs: Vec<OutputTopic> = self.log.keys().map(|name| log.output_topic(name, Spread::Unmarked).unwrap()).collect();
        let mut lane = LocalLane::new(log, "rebuild", &[], &outputs).unwrap();
        let mut out = Outputs::new(&outputs);
        for (topic, (name, partitions)) in (0..).zip(&self.log) {
            for (partition, records) in (0..).zip(partitions) {
                for record in records {
                    let value = record.value.as_deref().map(|value| self.with_new_ids(name, value, log));
                    let header = Headers::from_encoded(&record.headers).iter().next();
                    let header = header.map(|(name, value)| (std::str::from_utf8(name).unwrap(), value));
                    match value {
                        Some(value) => {
                            out.push_with_header(topic, partition, record.timestamp_ms, &record.key, header, |out| out.extend(value));
                        }
                        None => out.push_marker(topic, partition, record.timestamp_ms, &record.key, header.unwrap()),
                    }
                }
            }
        }
        lane.send(&mut out).unwrap();
        lane.commit(&[]).unwrap();
    }

    /// Records that name the topic they came from name the new one.
    fn with_new_ids(&self, topic: &str, value: &[u8], log: &LocalLog) -> Vec<u8> {
        let mut value = value.to_vec();
        if topic == "playback_events.clean" || topic == "dead_letters" {
            let (old, new) = (self.ids["playback_events"].0, log.topic("playback_events").unwrap().0.0);
            if let Some(at) = value.windows(16).position(|bytes| bytes == old) {
                value[at..at + 16].copy_from_slice(&new);
            }
        }
        value
    }

    fn commit_positions(&self, log: &LocalLog, stage: &str, input: &str) {
        let mut lane = LocalLane::new(log, stage, &[input], &[]).unwrap();
        lane.poll(Duration::ZERO).unwrap();
        let positions: Vec<_> = (0..log.topic(input).unwrap().1)
            .map(|partition| {
                let left = self.unprocessed.iter().find(|((topic, number), _)| *topic == input && *number == partition);
                let next_offset = log.bounds(input, partition).unwrap().1 - left.map_or(0, |(_, count)| *count);
                Position { source: TopicPartition { topic: 0, partition }, committed: Committed { next_offset, metadata: String::new() } }
            })
            .collect();
        lane.commit(&positions).unwrap();
    }

    fn fill_store(&self, log: &LocalLog, folder: &Path) {
        let store = LocalStore::open(&folder.join("serving.redb")).unwrap();
        let topic_ids = INPUTS.map(|name| log.topic(name).unwrap().0);
        let mut sink = LocalSink::new(store, Arc::clone(&self.registry) as _, topic_ids);
        for (topic, name) in (0..).zip(INPUTS) {
            for (partition, records) in (0..).zip(&self.store[name]) {
                let records: Vec<_> = (0..).zip(records).map(|(offset, record)| record.at(offset)).collect();
                let next_offset = log.bounds(name, partition).unwrap().1.min(i64::try_from(records.len()).unwrap());
                let source = TopicPartition { topic, partition };
                sink.stage(&Batch { source, topic_id: topic_ids[usize::from(topic)], records, next_offset }).unwrap();
            }
        }
        sink.flush().unwrap();
    }
}

impl Lying {
    fn of(record: &Record<'_>) -> Self {
        let (key, value) = (record.key.unwrap_or_default().to_vec(), record.value.map(<[u8]>::to_vec));
        Self { timestamp_ms: record.timestamp_ms, key, value, headers: record.headers.as_encoded().to_vec() }
    }

    fn at(&self, offset: i64) -> Record<'_> {
        let Self { timestamp_ms, key, value, headers } = self;
        Record { offset, timestamp_ms: *timestamp_ms, key: Some(key), value: value.as_deref(), headers: Headers::from_encoded(headers) }
    }

    /// The record decoded, changed, and encoded again.
    pub(crate) fn edit<R: for<'a> Editable<'a>>(&mut self, decoder: &Decoder, change: impl FnOnce(&mut <R as Editable<'_>>::Record)) {
        let value = self.value.take().unwrap();
        let (id, _) = wire::split(&value).unwrap();
        let mut record: <R as Editable<'_>>::Record = decoder.decode(&value).unwrap();
        change(&mut record);
        let mut changed = Vec::new();
        wire::frame(id, &mut changed);
        schemas::Record::encode(&record, &mut changed);
        self.value = Some(changed);
    }
}

/// A record type, whatever it borrows from.
pub(crate) trait Editable<'a> {
    type Record: schemas::Record<'a>;
}

macro_rules! editable {
    ($($name:ident)*) => {
        $(impl<'a> Editable<'a> for schemas::$name<'static> {
            type Record = schemas::$name<'a>;
        })*
    };
}

editable! { CleanPlaybackEvent DeadLetter PlaybackEvent PlaybackSession QosSessionSummary ResumeState ViewingProgress }
