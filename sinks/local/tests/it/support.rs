use std::sync::{Arc, Mutex};

use pipeline::{Batch, Headers, Record, Sink, TopicId, TopicPartition};
use schemas::registry::{Registry, value_subject};
use schemas::{PlaybackSession, QosSessionSummary, ResumeState, SchemaSource, SourceError, wire};
use sink_local::{INPUTS, LocalSink, LocalStore};

pub(crate) const SESSIONS: u16 = 0;
pub(crate) const QOS: u16 = 1;
pub(crate) const RESUME: u16 = 2;

/// A registry in memory that can be down.
#[derive(Default)]
pub(crate) struct TestRegistry {
    registry: Mutex<Registry>,
    pub(crate) is_down: Mutex<bool>,
}

impl SchemaSource for TestRegistry {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        if *self.is_down.lock().unwrap() {
            return Err(SourceError::Unavailable("down".into()));
        }
        Ok(self.registry.lock().unwrap().by_id(id).map(str::to_owned))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, SourceError> {
        let registered = self.registry.lock().unwrap().register(subject, schema);
        registered.map_err(|error| SourceError::Refused { subject: subject.to_owned(), cause: error.to_string() })
    }
}

pub(crate) fn registry() -> Arc<TestRegistry> {
    let registry = TestRegistry::default();
    for (topic, schema) in INPUTS.into_iter().zip([
        <PlaybackSession<'_> as schemas::Record>::SCHEMA,
        <QosSessionSummary<'_> as schemas::Record>::SCHEMA,
        <ResumeState<'_> as schemas::Record>::SCHEMA,
    ]) {
        registry.register(&value_subject(topic), schema).unwrap();
    }
    Arc::new(registry)
}

pub(crate) fn topic_ids() -> [TopicId; 3] {
    [1, 2, 3].map(|number| TopicId([number; 16]))
}

pub(crate) fn sink(store: &LocalStore) -> LocalSink {
    LocalSink::new(store.clone(), registry(), topic_ids())
}

/// A record as it lies in its topic.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) topic: u16,
    pub(crate) partition: u32,
    pub(crate) offset: i64,
    pub(crate) value: Vec<u8>,
}

impl Stored {
    pub(crate) fn new<'a>(topic: u16, offset: i64, record: &impl schemas::Record<'a>) -> Self {
        let mut value = Vec::new();
        wire::frame(u32::from(topic) + 1, &mut value);
        record.encode(&mut value);
        Self { topic, partition: 0, offset, value }
    }
}

/// Hands records over one batch each, and flushes after each `per_flush` of them.
pub(crate) fn write(sink: &mut LocalSink, records: &[Stored], per_flush: usize) {
    for records in records.chunks(per_flush.max(1)) {
        for record in records {
            stage(sink, record).unwrap();
        }
        sink.flush().unwrap();
    }
}

pub(crate) fn stage(sink: &mut LocalSink, stored: &Stored) -> Result<(), pipeline::SinkError> {
    let record = Record { offset: stored.offset, timestamp_ms: 0, key: Some(b"k"), value: Some(&stored.value), headers: Headers::NONE };
    sink.stage(&Batch {
        source: TopicPartition { topic: stored.topic, partition: stored.partition },
        topic_id: topic_ids()[usize::from(stored.topic)],
        records: vec![record],
        next_offset: stored.offset + 1,
    })
}

/// Every row, as text.
pub(crate) fn dump(store: &LocalStore) -> Vec<String> {
    let mut rows = Vec::new();
    store.visit_rows(&mut |table, key, value| rows.push(format!("{table} {key} {value:02x?}"))).unwrap();
    rows
}

pub(crate) fn resume(title_id: &'static str, session_id: &'static str, updated_at: i64) -> ResumeState<'static> {
    ResumeState {
        profile_id: "p",
        title_id,
        session_id,
        opened_at: updated_at - 600_000_000,
        position_ms: 600_000,
        media_ms: Some(600_000),
        updated_at,
        ..ResumeState::default()
    }
}

pub(crate) fn session(session_id: &'static str, opened_at: i64, version: i64) -> PlaybackSession<'static> {
    PlaybackSession {
        session_id,
        version,
        opened_at,
        profile_id: Some("p"),
        title_id: "t",
        media_ms: 600_000,
        ..PlaybackSession::default()
    }
}
