//! The stages as processes of their own on a real broker and registry: what they write is what the same run comes to on the local log.

mod audit;
mod import;
mod ingest;
mod read;
mod topics;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{Stack, until};
use kafka::{Admin, Cluster, Reader};
use pipeline::Record;
use pipeline::local::LocalLog;
use serde_json::Value;

use crate::support::{Folder, Said, said};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Without a start: the run has just ended, so that no record is old enough for the broker to delete it.
const SIMULATE: [&str; 15] = [
    "simulate",
    "--seed",
    "11",
    "--sessions",
    "300",
    "--duplicates",
    "5%",
    "--disorder",
    "10%",
    "--late",
    "2%",
    "--poison",
    "1%",
    "--lost",
    "1%",
];
/// The topics whose records do not name their input, and are all kept.
const COMPARED: [&str; 3] = ["playback_sessions", "qos_session_summary", "viewing_progress"];

/// A folder whose commands go to the cluster.
pub(crate) struct OnKafka {
    pub(crate) folder: Folder,
    pub(crate) stack: Stack,
    /// Before the names of its topics.
    prefix: String,
}

impl Drop for OnKafka {
    /// Thousands of topics would make the broker slow to start. Those of a test that failed stay to be looked at.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let admin = Admin::new(&self.cluster(), PATIENCE).unwrap();
            // Not every test makes all of them.
            schemas::topics::builtin().iter().for_each(|topic| _ = admin.delete(&[topic.name.as_str()]));
        }
    }
}

impl OnKafka {
    /// With topics of its own, which are not made yet.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        Self { folder: Folder::new(), stack: Stack::with(&["kafka", "registry"]), prefix: format!("binary-{now:x}.") }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.folder.command(args);
        command.env("PLAYHEAD_KAFKA_BROKERS", self.stack.variable("PLAYHEAD_TEST_BROKERS"));
        command.env("PLAYHEAD_REGISTRY_URL", self.stack.variable("PLAYHEAD_TEST_REGISTRY"));
        command.env("PLAYHEAD_KAFKA_INSTANCE", "test");
        command.env("PLAYHEAD_KAFKA_TOPIC_PREFIX", &self.prefix);
        command
    }

    /// With its topics made.
    pub(crate) fn with_topics() -> Self {
        let on_kafka = Self::new();
        on_kafka.json(0, &["topics", "apply", "--dev"]);
        on_kafka
    }

    /// A command that is turned to the cluster by its flag.
    pub(crate) fn turned(&self, args: &[&str]) -> Command {
        self.command(&[args, &["--brokers", self.stack.variable("PLAYHEAD_TEST_BROKERS")]].concat())
    }

    /// What such a command says.
    pub(crate) fn said(&self, args: &[&str]) -> Said {
        said(&mut self.turned(args))
    }

    /// The last line of JSON of such a command.
    pub(crate) fn answer(&self, code: i32, args: &[&str]) -> Value {
        self.answers(code, args).pop().unwrap()
    }

    /// All lines of JSON of such a command.
    pub(crate) fn answers(&self, code: i32, args: &[&str]) -> Vec<Value> {
        let said = said(self.turned(args).arg("--json"));
        assert_eq!(said.code, code, "{args:?}: {said:?}");
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs both stages to the end of what there is.
    pub(crate) fn process(&self) {
        for stage in ["playback", "profile"] {
            self.json(0, &["process", stage, "--until-caught-up"]);
        }
    }

    pub(crate) fn json(&self, code: i32, args: &[&str]) -> Value {
        let said = said(self.command(args).arg("--json"));
        assert_eq!(said.code, code, "{args:?}: {said:?}");
        serde_json::from_str(&said.out).unwrap()
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster { prefix: self.prefix.clone(), ..self.stack.kafka() }
    }

    /// The records of a topic, by partition and in order.
    fn bodies(&self, topic: &str) -> Vec<Body> {
        let mut reader = Reader::new(&self.cluster(), PATIENCE).unwrap();
        let partitions = Admin::new(&self.cluster(), PATIENCE).unwrap().describe(topic).unwrap().partitions;
        let mut bodies = Vec::new();
        for partition in 0..partitions {
            let (first, end) = reader.bounds(topic, partition).unwrap();
            reader
                .read(topic, partition, first, end, &mut |record| {
                    bodies.extend(Body::of(partition, record));
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        bodies
    }
}

/// A record without its schema id, which differs from registry to registry.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Body {
    partition: u32,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Body {
    /// None of a heartbeat.
    fn of(partition: u32, record: &Record<'_>) -> Option<Self> {
        Some(Self { partition, key: record.key?.to_vec(), value: record.value?[5..].to_vec() })
    }
}

/// The same of the local log.
fn local_bodies(folder: &Folder, topic: &str) -> Vec<Body> {
    let log = LocalLog::open(&folder.data().join("log.redb")).unwrap();
    let (_, partitions) = log.topic(topic).unwrap();
    let mut bodies = Vec::new();
    for partition in 0..partitions {
        let (first, end) = log.bounds(topic, partition).unwrap();
        log.read_partition(topic, partition, first, end, &mut |batch| {
            bodies.extend(batch.records.iter().filter_map(|record| Body::of(partition, record)));
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    bodies
}

fn names(plan: &Value) -> Vec<&str> {
    plan["changes"].as_array().unwrap().iter().map(|change| change["topic"].as_str().unwrap()).collect()
}

fn start(on_kafka: &OnKafka, args: &[&str]) -> Child {
    on_kafka.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn comes_to_what_the_local_log_comes_to() {
    let on_kafka = OnKafka::new();

    // Topics as code: a plan with changes, carried out, and nothing left to do. One broker is too few outside dev.
    let all: Vec<String> = schemas::topics::builtin().iter().map(|topic| topic.name.clone()).collect();
    assert_eq!(names(&on_kafka.json(2, &["topics", "plan", "--dev"])), all);
    assert!(!on_kafka.json(1, &["topics", "plan", "--replicas", "1"])["refused"].as_array().unwrap().is_empty());
    on_kafka.json(0, &["topics", "apply", "--dev"]);
    assert_eq!(names(&on_kafka.json(0, &["topics", "plan", "--dev"])), Vec::<&str>::new());
    let admin = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap();
    admin.set("playback_events", &[("max.message.bytes", "2000000")]).unwrap();
    admin.grow("active_streams", 5).unwrap();
    let plan = on_kafka.json(1, &["topics", "plan", "--dev"]);
    assert_eq!(names(&plan), ["playback_events"]);
    assert!(plan["refused"][0]["problem"].as_str().unwrap().contains("none can be taken away"), "{plan}");
    on_kafka.json(0, &["topics", "apply", "--dev", "--allow-delete"]);
    assert_eq!(names(&on_kafka.json(0, &["topics", "plan", "--dev"])), Vec::<&str>::new());

    let simulated = on_kafka.answer(0, &SIMULATE);
    let again = on_kafka.answer(0, &SIMULATE);
    assert_eq!(
        (again["already_there"].as_u64(), simulated["already_there"].as_u64()),
        (simulated["simulated"]["raw_records"].as_u64(), Some(0))
    );

    // A process that dies in the middle, then two lanes to the end.
    let process = ["process", "playback", "--snapshot-interval", "0s"];
    let mut first = start(&on_kafka, &process);
    let snapshots = on_kafka.folder.data().join("snapshots/playback");
    until("a state is saved", || (snapshots.exists() || first.try_wait().unwrap().is_some()).then_some(()));
    first.kill().unwrap();
    assert_eq!(first.wait().unwrap().code(), None, "it was killed, and had not ended before");
    let playback = on_kafka.json(0, &["process", "playback", "--until-caught-up", "--lanes", "2"]);
    assert_eq!(playback["stage"], "playback");
    on_kafka.json(0, &["process", "profile", "--until-caught-up"]);
    let audited = on_kafka.answer(0, &["audit", "--truth"]);
    assert_eq!(
        (&audited["agrees"], &audited["pending"], &audited["truth"]["sessions"]),
        (&true.into(), &0.into(), &300.into()),
        "{audited}"
    );

    // The same folder holds a run of its own: each truth is true of the log that its run went to.
    on_kafka.json(0, &["simulate", "--seed", "12", "--sessions", "20"]);
    for (turned, sessions) in [(on_kafka.answer(0, &["audit", "--truth"]), 300), (on_kafka.json(0, &["audit", "--truth"]), 20)] {
        assert_eq!((&turned["agrees"], &turned["truth"]["sessions"]), (&true.into(), &sessions.into()), "{turned}");
    }
    let elsewhere = OnKafka::with_topics();
    std::fs::create_dir_all(elsewhere.folder.data()).unwrap();
    std::fs::rename(on_kafka.folder.data().join("truth"), elsewhere.folder.data().join("truth")).unwrap();
    elsewhere.process();
    let said = elsewhere.said(&["audit", "--truth"]);
    assert!(said.code == 2 && said.err.contains("went to another log than this one"), "{said:?}");

    let local = Folder::new();
    let started = simulated["simulated"]["start"].as_str().unwrap();
    let said = local.run(&[&SIMULATE[..], &["--start", started]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let mut records: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in COMPARED {
        let (mut found, mut expected) = (on_kafka.bodies(topic), local_bodies(&local, topic));
        // Lanes of several input partitions take turns in an output partition.
        found.sort_unstable();
        expected.sort_unstable();
        records.insert(topic, expected.len());
        assert!(found == expected, "{topic}: {} records, {} on the local log", found.len(), expected.len());
    }
    assert!(records.values().all(|records| *records > 100), "{records:?}");
    for topic in ["playback_events", "playback_events.clean", "dead_letters"] {
        assert_eq!(on_kafka.bodies(topic).len(), local_bodies(&local, topic).len(), "{topic}");
    }
    // A compacted topic may have lost what was not a key's last.
    let last = |bodies: Vec<Body>| bodies.into_iter().map(|body| ((body.partition, body.key), body.value)).collect::<BTreeMap<_, _>>();
    let (found, expected) = (last(on_kafka.bodies("resume_state")), last(local_bodies(&local, "resume_state")));
    assert!(expected.len() > 50 && found == expected, "{} resume positions, {} on the local log", found.len(), expected.len());
}
