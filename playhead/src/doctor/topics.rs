//! The topics: each is there, as topics.yaml says, and keeps what it acknowledged.

use std::collections::BTreeMap;
use std::io;

use kafka::{Admin, KafkaError};
use schemas::topics::{self, Change, Existing, PlanOptions, Topics};

use super::{Findings, Status};
use crate::shown::counted;

/// With so many replicas a partition can lose one and still be written safely.
const SAFE_REPLICAS: u16 = 3;
/// Of these so many must have a record before it is acknowledged.
const SAFE_IN_SYNC: u32 = 2;
/// Settings by which records are lost or refused that should not be.
const GRAVE: [&str; 6] = [
    "cleanup.policy",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "retention.bytes",
    "retention.ms",
];

/// The topics that are there; none where the cluster cannot be asked for them.
pub(super) fn examine(
    admin: &Admin,
    brokers: usize,
    is_dev: bool,
    findings: &mut Findings<'_>,
) -> io::Result<Option<BTreeMap<String, Existing>>> {
    let ours = topics::builtin();
    let mut existing = BTreeMap::new();
    for topic in &ours {
        match admin.describe(&topic.name) {
            Ok(found) => {
                let found = Existing { partitions: found.partitions, replicas: found.replicas, settings: found.settings };
                existing.insert(topic.name.clone(), found);
            }
            Err(KafkaError::NoTopic(_)) => {}
            Err(error) => {
                findings.failure(&format!("topic {}", topic.name), &error.to_string(), "see that this user may describe topics")?;
                return Ok(None);
            }
        }
    }
    let is_dev = is_dev || is_as_in_dev(&ours, &existing, findings)?;
    let replicas = if is_dev { 1 } else { SAFE_REPLICAS };
    // What a change needs leave for is to be named too.
    let options = PlanOptions { is_dev, replicas, allow_rekey: true, allow_delete: true };
    let plan = topics::plan(&ours, &existing, &options);
    let unasked = topics::plan(&ours, &existing, &PlanOptions { allow_rekey: false, allow_delete: false, ..options });
    let apply = |change: &Change| {
        let has_brokers = usize::from(replicas) <= brokers || !matches!(change, Change::Create { .. } | Change::Recreate { .. });
        match (has_brokers, unasked.refusals.is_empty(), is_dev) {
            (false, ..) => "three brokers, or `--dev` here and for `playhead topics apply`",
            // While anything is refused nothing is changed.
            (_, false, true) => "`playhead topics plan --dev` says what `playhead topics apply --dev` has to be allowed",
            (_, false, false) => "`playhead topics plan` says what `playhead topics apply` has to be allowed",
            (_, true, true) => "`playhead topics apply --dev`",
            (_, true, false) => "`playhead topics apply`",
        }
    };
    let mut all = ByFinding::default();
    for topic in &ours {
        let name = topic.name.as_str();
        let changes: Vec<&Change> = plan.changes.iter().filter(|(changed, _)| *changed == name).map(|(_, change)| change).collect();
        for change in &changes {
            let (status, detail) = told(change);
            all.add(name, status, detail, apply(change).to_owned());
        }
        for refusal in plan.refusals.iter().filter(|refusal| refusal.topic == name) {
            all.add(name, Status::Warning, refusal.problem.clone(), "see `playhead topics plan`".to_owned());
        }
        let Some(found) = existing.get(name) else { continue };
        let problems = durability(found, brokers, is_dev);
        if changes.is_empty() && problems.is_empty() {
            let size = format!("{}, {}", counted(found.partitions.into(), "partition"), counted(found.replicas.into(), "replica"));
            all.add(name, Status::Ok, format!("{size}, as topics.yaml says"), String::new());
        }
        problems.into_iter().for_each(|(status, detail, mend)| all.add(name, status, detail, mend));
    }
    all.tell(findings)?;
    Ok(Some(existing))
}

/// What is found of a topic.
#[derive(PartialEq, Eq)]
struct Finding {
    status: Status,
    detail: String,
    mend: String,
}

/// Findings of several topics that say the same, in the order in which they came up.
#[derive(Default)]
struct ByFinding<'t>(Vec<(Finding, Vec<&'t str>)>);

impl<'t> ByFinding<'t> {
    fn add(&mut self, topic: &'t str, status: Status, detail: String, mend: String) {
        let finding = Finding { status, detail, mend };
        match self.0.iter_mut().find(|(known, _)| *known == finding) {
            Some((_, topics)) => topics.push(topic),
            None => self.0.push((finding, vec![topic])),
        }
    }

    fn tell(self, findings: &mut Findings<'_>) -> io::Result<()> {
        self.0
            .into_iter()
            .try_for_each(|(Finding { status, detail, mend }, topics)| findings.add_each(status, "topic", &topics, &detail, &mend))
    }
}

/// Whether all topics are those of dev, though dev was not said: then that is what there is to say of them.
fn is_as_in_dev(ours: &Topics, existing: &BTreeMap<String, Existing>, findings: &mut Findings<'_>) -> io::Result<bool> {
    let options = PlanOptions { is_dev: true, replicas: 1, allow_rekey: true, allow_delete: true };
    let is_as_in_dev = topics::plan(ours, existing, &options).is_empty() && existing.values().all(|topic| topic.replicas < SAFE_REPLICAS);
    if is_as_in_dev {
        findings.failure(
            "topics",
            &format!("all {} are as in dev: with the loss of one broker acknowledged records are lost", existing.len()),
            "where that is meant, `playhead doctor --dev`; else three brokers, and topics that `playhead topics apply` makes there",
        )?;
    }
    Ok(is_as_in_dev)
}

/// Whether it endangers records, and what is wrong.
fn told(change: &Change) -> (Status, String) {
    match change {
        Change::Create { .. } => (Status::Failure, "is not there".to_owned()),
        Change::Grow { from, to } => (Status::Failure, format!("has {}, and should have {to}", counted((*from).into(), "partition"))),
        Change::Recreate { from, partitions, .. } => {
            (Status::Warning, format!("has {}, and should have {partitions}", counted((*from).into(), "partition")))
        }
        Change::Set { key, from, to } => {
            let status = if GRAVE.contains(key) { Status::Failure } else { Status::Warning };
            (status, format!("{key} is {}, and should be {to}", from.as_deref().unwrap_or("not known")))
        }
    }
}

/// What endangers acknowledged records when a broker is lost, and what to do. Our writers ask for the acknowledgement of all replicas in sync,
/// always.
fn durability(found: &Existing, brokers: usize, is_dev: bool) -> Vec<(Status, String, String)> {
    let mut problems = Vec::new();
    let setting = |key: &str| found.settings.get(key).map(String::as_str);
    if found.replicas < SAFE_REPLICAS && !is_dev {
        let (replicas, brokers) = (counted(found.replicas.into(), "replica"), counted(brokers as u64, "broker"));
        let detail = format!("{replicas} on {brokers}: with the loss of one broker acknowledged records are lost");
        let mend = "three brokers, and the topic with three replicas (kafka-reassign-partitions.sh)";
        problems.push((Status::Warning, detail, mend.to_owned()));
    }
    let in_sync: u32 = setting("min.insync.replicas").and_then(|text| text.parse().ok()).unwrap_or(1);
    if found.replicas >= SAFE_REPLICAS && in_sync < SAFE_IN_SYNC {
        let detail = format!("min.insync.replicas is {in_sync}: a record is acknowledged that one broker alone has");
        problems.push((Status::Failure, detail, format!("set min.insync.replicas={SAFE_IN_SYNC}")));
    }
    if setting("unclean.leader.election.enable") == Some("true") {
        let detail = "unclean.leader.election.enable: a replica that lacks acknowledged records may become leader".to_owned();
        problems.push((Status::Failure, detail, "set unclean.leader.election.enable=false".to_owned()));
    }
    problems
}
