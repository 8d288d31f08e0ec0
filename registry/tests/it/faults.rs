//! A processor whose registry misbehaves: it waits, and loses and refuses nothing.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pipeline::testing::{MemoryLane, MemoryLog};
use pipeline::{LogTimeRule, Processor as _, RunOptions, Shutdown, Unavailable, run_processor};
use processors::DeadLetterWriter;
use processors::playback::{DEAD_LETTERS, Playback, PlaybackConfig};
use registry::{ClientSettings, RegistryClient};
use schemas::{CleanPlaybackEvent, DeadLetter, EventType, Plan, PlaybackEvent, Record as _, SchemaSource, wire};

use crate::server::{Fault, Server, UNKNOWN};

/// 2026-01-01T00:00:00Z, ms.
const DAY_MS: i64 = 1_767_225_600_000;
const PARTITIONS: u32 = 2;
const EVENTS: usize = 40;
const TOPICS: [&str; 7] =
    ["playback_events", "playback_events.clean", "playback_sessions", "qos_session_summary", "viewing_progress", "active_streams", DEAD];
const DEAD: &str = "dead_letters";

struct World {
    server: Server,
    client: Arc<RegistryClient>,
    log: MemoryLog,
    raw_id: u32,
}

impl World {
    fn new(grace: Duration) -> Self {
        let (server, log) = (Server::start(), MemoryLog::new());
        for topic in TOPICS {
            log.create_topic(topic, PARTITIONS);
        }
        let settings = ClientSettings { timeout: Duration::from_secs(1), grace, ..ClientSettings::at(server.address()) };
        let client = Arc::new(RegistryClient::new(&settings).unwrap());
        let raw_id = client.register("playback_events-value", PlaybackEvent::SCHEMA).unwrap();
        let world = Self { server, client, log, raw_id };
        for number in 0..EVENTS {
            world.append(number, world.raw_id);
        }
        world
    }

    fn append(&self, number: usize, schema_id: u32) {
        let session_id = format!("s{}", number % 5);
        let at_ms = DAY_MS + i64::try_from(number).unwrap() * 1_000;
        let mut event_id = [0; 16];
        event_id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        let event = PlaybackEvent {
            event_id,
            session_id: &session_id,
            kind: if number < 5 { EventType::SessionStart } else { EventType::Heartbeat },
            event_time: at_ms * 1_000,
            received_time: at_ms * 1_000,
            title_id: "t",
            ..PlaybackEvent::default()
        };
        let mut value = Vec::new();
        wire::frame(schema_id, &mut value);
        event.encode(&mut value);
        let partition = pipeline::partition_for(session_id.as_bytes(), PARTITIONS);
        self.log.append("playback_events", partition, at_ms, Some(session_id.as_bytes()), Some(&value), &[]);
    }

    /// Runs the playback stage to the end of its input. `told` is told what it waits for.
    fn run(&self, told: fn(&Unavailable) -> ControlFlow<()>) {
        let source = || Arc::clone(&self.client) as Arc<dyn SchemaSource>;
        let mut playback = Playback::new(PlaybackConfig::with_partitions(PARTITIONS), source()).unwrap();
        let dead_letters = DeadLetterWriter::new(&["playback_events"], DEAD_LETTERS, PARTITIONS, source()).unwrap();
        let mut lane = MemoryLane::new(&self.log, "playback", &["playback_events"], playback.outputs()).with_batch_sizes(&[7]);
        let options = RunOptions {
            log_time: LogTimeRule::Records,
            inputs: vec!["playback_events".into()],
            commit_interval: Duration::from_secs(3_600),
            commit_records: 10,
            retry_interval: Duration::ZERO,
            keep_alive_interval: Duration::ZERO,
            on_unavailable: told,
            stop_when_caught_up: true,
            observer: pipeline::unobserved(),
            snapshots: None,
        };
        run_processor(&mut playback, &mut lane, &dead_letters, &options, &Shutdown::default()).unwrap();
    }

    /// Which raw records were passed on, each as often as it was.
    fn passed_on(&self) -> Vec<(i32, i64)> {
        let plan = Plan::current::<CleanPlaybackEvent<'_>>();
        let source = |value: &[u8]| {
            let clean = CleanPlaybackEvent::decode(&plan, wire::split(value).unwrap().1).unwrap();
            (clean.prefix.source_partition, clean.prefix.source_offset)
        };
        let records = (0..PARTITIONS).flat_map(|partition| self.log.records("playback_events.clean", partition));
        // What has no value is a heartbeat.
        let mut passed_on: Vec<_> = records.filter_map(|record| Some(source(record.value.as_deref()?))).collect();
        passed_on.sort_unstable();
        passed_on
    }

    /// All raw records written in the schema that there is.
    fn written(&self) -> Vec<(i32, i64)> {
        let of = |partition: u32| self.log.records("playback_events", partition).into_iter().map(move |record| (partition, record));
        (0..PARTITIONS)
            .flat_map(of)
            .filter(|(_, record)| wire::split(record.value.as_ref().unwrap()).unwrap().0 == self.raw_id)
            .map(|(partition, record)| (i32::try_from(partition).unwrap(), record.offset))
            .collect()
    }

    /// Reasons of the dead letters.
    fn refused(&self) -> Vec<String> {
        let reason = |value: &[u8]| {
            let letter = DeadLetter::decode(&Plan::current::<DeadLetter<'_>>(), wire::split(value).unwrap().1).unwrap();
            letter.reason.to_owned()
        };
        let letters = (0..PARTITIONS).flat_map(|partition| self.log.records(DEAD, partition));
        letters.filter_map(|record| record.value).map(|value| reason(&value)).collect()
    }
}

#[test]
fn a_registry_that_is_down_slow_broken_or_behind_is_waited_for() {
    static WAITED: AtomicU32 = AtomicU32::new(0);
    // None of these says that there is no such schema, so no grace is needed to see through them.
    let broken = vec![
        Fault::HangUp,
        Fault::Silence,
        Fault::Answer(500, r#"{"error_code":50001,"message":"the store is gone"}"#),
        Fault::Half,
        Fault::Answer(429, ""),
        Fault::Answer(200, "<html>sign in</html>"),
        Fault::Answer(404, "<html>no such page</html>"),
    ];
    // The raw events' schema, and that of the clean ones, which follows from it.
    let (raw, clean) = ("/schemas/ids/1", "/subjects/playback_events.clean-value");
    for (path, grace, faults) in
        [(raw, Duration::ZERO, broken.clone()), (clean, Duration::ZERO, broken), (raw, Duration::from_secs(3_600), vec![UNKNOWN; 3])]
    {
        let world = World::new(grace);
        assert_eq!(world.raw_id, 1);
        world.server.misbehave(path, faults.iter().copied());
        WAITED.store(0, Ordering::SeqCst);
        world.run(|unavailable| {
            assert!(unavailable.what.contains("schema"), "{unavailable}");
            WAITED.fetch_add(1, Ordering::SeqCst);
            ControlFlow::Continue(())
        });
        assert!(WAITED.load(Ordering::SeqCst) as usize >= faults.len(), "each time it is said");
        assert_eq!((world.passed_on().len(), world.passed_on(), world.refused()), (EVENTS, world.written(), vec![]), "{path}");
    }
}

#[test]
fn an_id_that_stays_unknown_becomes_a_dead_letter_after_its_grace() {
    static WAITED: AtomicU32 = AtomicU32::new(0);
    const GRACE: Duration = Duration::from_millis(150);
    let world = World::new(GRACE);
    for number in EVENTS..EVENTS + 3 {
        world.append(number, 4_711);
    }
    world.append(EVENTS + 3, world.raw_id);
    let began = Instant::now();
    world.run(|unavailable| {
        assert!(unavailable.to_string().contains("4711"), "{unavailable}");
        WAITED.fetch_add(1, Ordering::SeqCst);
        ControlFlow::Continue(())
    });
    assert!(began.elapsed() >= GRACE);
    assert!(WAITED.load(Ordering::SeqCst) > 0, "it was said that it waits");
    assert_eq!(world.refused(), ["unknown_schema_id"; 3]);
    assert_eq!((world.passed_on().len(), world.passed_on()), (EVENTS + 1, world.written()), "all others go on");
}
