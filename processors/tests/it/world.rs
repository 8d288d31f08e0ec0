//! The whole topology in memory: raw events in, both processors, everything that they write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pipeline::testing::{Fault, FaultLog, MemoryLane, MemoryLog, Seeded};
use pipeline::{LogError, LogTimeRule, MemoryStore, Processor, RunOptions, Shutdown, SnapshotOptions, Totals, heartbeat, run_processor};
use processors::DeadLetterWriter;
use processors::playback::{DEAD_LETTERS, IMPORT_HEADER, Playback, PlaybackConfig};
use processors::profile::{Profile, ProfileConfig};
use schemas::{CleanPlaybackEvent, DeadLetter, EventType, Plan, PlaybackEvent, PlaybackSession, Record as _, SchemaSource, wire};

use crate::driver::{DAY, HOUR, MINUTE, SECOND, Schemas, event};

const PARTITIONS: u32 = 3;
/// What the playback stage writes.
const FIRST_STAGE: [&str; 6] =
    ["playback_events.clean", "playback_sessions", "qos_session_summary", "viewing_progress", "active_streams", "dead_letters"];
const RE_KEYED: [&str; 3] = ["viewing_progress", "active_streams", "dead_letters"];

/// Everything that was written: by topic and partition, in order.
pub(crate) type Output = Vec<(String, u32, Vec<pipeline::testing::StoredRecord>)>;

/// Every fifth session that [`World::fill`] makes.
fn is_imported(session_id: &str) -> bool {
    session_id[1..].parse::<usize>().is_ok_and(|number| number % 5 == 4)
}

pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) config: PlaybackConfig,
    pub(crate) store: Arc<MemoryStore>,
    /// None: states are not saved.
    pub(crate) snapshot_interval: Option<Duration>,
    raw_id: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let log = MemoryLog::new();
        log.create_topic("playback_events", PARTITIONS);
        for name in FIRST_STAGE.into_iter().chain(["resume_state"]) {
            log.create_topic(name, PARTITIONS);
        }
        let schemas = Arc::new(Schemas::default());
        let raw_id = schemas.register("playback_events-value", PlaybackEvent::SCHEMA).unwrap();
        let config = PlaybackConfig::with_partitions(PARTITIONS);
        Self { log, schemas, config, store: Arc::default(), snapshot_interval: None, raw_id }
    }

    pub(crate) fn value(&self, event: &PlaybackEvent<'_>) -> Vec<u8> {
        let mut value = Vec::new();
        wire::frame(self.raw_id, &mut value);
        event.encode(&mut value);
        value
    }

    pub(crate) fn append(&self, log_time_ms: i64, event: &PlaybackEvent<'_>, is_import: bool) {
        let key = event.session_id.as_bytes();
        let partition = pipeline::partition_for(key, PARTITIONS);
        let header: &[(&str, &[u8])] = if is_import { &[(IMPORT_HEADER, b"1")] } else { &[] };
        self.log.append("playback_events", partition, log_time_ms, Some(key), Some(&self.value(event)), header);
    }

    pub(crate) fn append_bytes(&self, partition: u32, log_time_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.log.append("playback_events", partition, log_time_ms, key, value, &[]);
    }

    pub(crate) fn append_heartbeats(&self, log_time_ms: i64) {
        let beat = heartbeat::Beat { sequence: log_time_ms / SECOND, sent_ms: log_time_ms }.to_text();
        for partition in 0..PARTITIONS {
            let key = heartbeat::writer_key("test");
            let header: &[(&str, &[u8])] = &[(heartbeat::HEADER, beat.as_bytes())];
            self.log.append("playback_events", partition, log_time_ms, Some(key.as_bytes()), None, header);
        }
    }

    /// Runs the playback stage to the end of its input. Returns the calls made to the log too.
    pub(crate) fn run_playback(&self, batch_sizes: &[usize], faults: &[Fault]) -> (Result<Totals, LogError>, usize) {
        let mut playback = Playback::new(self.config.clone(), Arc::<Schemas>::clone(&self.schemas)).unwrap();
        self.run(&mut playback, "playback_events", LogTimeRule::Records, DEAD_LETTERS, batch_sizes, faults)
    }

    /// Runs the profile stage to the end of its input.
    pub(crate) fn run_profile(&self, batch_sizes: &[usize], faults: &[Fault]) -> (Result<Totals, LogError>, usize) {
        let mut profile = Profile::new(ProfileConfig::with_partitions(PARTITIONS), Arc::<Schemas>::clone(&self.schemas)).unwrap();
        let log_time = LogTimeRule::Heartbeats { topic: "playback_events".into(), partitions: PARTITIONS };
        self.run(&mut profile, "viewing_progress", log_time, Profile::DEAD_LETTERS, batch_sizes, faults)
    }

    fn run<P: Processor>(
        &self,
        processor: &mut P,
        input: &str,
        log_time: LogTimeRule,
        dead_letters_output: u16,
        batch_sizes: &[usize],
        faults: &[Fault],
    ) -> (Result<Totals, LogError>, usize) {
        let dead_letters = DeadLetterWriter::new(&[input], dead_letters_output, PARTITIONS, Arc::<Schemas>::clone(&self.schemas)).unwrap();
        let name = processor.name().to_owned();
        let lane = MemoryLane::new(&self.log, &name, &[input], processor.outputs()).with_batch_sizes(batch_sizes);
        let mut log = FaultLog::new(lane, faults);
        let options = RunOptions {
            log_time,
            inputs: vec![input.into()],
            commit_interval: Duration::from_secs(3_600),
            commit_records: 40,
            retry_interval: Duration::ZERO,
            keep_alive_interval: Duration::ZERO,
            on_unavailable: |_| std::ops::ControlFlow::Continue(()),
            stop_when_caught_up: true,
            observer: pipeline::unobserved(),
            snapshots: self.snapshot_interval.map(|interval| SnapshotOptions {
                store: Arc::<MemoryStore>::clone(&self.store),
                interval,
                records: u64::MAX,
                on_problem: |_| {},
            }),
        };
        let result = run_processor(processor, &mut log, &dead_letters, &options, &Shutdown::default());
        (result, log.calls().len())
    }

    /// What the playback stage wrote. Topics that keep the key come from one input partition each, so their order counts; in a re-keyed
    /// partition only the records of one input partition have an order, so they are compared as a set.
    pub(crate) fn first_stage(&self) -> Output {
        let mut output = self.output_of(&FIRST_STAGE);
        for (name, _, records) in &mut output {
            if RE_KEYED.contains(&name.as_str()) {
                records.iter_mut().for_each(|record| record.offset = 0);
                records.sort_by(|a, b| (a.timestamp_ms, &a.key, &a.value).cmp(&(b.timestamp_ms, &b.key, &b.value)));
            }
        }
        output
    }

    /// What the profile stage wrote, in order: each of its partitions comes from one input partition.
    pub(crate) fn second_stage(&self) -> Output {
        self.output_of(&["resume_state"])
    }

    fn output_of(&self, names: &[&str]) -> Output {
        let partitions = |name: &str| {
            (0..PARTITIONS).map(|partition| (name.to_owned(), partition, self.log.records(name, partition))).collect::<Vec<_>>()
        };
        names.iter().flat_map(|name| partitions(name)).collect()
    }

    /// Where the records stood that were refused for this reason.
    pub(crate) fn refused(&self, reason: &str) -> Vec<(u32, i64)> {
        let mut refused = Vec::new();
        self.for_each("dead_letters", |_, _, body| {
            let letter = DeadLetter::decode(&Plan::current::<DeadLetter<'_>>(), body).unwrap();
            if letter.reason == reason {
                refused.push((letter.partition as u32, letter.offset));
            }
        });
        refused.sort_unstable();
        refused
    }

    pub(crate) fn has_clean_record_of(&self, partition: u32, offset: i64) -> bool {
        let mut found = false;
        self.for_each("playback_events.clean", |_, _, body| {
            let clean = CleanPlaybackEvent::decode(&Plan::current::<CleanPlaybackEvent<'_>>(), body).unwrap();
            found |= (clean.prefix.source_partition as u32, clean.prefix.source_offset) == (partition, offset);
        });
        found
    }

    /// Events of each session's rows, as their newest versions count them. Imported sessions, which have no memory, are left out.
    pub(crate) fn events_by_session_said(&self) -> BTreeMap<String, i64> {
        let mut rows = BTreeMap::new();
        self.for_each("playback_sessions", |_, _, body| {
            let session = PlaybackSession::decode(&Plan::current::<PlaybackSession<'_>>(), body).unwrap();
            rows.insert((session.session_id.to_owned(), session.opened_at), session.event_count);
        });
        let mut sessions = BTreeMap::new();
        for ((session_id, _), count) in rows {
            *sessions.entry(session_id).or_default() += count;
        }
        sessions.retain(|session_id, _| !is_imported(session_id));
        sessions
    }

    /// Distinct events of each session that were passed on.
    pub(crate) fn events_by_session_passed_on(&self) -> BTreeMap<String, i64> {
        let mut sessions = BTreeMap::new();
        self.for_each("playback_events.clean", |_, key, _| *sessions.entry(key.to_owned()).or_default() += 1);
        sessions.retain(|session_id, _| !is_imported(session_id));
        sessions
    }

    fn for_each(&self, topic: &str, mut each: impl FnMut(u32, &str, &[u8])) {
        for partition in 0..PARTITIONS {
            for record in self.log.records(topic, partition) {
                if let (Some(key), Some(value)) = (&record.key, &record.value) {
                    each(partition, std::str::from_utf8(key).unwrap(), wire::split(value).unwrap().1);
                }
            }
        }
    }

    /// Takes over another world's progress records as they stand.
    pub(crate) fn copy_progress(&self, other: &Self) {
        for partition in 0..PARTITIONS {
            for record in other.log.records("viewing_progress", partition) {
                let headers: Vec<_> = pipeline::Headers::from_encoded(&record.headers)
                    .iter()
                    .map(|(name, value)| (String::from_utf8(name.to_vec()).unwrap(), value))
                    .collect();
                let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                self.log.append("viewing_progress", partition, record.timestamp_ms, key, value, &headers);
            }
        }
    }

    /// Sessions of several viewers in mixed order, with duplicates, late events, imports and poison.
    pub(crate) fn fill(&self, seed: u64, sessions: usize) {
        let mut random = Seeded::new(seed);
        let mut log_time_ms = DAY;
        let mut live: Vec<(String, u32, i64)> = (0..sessions).map(|number| (format!("s{number}"), 0, DAY)).collect();
        while !live.is_empty() {
            log_time_ms += [0, 1, 700, 9_000, MINUTE, 20 * MINUTE][random.below(6) as usize];
            if random.below(40) == 0 {
                log_time_ms += 20 * HOUR;
            }
            if random.below(9) == 0 {
                self.append_heartbeats(log_time_ms);
            }
            if random.below(8) == 0 {
                self.append_bytes(random.below(u64::from(PARTITIONS)) as u32, log_time_ms, Some(b"s1"), Some(b"\0\0\0\0\x01rubbish"));
            }
            let index = random.below(live.len() as u64) as usize;
            let (name, number, at_ms) = &mut live[index];
            let kind =
                [EventType::Heartbeat, EventType::Heartbeat, EventType::Pause, EventType::Play, EventType::End][random.below(5) as usize];
            let kind = if *number == 0 { EventType::Startup } else { kind };
            *at_ms += random.below(40 * SECOND as u64) as i64;
            let late_ms = if random.below(8) == 0 { 20 * MINUTE } else { 0 };
            let name_text = name.clone();
            let made = PlaybackEvent {
                session_id: &name_text,
                profile_id: Some(["p", "q"][name_text.len() % 2]),
                title_id: ["t", "u"][usize::from(name_text.as_bytes()[1]) % 2],
                event_time: (*at_ms - late_ms) * 1000,
                received_time: log_time_ms * 1000,
                position_ms: (random.below(3) > 0).then_some(*at_ms - DAY),
                ..event(*number, kind, 0)
            };
            let is_import = is_imported(&name_text);
            for _ in 0..=random.below(2) {
                self.append(log_time_ms, &made, is_import);
            }
            *number += 1;
            if *number > 12 {
                live.remove(index);
            }
        }
        self.append_heartbeats(log_time_ms + HOUR);
        self.append_heartbeats(log_time_ms + 90 * HOUR);
    }
}
