//! A log with letters in it.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use pipeline::local::{LocalLane, LocalLog, LocalLogOptions, TopicOptions};
use pipeline::testing::{Fault, FaultLog};
use pipeline::{Outputs, TopicId};
use producers::redrive::{DEAD_LETTERS, Filter, LEDGER, Outcome, RedriveError, RedriveOptions, Report, Sources, redrive};
use schemas::redrive::LetterId;
use schemas::registry::Registry;
use schemas::{DeadLetter, Headers, LedgerEntry, Plan, PlaybackEvent, Record as _, SchemaSource, header_name, wire};
use sha2::{Digest, Sha256};

use crate::support::{NOW_MS, PARTITIONS, Stored, records};

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const H_MS: i64 = 78 * HOUR_MS;
pub(super) const EVENTS: &str = "playback_events";
const MAX_BYTES: usize = 1 << 20;

/// A record of `playback_events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) partition: u32,
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) struct Scene {
    pub(super) log: LocalLog,
    pub(super) schemas: Arc<Mutex<Registry>>,
    letter_schema_id: u32,
    ledger_schema_id: u32,
    event_schema_id: u32,
}

/// What a run said and came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) report: Report,
}

impl Ran {
    /// Codes of what became of the letters, by the places of their records.
    pub(super) fn codes(&self) -> Vec<&'static str> {
        let mut outcomes: Vec<_> = self.outcomes.iter().collect();
        outcomes.sort_by(|a, b| (&a.source, a.offset).cmp(&(&b.source, b.offset)));
        outcomes.into_iter().map(|outcome| outcome.verdict.as_str()).collect()
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        let log = LocalLog::in_memory_with(LocalLogOptions { clock: Arc::new(|| NOW_MS), cache_bytes: 1 << 20 }).unwrap();
        for name in [EVENTS, "app_events", "billing_events", "viewing_progress", LEDGER, DEAD_LETTERS] {
            log.create_topic(name, TopicOptions { partitions: PARTITIONS, max_future_ms: None }).unwrap();
        }
        let mut registry = Registry::default();
        let mut register = |topic: &str, schema: &str| registry.register(&format!("{topic}-value"), schema).unwrap();
        let (event_schema_id, letter_schema_id) = (register(EVENTS, PlaybackEvent::SCHEMA), register(DEAD_LETTERS, DeadLetter::SCHEMA));
        let ledger_schema_id = register(LEDGER, LedgerEntry::SCHEMA);
        Self { log, schemas: Arc::new(Mutex::new(registry)), letter_schema_id, ledger_schema_id, event_schema_id }
    }

    pub(super) fn sources() -> Sources {
        Sources::describe(|_| Ok::<_, ()>((PARTITIONS, MAX_BYTES))).unwrap()
    }

    pub(super) fn topic_id(&self) -> TopicId {
        self.log.topic(EVENTS).unwrap().0
    }

    /// A record that holds an event, sent at this time.
    pub(super) fn event(&self, number: u8, at_ms: i64) -> Raw {
        let session = format!("session-{number}");
        let event = PlaybackEvent {
            event_id: [number; 16],
            session_id: &session,
            title_id: "t",
            event_time: at_ms * 1000,
            received_time: at_ms * 1000,
            ..PlaybackEvent::default()
        };
        self.raw(&event, at_ms)
    }

    pub(super) fn raw(&self, event: &PlaybackEvent<'_>, timestamp_ms: i64) -> Raw {
        let mut value = Vec::new();
        wire::frame(self.event_schema_id, &mut value);
        event.encode(&mut value);
        let key = event.session_id.as_bytes().to_vec();
        Raw { partition: pipeline::partition_for(&key, PARTITIONS), timestamp_ms, key: Some(key), value: Some(value), headers: Vec::new() }
    }

    /// Appends a record, and gives its offset.
    pub(super) fn append(&self, raw: &Raw) -> i64 {
        let topics = [self.log.output_topic(EVENTS, pipeline::Spread::Unmarked).unwrap()];
        let mut out = Outputs::new(&topics);
        let headers = raw.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        out.push_copy(0, raw.partition, raw.timestamp_ms, raw.key.as_deref(), raw.value.as_deref(), headers);
        let offset = self.log.bounds(EVENTS, raw.partition).unwrap().1;
        self.write(&topics, &mut out);
        offset
    }

    /// Appends a record that is refused, with its letter.
    pub(super) fn refuse(&self, raw: &Raw, reason: &str) -> LetterId {
        let offset = self.append(raw);
        self.letter(raw, offset, &|letter| letter.reason = if reason == "bad_rate" { "bad_rate" } else { "key_mismatch" })
    }

    /// Writes the letter of a record at an offset, changed in whatever way.
    pub(super) fn letter(&self, raw: &Raw, offset: i64, change: &dyn Fn(&mut DeadLetter<'_>)) -> LetterId {
        let topics = [self.log.output_topic(DEAD_LETTERS, pipeline::Spread::Unmarked).unwrap()];
        let mut out = Outputs::new(&topics);
        let source = format!("{EVENTS}-{}", raw.partition);
        let names: Vec<_> = raw.headers.iter().map(|(name, value)| (header_name::as_text(name), value)).collect();
        let mut buffer = Vec::new();
        let headers = Headers::encode(names.iter().map(|(name, value)| (&**name, value.as_slice())), &mut buffer);
        let whole = raw.value.as_deref();
        let is_large = whole.is_some_and(|value| value.len() > 100_000);
        let mut letter = DeadLetter {
            topic_id: self.topic_id().0,
            partition: i32::try_from(raw.partition).unwrap(),
            offset,
            source: &source,
            stage: "playback",
            timestamp: raw.timestamp_ms * 1000,
            key: raw.key.as_deref(),
            value: whole.map(|value| if is_large { &value[..64 * 1024] } else { value }),
            value_length: whole.map(|value| i64::try_from(value.len()).unwrap()),
            value_sha256: whole.filter(|_| is_large).map(|value| Sha256::digest(value).into()),
            headers,
            reason: "key_mismatch",
            field: None,
            detail: "why",
            software_version: "0.1.0",
            failed_at: raw.timestamp_ms * 1000,
            attempts: 1,
        };
        change(&mut letter);
        out.push_keyed(0, raw.timestamp_ms, &[source.as_bytes()], |value| {
            wire::frame(self.letter_schema_id, value);
            letter.encode(value);
        });
        let id = LetterId::of(&letter).unwrap();
        self.write(&topics, &mut out);
        id
    }

    pub(super) fn write_rubbish_letter(&self) {
        let topics = [self.log.output_topic(DEAD_LETTERS, pipeline::Spread::Unmarked).unwrap()];
        let mut out = Outputs::new(&topics);
        out.push_to(0, 0, NOW_MS, b"playback_events-0", |value| value.extend_from_slice(b"rubbish"));
        self.write(&topics, &mut out);
    }

    fn write(&self, topics: &[pipeline::OutputTopic], out: &mut Outputs) {
        use pipeline::Log as _;
        let mut lane = LocalLane::new(&self.log, "test", &[], topics).unwrap();
        lane.send(out).unwrap();
        lane.commit(&[]).unwrap();
    }

    pub(super) fn options(&self) -> RedriveOptions {
        RedriveOptions {
            filter: Filter::default(),
            limit: None,
            batch_records: 7,
            is_dry_run: false,
            is_forced: false,
            state_horizon_ms: H_MS,
            now_ms: NOW_MS,
            run: "test".to_owned(),
            ledger_schema_id: self.ledger_schema_id,
            schemas: Arc::clone(&self.schemas) as Arc<dyn SchemaSource>,
        }
    }

    pub(super) fn lane(&self) -> LocalLane {
        let sources = Self::sources();
        LocalLane::new(&self.log, "redrive", &sources.inputs(), &sources.outputs()).unwrap()
    }

    pub(super) fn run(&self) -> Ran {
        self.run_with(&self.options())
    }

    pub(super) fn run_with(&self, options: &RedriveOptions) -> Ran {
        self.try_run(options, &[]).0.unwrap()
    }

    /// Runs with faults; the calls made, too.
    pub(super) fn try_run(&self, options: &RedriveOptions, faults: &[Fault]) -> (Result<Ran, RedriveError>, usize) {
        let mut log = FaultLog::new(self.lane(), faults);
        let mut outcomes = Vec::new();
        let report = redrive(&mut log, &Self::sources(), options, &mut |outcome| outcomes.push(outcome.clone()), &mut |_| {});
        (report.map(|report| Ran { outcomes, report }), log.calls().len())
    }

    /// The records of `playback_events` that were redriven, by partition and offset; keys and values that are none told from empty ones.
    pub(super) fn redriven(&self) -> Vec<Raw> {
        self.all(EVENTS).into_iter().filter(|raw| raw.header(schemas::redrive::HEADER).is_some()).collect()
    }

    pub(super) fn all(&self, topic: &str) -> Vec<Raw> {
        let mut all = Vec::new();
        for partition in 0..PARTITIONS {
            self.log
                .read_partition(topic, partition, 0, i64::MAX, &mut |batch| {
                    all.extend(batch.records.iter().map(|record| Raw {
                        partition,
                        timestamp_ms: record.timestamp_ms,
                        key: record.key.map(Vec::from),
                        value: record.value.map(Vec::from),
                        headers: record.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
                    }));
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        all
    }

    /// Ids and sources of the marks, in order.
    pub(super) fn marks(&self) -> Vec<(String, String)> {
        let (marks, _) = records(&self.log, LEDGER);
        let mut marks: Vec<_> = marks.iter().map(mark).collect();
        marks.sort();
        marks
    }

    /// The heartbeats that redrives ended with: partition and time.
    pub(super) fn beats(&self) -> Vec<(u32, i64)> {
        let key = pipeline::heartbeat::writer_key("redrive");
        let (_, beats) = records(&self.log, EVENTS);
        beats.iter().filter(|beat| beat.key == key.as_bytes()).map(|beat| (beat.partition, beat.timestamp_ms)).collect()
    }

    /// Ends of all partitions of all topics.
    pub(super) fn ends(&self) -> Vec<i64> {
        let all = self.log.topics();
        all.iter().flat_map(|topic| (0..topic.partitions).map(|partition| self.log.bounds(&topic.name, partition).unwrap().1)).collect()
    }
}

impl Raw {
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The record without the header of a redrive.
    pub(super) fn before(mut self) -> Self {
        self.headers.retain(|(name, _)| name != schemas::redrive::HEADER.as_bytes());
        self
    }
}

fn mark(stored: &Stored) -> (String, String) {
    let (_, body) = wire::split(stored.value.as_deref().unwrap()).unwrap();
    let mark = LedgerEntry::decode(&Plan::current::<LedgerEntry<'_>>(), body).unwrap();
    assert_eq!((mark.id.as_bytes(), mark.done_at), (stored.key.as_slice(), NOW_MS * 1000));
    (mark.id.to_owned(), mark.source.to_owned())
}
