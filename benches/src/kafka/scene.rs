//! Topics of their own on the broker, filled with events; and the two lanes that read them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2e::{Stack, Watch, Watched};
use kafka::{Admin, Cluster, KafkaLane, LaneOptions, NewTopic};
use pipeline::{
    Committed, FolderStore, Log as _, LogTimeRule, NoDeadLetters, OutputTopic, Outputs, Polled, Position, Processor as _, RunOptions,
    Shutdown, SnapshotOptions, Spread, Totals, run_processor,
};
use processors::playback::{Playback, PlaybackConfig};
use schemas::registry::Registry;
use schemas::{PlaybackEvent, Record as _, SchemaSource as _};

use super::meter::Meter;
use super::{Load, plain};

/// The topic that is read.
pub(super) const INPUT: &str = "playback_events";
/// Partitions of every topic.
pub(super) const PARTITIONS: u32 = 4;
/// Where the copies go.
const COPY: &str = "copy";
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// The default of `state.snapshot_interval`.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(30);

pub(super) struct Scene {
    cluster: Cluster,
    admin: Admin,
    broker: u32,
    /// By name, the input first.
    topics: Vec<String>,
    load: Load,
}

impl Scene {
    /// With all events of the load in the input.
    ///
    /// # Panics
    /// Where the broker can't be started, or does not take them.
    pub(super) fn filled(load: Load) -> Self {
        let stack = Stack::with(&["kafka"]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_nanos();
        let cluster = Cluster { prefix: format!("bench-{now:x}."), ..stack.kafka() };
        let admin = Admin::new(&cluster, Duration::from_secs(60)).expect("the settings are right");
        let playback = playback();
        let outputs = playback.0.outputs().iter().map(|topic| topic.name.clone());
        let topics: Vec<String> = std::iter::once(INPUT.to_owned()).chain(outputs).chain([COPY.to_owned()]).collect();
        let new = |name| NewTopic { name, partitions: PARTITIONS, replicas: Some(1), settings: vec![("retention.ms", "-1")] };
        admin.create(&topics.iter().map(|name| new(name.as_str())).collect::<Vec<_>>()).expect("new topics can be made");
        let filled = Command::new(std::env::current_exe().expect("the path of this program"))
            .args(["--fill", &cluster.brokers, &cluster.prefix])
            .args([u64::from(load.length), load.live as u64, load.measured, u64::from(playback.1)].map(|number| number.to_string()))
            .status();
        assert!(filled.expect("this program starts again").success(), "the topic can be filled");
        Self { cluster, admin, broker: stack.pid("kafka"), topics, load }
    }

    pub(super) const fn broker_pid(&self) -> u32 {
        self.broker
    }

    /// Runs the playback processor to the end of the input.
    pub(super) fn process(&self, lanes: u32, meter: &Meter) {
        let snapshots = std::env::temp_dir().join(format!("playhead-bench-{}", std::process::id()));
        let lanes: Vec<u32> = (0..lanes).collect();
        std::thread::scope(|threads| {
            for lane in lanes {
                let snapshots = snapshots.clone();
                threads.spawn(move || self.process_lane(lane, meter, snapshots));
            }
        });
        // Made by the runner where it saved states.
        _ = std::fs::remove_dir_all(&snapshots);
    }

    fn process_lane(&self, number: u32, meter: &Meter, snapshots: PathBuf) {
        let totals = run_lane(LaneOptions::new(self.cluster.clone(), "playback", "bench", number), snapshots, meter, true);
        assert_eq!((totals.lost_transactions, totals.dropped, totals.rejected), (0, 0, 0), "nothing came between: {totals:?}");
    }

    /// What a process needs to know to run a lane on these topics.
    pub(super) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Copies the input.
    pub(super) fn pass_through(&self, meter: &Meter) {
        let topic = OutputTopic { name: COPY.to_owned(), partitions: PARTITIONS, spread: Spread::SamePartition };
        let options = LaneOptions::new(self.cluster.clone(), "copy", "bench", 0);
        let mut out = Outputs::new(std::slice::from_ref(&topic));
        let lane = KafkaLane::processor(options, &[INPUT], &[topic]).expect("the topics are there");
        let mut lane = Watched { log: lane, watch: meter };
        let mut positions = BTreeMap::new();
        let mut last_commit = Instant::now();
        while !meter.is_over() {
            let mut is_idle = false;
            match lane.poll(Duration::from_millis(100)).expect("the broker answers") {
                Polled::Assigned(sources) => sources.into_iter().for_each(|source| lane.seek(source, 0).expect("it is ours")),
                Polled::Batch(batch) => {
                    for record in &batch.records {
                        let (key, value) = (record.key.expect("events have keys"), record.value.expect("events have bodies"));
                        out.push_to(0, batch.source.partition, record.timestamp_ms, key, |bytes| bytes.extend_from_slice(value));
                    }
                    positions.insert(batch.source, batch.next_offset);
                    lane.send(&mut out).expect("the broker takes them");
                }
                Polled::Revoked { .. } => panic!("nobody else is in the group"),
                Polled::Idle { .. } => is_idle = true,
            }
            if last_commit.elapsed() >= COMMIT_INTERVAL || is_idle {
                let committed = |next_offset| Committed { next_offset, metadata: String::new() };
                let all: Vec<_> = positions.iter().map(|(&source, &next)| Position { source, committed: committed(next) }).collect();
                lane.commit(&all).expect("the broker takes them");
                last_commit = Instant::now();
            }
        }
    }

    /// Copies the input without anything of ours.
    pub(super) fn pass_through_plainly(&self, meter: &Meter) {
        let names = [INPUT, COPY].map(|name| self.cluster.topic(name));
        plain::copy(&self.cluster.brokers, [&names[0], &names[1]], COMMIT_INTERVAL, meter);
    }

    /// Records written for each event. Markers of transactions are some hundreds and count as records.
    pub(super) fn outputs_an_event(&self) -> f64 {
        let end = |topic: &String, partition| self.admin.bounds(topic, partition).expect("the topic is there").1;
        let written: i64 = self.topics[1..].iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| end(topic, partition))).sum();
        written as f64 / self.load.events() as f64
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let names: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        // Or they would fill the disk. Where it fails, it says nothing about what was measured.
        _ = self.admin.delete(&names);
    }
}

/// The playback processor as in production, until the end of its input or without one.
pub(super) fn run_lane(options: LaneOptions, snapshots: PathBuf, watch: impl Watch, stop_when_caught_up: bool) -> Totals {
    let (mut playback, _) = playback();
    let lane = KafkaLane::processor(options, &[INPUT], playback.outputs());
    let mut lane = Watched { log: lane.expect("the topics are there"), watch };
    let options = RunOptions {
        log_time: LogTimeRule::Records,
        inputs: vec![INPUT.to_owned()],
        commit_interval: COMMIT_INTERVAL,
        commit_records: 500_000,
        retry_interval: Duration::from_secs(1),
        keep_alive_interval: Duration::from_secs(1),
        on_unavailable: |_| ControlFlow::Break(()),
        stop_when_caught_up,
        observer: pipeline::unobserved(),
        snapshots: Some(SnapshotOptions {
            store: Arc::new(FolderStore::new(snapshots)),
            interval: SNAPSHOT_INTERVAL,
            records: 10_000_000,
            on_problem: |problem| eprintln!("{problem}"),
        }),
    };
    run_processor(&mut playback, &mut lane, &NoDeadLetters, &options, &Shutdown::default()).expect("nothing fails")
}

/// The processor, and the id of the schema of its input: the same in every process.
pub(super) fn playback() -> (Playback, u32) {
    let schemas = Arc::new(Mutex::new(Registry::default()));
    let schema_id = schemas.register("playback_events-value", PlaybackEvent::SCHEMA).expect("an empty registry takes every schema");
    (Playback::new(PlaybackConfig::with_partitions(PARTITIONS), schemas).expect("the schemas are known"), schema_id)
}
