//! The whole way of an event on the local log, in a file: raw records read, the playback processor run on them by the runner, outputs and
//! positions committed each second, states saved. And a restart without a saved state: the input replayed to the committed position.
//!
//! CPU seconds of the whole process, so the log's writing thread counts too.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::local::{LocalLane, LocalLog, TopicOptions};
use pipeline::{
    FolderStore, Log as _, LogTimeRule, NoDeadLetters, OutputTopic, Outputs, Processor as _, RunOptions, Shutdown, SnapshotOptions, Spread,
    Totals, run_processor,
};
use processors::playback::{Playback, PlaybackConfig};
use schemas::registry::Registry;
use schemas::{PlaybackEvent, Record as _, SchemaSource, wire};

use crate::audience::{Audience, POLLED};
use crate::measure::{Bar, Figure, cpu_of};

const LIVE: usize = 50_000;
const LENGTH: u32 = 20;
const PARTITIONS: u32 = 4;
const POLLS: u64 = 8_000;
const EVENTS: u64 = POLLS * POLLED as u64;
const INPUT: &str = "playback_events";

/// A folder that is gone when the measurement is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("playhead-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written to");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Local {
    log: LocalLog,
    schemas: Arc<Mutex<Registry>>,
    snapshots: PathBuf,
}

impl Local {
    fn open(folder: &Path) -> Self {
        let log = LocalLog::open(&folder.join("log.redb")).expect("a new log can be made");
        let local = Self { log, schemas: Arc::default(), snapshots: folder.join("snapshots") };
        for name in local.playback().outputs().iter().map(|topic| topic.name.as_str()).chain([INPUT]) {
            local.log.create_topic(name, TopicOptions { partitions: PARTITIONS, max_future_ms: None }).expect("a new topic can be made");
        }
        local
    }

    fn playback(&self) -> Playback {
        Playback::new(PlaybackConfig::with_partitions(PARTITIONS), Arc::clone(&self.schemas) as _).expect("the schemas are known")
    }

    /// Records in all topics that the processor writes.
    fn outputs(&self) -> i64 {
        let end = |topic: &OutputTopic, partition| self.log.bounds(&topic.name, partition).expect("the topic is there").1;
        self.playback().outputs().iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| end(topic, partition))).sum()
    }

    /// Appends the events as a gateway does, some thousands at a time.
    fn fill(&self) {
        let schema_id =
            self.schemas.register("playback_events-value", PlaybackEvent::SCHEMA).expect("an empty registry takes every schema");
        let topic = OutputTopic { name: INPUT.into(), partitions: PARTITIONS, spread: Spread::SamePartition };
        let mut out = Outputs::new(std::slice::from_ref(&topic));
        let mut lane = LocalLane::new(&self.log, "fill", &[], &[topic]).expect("the topic is there");
        let mut audience = Audience::new(LENGTH, LIVE);
        let mut polled = Vec::new();
        for poll in 1..=POLLS {
            audience.poll(&mut polled);
            for (viewing, at_ms) in &mut polled {
                let event = viewing.next(LENGTH, *at_ms);
                out.push_keyed(0, *at_ms, &[event.session_id.as_bytes()], |value| {
                    wire::frame(schema_id, value);
                    event.encode(value);
                });
            }
            if poll % 16 == 0 || poll == POLLS {
                lane.send(&mut out).expect("the log takes them");
                lane.commit(&[]).expect("the log takes them");
            }
        }
    }

    fn run(&self, saves: bool) -> Totals {
        let mut playback = self.playback();
        let outputs = playback.outputs().to_vec();
        let mut lane = LocalLane::new(&self.log, Playback::NAME, &[INPUT], &outputs).expect("the topics are there");
        let options = RunOptions {
            log_time: LogTimeRule::Records,
            inputs: vec![INPUT.to_owned()],
            commit_interval: Duration::from_secs(1),
            commit_records: 50_000,
            retry_interval: Duration::from_secs(1),
            keep_alive_interval: Duration::from_secs(5),
            on_unavailable: |_| std::ops::ControlFlow::Break(()),
            stop_when_caught_up: true,
            observer: pipeline::unobserved(),
            snapshots: saves.then(|| SnapshotOptions {
                store: Arc::new(FolderStore::new(self.snapshots.clone())),
                interval: Duration::from_mins(3),
                records: 10_000_000,
                on_problem: |problem| panic!("{problem}"),
            }),
        };
        run_processor(&mut playback, &mut lane, &NoDeadLetters, &options, &Shutdown::default()).expect("nothing fails")
    }
}

pub(crate) fn run() -> Vec<Figure> {
    let scratch = Scratch::new();
    let local = Local::open(&scratch.0);
    local.fill();
    let mut totals = Totals::default();
    let running_s = cpu_of(|| totals = local.run(true));
    assert_eq!((totals.records, totals.dropped, totals.rejected), (EVENTS, 0, 0), "every event is new and valid");
    std::fs::remove_dir_all(&local.snapshots).expect("states were saved");
    let replaying_s = cpu_of(|| totals = local.run(false));
    assert_eq!((totals.replayed, totals.records), (EVENTS, 0), "all of it is replayed");
    let of = "sessions of 20, 50,000 live, 4 partitions";
    vec![
        Figure::rate(&format!("local log, from encoded bytes to committed outputs, {of}"), EVENTS, running_s, 4e5),
        Figure::plain(&format!("outputs an event, {of}"), local.outputs() as f64 / EVENTS as f64, "records", None),
        Figure { bar: Some(Bar::AtLeast(1e6)), ..Figure::rate("restore from the log alone", EVENTS, replaying_s, 1e6) },
    ]
}
