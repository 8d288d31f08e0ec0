//! The topics: each is there, as topics.yaml says, and keeps what it acknowledged.

use std::collections::BTreeMap;
use std::io;

use kafka::{Admin, KafkaError};
use schemas::topics::{self, Change, Existing, PlanOptions};

use super::Findings;

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
    let replicas = if is_dev { 1 } else { SAFE_REPLICAS };
    // What a change needs leave for is to be named too.
    let options = PlanOptions { is_dev, replicas, allow_rekey: true, allow_delete: true };
    let plan = topics::plan(&ours, &existing, &options);
    let apply = if is_dev { "`playhead topics apply --dev`" } else { "`playhead topics apply`" };
    for topic in &ours {
        let check = format!("topic {}", topic.name);
        let changes: Vec<&Change> = plan.changes.iter().filter(|(name, _)| *name == topic.name).map(|(_, change)| change).collect();
        let refused = plan.refusals.iter().filter(|refusal| refusal.topic == topic.name);
        for change in &changes {
            let (is_grave, detail) = told(change);
            let add = if is_grave { Findings::failure } else { Findings::warning };
            add(findings, &check, &detail, apply)?;
        }
        for refusal in refused {
            findings.warning(&check, &refusal.problem, "see `playhead topics plan`")?;
        }
        if let Some(found) = existing.get(&topic.name) {
            let is_durable = durability(&check, found, brokers, is_dev, findings)?;
            if changes.is_empty() && is_durable {
                findings.ok(&check, &format!("{} partitions, {} replicas, as topics.yaml says", found.partitions, found.replicas))?;
            }
        }
    }
    Ok(Some(existing))
}

/// Whether it endangers records, and what is wrong.
fn told(change: &Change) -> (bool, String) {
    match change {
        Change::Create { .. } => (true, "is not there".to_owned()),
        Change::Grow { from, to } => (true, format!("has {from} partitions, and should have {to}")),
        Change::Recreate { from, partitions, .. } => (false, format!("has {from} partitions, and should have {partitions}")),
        Change::Set { key, from, to } => {
            (GRAVE.contains(key), format!("{key} is {}, and should be {to}", from.as_deref().unwrap_or("not known")))
        }
    }
}

/// Whether an acknowledged record survives the loss of a broker. Our writers ask for the acknowledgement of all replicas in sync, always.
fn durability(check: &str, found: &Existing, brokers: usize, is_dev: bool, findings: &mut Findings<'_>) -> io::Result<bool> {
    let mut is_well = true;
    let setting = |key: &str| found.settings.get(key).map(String::as_str);
    if found.replicas < SAFE_REPLICAS && !is_dev {
        is_well = false;
        let detail = format!("{} replicas on {brokers} brokers: with the loss of one broker acknowledged records are lost", found.replicas);
        findings.warning(check, &detail, "three brokers, and the topic with three replicas (kafka-reassign-partitions.sh)")?;
    }
    let in_sync: u32 = setting("min.insync.replicas").and_then(|text| text.parse().ok()).unwrap_or(1);
    if found.replicas >= SAFE_REPLICAS && in_sync < SAFE_IN_SYNC {
        is_well = false;
        let detail = format!("min.insync.replicas is {in_sync}: a record is acknowledged that one broker alone has");
        findings.failure(check, &detail, &format!("set min.insync.replicas={SAFE_IN_SYNC}"))?;
    }
    if setting("unclean.leader.election.enable") == Some("true") {
        is_well = false;
        let detail = "unclean.leader.election.enable: a replica that lacks acknowledged records may become leader";
        findings.failure(check, detail, "set unclean.leader.election.enable=false")?;
    }
    Ok(is_well)
}
