//! The input of a test: simulated viewers' events, in memory and on Kafka, record by record at the same offsets.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka::{Admin, Cluster, KafkaLane, LaneOptions, NewTopic};
use pipeline::testing::{MemoryLane, MemoryLog, StoredRecord};
use pipeline::{Headers, Log as _, OutputTopic, Outputs, Shutdown, Spread};
use producers::simulate::truth::{ResumeTruth, SessionTruth};
use producers::simulate::{INPUTS, Settings, SimulateOptions, Simulation, TruthSink, group};
use schemas::SchemaSource;
use schemas::registry::Registry;

use crate::outcome::Outcome;
use crate::stage::{INPUT, RunArguments, Stage};
use crate::until;

/// Partitions of every topic.
pub const PARTITIONS: u32 = 4;
/// 2026-01-01T00:00:00Z, ms.
const START_MS: i64 = 1_767_225_600_000;
/// Records of a transaction of the input.
const TRANSACTION: usize = 700;

/// The topics of one test, and what must come of their input.
pub struct Scene {
    /// Where they are, with a prefix of their own.
    pub cluster: Cluster,
    /// Makes and deletes them.
    pub admin: Admin,
    schemas: Arc<dyn SchemaSource>,
    records: Vec<(u32, StoredRecord)>,
    /// Records written so far.
    written: usize,
    memory: MemoryLog,
}

/// What a simulation would have to come to is of no interest.
pub(crate) struct NoTruth;

impl TruthSink for NoTruth {
    fn session(&mut self, _: &SessionTruth) -> io::Result<()> {
        Ok(())
    }

    fn resume(&mut self, _: &ResumeTruth) -> io::Result<()> {
        Ok(())
    }
}

impl Scene {
    /// Makes topics of their own, with `name` in theirs, for the events of so many sessions. Nothing is written yet.
    ///
    /// # Panics
    /// Where the cluster does not make them.
    #[must_use]
    pub fn new(cluster: &Cluster, name: &str, sessions: u32) -> Self {
        Self::with_schemas(cluster, name, sessions, Arc::new(Mutex::new(Registry::default())))
    }

    /// The same with schemas that others share.
    ///
    /// # Panics
    /// As [`Scene::new`].
    #[must_use]
    pub fn with_schemas(cluster: &Cluster, name: &str, sessions: u32, schemas: Arc<dyn SchemaSource>) -> Self {
        let cluster = with_prefix(cluster, name);
        let admin = Admin::new(&cluster, Duration::from_secs(60)).expect("the settings are right");
        let stage = Stage::with_schemas(PARTITIONS, Arc::clone(&schemas));
        let scene = Self { records: simulated(&stage, sessions), written: 0, memory: MemoryLog::new(), cluster, admin, schemas };
        scene.create(INPUT);
        for output in stage.outputs() {
            scene.create(&output.name);
        }
        scene
    }

    /// Makes a topic, in memory too.
    ///
    /// # Panics
    /// Where the cluster does not.
    pub fn create(&self, name: &str) {
        let topic = NewTopic { name, partitions: PARTITIONS, replicas: Some(1), settings: vec![("retention.ms", "-1")] };
        self.admin.create(&[topic]).expect("a new topic can be made");
        self.memory.create_topic(name, PARTITIONS);
    }

    /// The stage on these topics.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::with_schemas(PARTITIONS, Arc::clone(&self.schemas))
    }

    /// Records that are still to be written.
    #[must_use]
    pub fn left(&self) -> usize {
        self.records.len() - self.written
    }

    /// Writes all that is left.
    pub fn write_all(&mut self) {
        self.write(self.left());
    }

    /// Writes the next `count` records, some hundreds a transaction, as a gateway would: each transaction leaves a marker in every partition
    /// that it wrote to.
    ///
    /// # Panics
    /// Where the cluster does not take them.
    pub fn write(&mut self, count: usize) {
        let topic = OutputTopic { name: INPUT.to_owned(), partitions: PARTITIONS, spread: Spread::Unmarked };
        let options = LaneOptions::new(self.cluster.clone(), "writer", "writer", 0);
        let mut producer = KafkaLane::processor(options, &[], std::slice::from_ref(&topic)).expect("the topic is there");
        let mut out = Outputs::new(&[topic]);
        let end = self.written + count;
        while self.written < end {
            let to = end.min(self.written + TRANSACTION);
            let mut touched = [false; PARTITIONS as usize];
            for (partition, record) in &self.records[self.written..to] {
                push(&mut out, *partition, record);
                append(&self.memory, INPUT, *partition, record);
                touched[*partition as usize] = true;
            }
            producer.send(&mut out).expect("the cluster takes them");
            producer.commit(&[]).expect("the cluster takes them");
            (0..PARTITIONS)
                .filter(|&partition| touched[partition as usize])
                .for_each(|partition| self.memory.skip_offsets(INPUT, partition, 1));
            self.written = to;
        }
        // A commit is answered a little before its markers are there.
        for partition in 0..PARTITIONS {
            let end = self.memory.bounds(INPUT, partition).1;
            let is_there = || self.admin.bounds(INPUT, partition).expect("the topic is there").1 >= end;
            until("the end of the last transaction", || is_there().then_some(()));
        }
    }

    /// What a run in memory over the records written so far comes to.
    ///
    /// # Panics
    /// Never: nothing fails in memory.
    #[must_use]
    pub fn expected(&self) -> Outcome {
        let mut stage = self.stage();
        let mut lane = MemoryLane::new(&self.memory, "playback", &[INPUT], stage.outputs());
        stage.run(&mut lane, &RunArguments::default(), &Shutdown::default()).expect("nothing fails in memory");
        Outcome::of_memory(&stage, &self.memory)
    }

    /// What is in the output topics on Kafka.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::of_kafka(
            &self.stage(),
            &self.cluster,
            self.admin.describe(INPUT).expect("the input is there").id,
            self.memory.topic_id(INPUT),
        )
    }

    /// Records in the output topics that readers see by now, markers included.
    ///
    /// # Panics
    /// Where the cluster does not answer.
    #[must_use]
    pub fn outputs_end(&self) -> i64 {
        let stage = self.stage();
        let ends = stage
            .outputs()
            .iter()
            .flat_map(|topic| (0..PARTITIONS).map(|partition| self.admin.bounds(&topic.name, partition).expect("it is there").1));
        ends.sum()
    }

    /// Whether no transaction is open in the output topics.
    fn is_settled(&self) -> bool {
        let stage = self.stage();
        let partitions: Vec<(&str, u32)> =
            stage.outputs().iter().flat_map(|topic| (0..PARTITIONS).map(|partition| (topic.name.as_str(), partition))).collect();
        let ends = self.admin.ends(&partitions).expect("they are there");
        ends.len() == partitions.len() && ends.iter().all(|end| end.committed == end.all)
    }

    /// Fails where the outputs on Kafka are not what they are in memory.
    ///
    /// # Panics
    /// Then.
    pub fn assert_complete(&self) {
        assert_eq!(self.left(), 0, "all of the input was written");
        // Whoever was killed, or ended without a new start, left a transaction open, which holds readers back until its time is over.
        until("the end of every transaction", || self.is_settled().then_some(()));
        let (expected, found) = (self.expected(), self.outcome());
        assert!(expected.len() > 1_000, "the scene has outputs: {}", expected.len());
        if let Some(difference) = crate::first_difference(&found, &expected) {
            panic!("{}: {difference}", self.cluster.prefix);
        }
    }
}

impl Drop for Scene {
    /// Thousands of topics would make the broker slow to start.
    fn drop(&mut self) {
        if std::thread::panicking() {
            // To be looked at.
            return;
        }
        let stage = self.stage();
        let names: Vec<&str> = stage.outputs().iter().map(|topic| topic.name.as_str()).chain([INPUT]).collect();
        // One that the test itself has deleted is not there; the others go.
        names.iter().for_each(|name| _ = self.admin.delete(&[name]));
    }
}

/// The cluster with a prefix that no other test has, and no run before.
///
/// # Panics
/// Never, where the clock is right.
#[must_use]
pub fn with_prefix(cluster: &Cluster, name: &str) -> Cluster {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_nanos();
    let prefix = format!("e2e-{name}-{now:x}-{}.", NUMBER.fetch_add(1, Ordering::Relaxed));
    Cluster { prefix, ..cluster.clone() }
}

/// The events of so many sessions in a log in memory, with the topics that the stage writes.
///
/// # Panics
/// Never: nothing fails in memory.
#[must_use]
pub fn events_in_memory(stage: &Stage, sessions: u32) -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic(INPUT, PARTITIONS);
    stage.outputs().iter().for_each(|topic| _ = log.create_topic(&topic.name, PARTITIONS));
    simulated(stage, sessions).iter().for_each(|(partition, record)| append(&log, INPUT, *partition, record));
    log
}

/// Viewers' events with something of everything.
fn simulated(stage: &Stage, sessions: u32) -> Vec<(u32, StoredRecord)> {
    let rate = |share: f64| share.try_into().expect("a share");
    let settings = Settings {
        seed: 7,
        start_ms: START_MS,
        sessions,
        duplicates: rate(0.05),
        disorder: rate(0.1),
        late: rate(0.02),
        lost: rate(0.01),
        poison: rate(0.01),
    };
    let log = MemoryLog::new();
    log.create_topic("playback_events", PARTITIONS);
    let topics = producers::simulate::outputs(PARTITIONS);
    let options = SimulateOptions { settings, now_ms: START_MS + 90 * 86_400_000, batch_records: 1_000, schema_id: stage.schema_id };
    let mut lane = MemoryLane::new(&log, &group(&options.settings), &INPUTS, &topics);
    lane.poll(Duration::ZERO).expect("the run's partitions are assigned");
    let simulation = Simulation::open(&mut lane, &topics, &options).expect("nothing fails in memory");
    simulation.run(&mut NoTruth, &mut |_| {}).expect("nothing fails in memory");
    // By time, so that partitions fill side by side.
    let of_partition = |partition| log.records("playback_events", partition).into_iter().map(move |record| (partition, record));
    let mut records: Vec<_> = (0..PARTITIONS).flat_map(of_partition).collect();
    records.sort_by_key(|(partition, record)| (record.timestamp_ms, *partition, record.offset));
    records
}

fn push(out: &mut Outputs, partition: u32, record: &StoredRecord) {
    let key = record.key.as_deref().expect("simulated records have keys");
    let header = Headers::from_encoded(&record.headers).iter().next();
    let header = header.map(|(name, value)| (std::str::from_utf8(name).expect("our own"), value));
    match (&record.value, header) {
        (None, Some(header)) => out.push_marker(0, partition, record.timestamp_ms, key, header),
        (value, header) => {
            let value = value.as_deref().expect("only heartbeats have none");
            out.push_with_header(0, partition, record.timestamp_ms, key, header, |bytes| bytes.extend_from_slice(value));
        }
    }
}

fn append(log: &MemoryLog, topic: &str, partition: u32, record: &StoredRecord) {
    let headers: Vec<_> =
        Headers::from_encoded(&record.headers).iter().map(|(name, value)| (std::str::from_utf8(name).expect("our own"), value)).collect();
    log.append(topic, partition, record.timestamp_ms, record.key.as_deref(), record.value.as_deref(), &headers);
}
