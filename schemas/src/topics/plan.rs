//! What must be done to a cluster so that its topics are as topics.yaml defines them. Pure: what is there goes in, changes and refusals
//! come out.

use std::collections::BTreeMap;

use super::{Cleanup, Topic, Topics};

/// Replicas of a partition, and how many of them must have a record before it is acknowledged, outside dev.
const LEAST_REPLICAS: u16 = 3;
const LEAST_IN_SYNC: u16 = 2;

/// A topic as a cluster has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of the partition that has the fewest.
    pub replicas: u16,
    /// Its settings by Kafka's names, defaults among them.
    pub settings: BTreeMap<String, String>,
}

/// How a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// One broker is enough, and topics have `dev_partitions`.
    pub is_dev: bool,
    /// Replicas of each partition of a new topic.
    pub replicas: u16,
    /// A topic that feeds keyed state may get more partitions: the events of a session part.
    pub allow_rekey: bool,
    /// Records may be lost: by a shorter retention, or where a topic must be made anew.
    pub allow_delete: bool,
}

/// Something to be done to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there.
    Create {
        /// Number of partitions.
        partitions: u32,
        /// Replicas of each.
        replicas: u16,
        /// Settings by Kafka's names.
        settings: BTreeMap<String, String>,
    },
    /// It has fewer partitions.
    Grow {
        /// As it is.
        from: u32,
        /// As it should be.
        to: u32,
    },
    /// A setting is another.
    Set {
        /// Kafka's name.
        key: &'static str,
        /// As it is; none where the cluster does not say.
        from: Option<String>,
        /// As it should be.
        to: String,
    },
    /// It has more partitions than it should, and none can be taken away: deleted with all its records, and made anew.
    Recreate {
        /// Number of partitions as it is.
        from: u32,
        /// Number of partitions as it should be.
        partitions: u32,
        /// Replicas of each.
        replicas: u16,
        /// Settings by Kafka's names.
        settings: BTreeMap<String, String>,
    },
}

/// Something that should be done, and is not without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The topic; empty where it is about all.
    pub topic: String,
    /// What is wrong, and what would allow it.
    pub problem: String,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// By topic, in the order of topics.yaml.
    pub changes: Vec<(String, Change)>,
    /// What stands in the way: while there is any, nothing is done.
    pub refusals: Vec<Refusal>,
}

impl Plan {
    /// Whether the cluster is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.refusals.is_empty()
    }

    fn refuse(&mut self, topic: &str, problem: String) {
        self.refusals.push(Refusal { topic: topic.to_owned(), problem });
    }
}

/// Compares. Topics that topics.yaml does not name are somebody else's, and are left alone.
#[must_use]
pub fn plan(topics: &Topics, existing: &BTreeMap<String, Existing>, options: &PlanOptions) -> Plan {
    let mut plan = Plan::default();
    if !options.is_dev && options.replicas < LEAST_REPLICAS {
        let problem =
            format!("{} replicas: outside dev at least {LEAST_REPLICAS}, or the loss of one broker loses records", options.replicas);
        plan.refuse("", problem);
    }
    for topic in topics {
        match existing.get(&topic.name) {
            Some(existing) => compare(topic, existing, options, &mut plan),
            None => {
                let settings = wanted_settings(topic, options).map(|(key, value)| (key.to_owned(), value)).collect();
                let create = Change::Create { partitions: partitions(topic, options), replicas: options.replicas, settings };
                plan.changes.push((topic.name.clone(), create));
            }
        }
    }
    plan
}

fn partitions(topic: &Topic, options: &PlanOptions) -> u32 {
    if options.is_dev { topic.dev_partitions } else { topic.partitions }
}

/// The settings that are held to topics.yaml; all others are left as they are.
fn wanted_settings(topic: &Topic, options: &PlanOptions) -> impl Iterator<Item = (&'static str, String)> {
    let retention = topic.retention_ms.map_or_else(|| "-1".to_owned(), |ms| ms.to_string());
    let timestamps = topic.timestamps.map(|timestamps| {
        [
            ("message.timestamp.type", timestamps.kind.as_kafka().to_owned()),
            ("message.timestamp.after.max.ms", timestamps.after_max_ms.to_string()),
            // Where only one of the two bounds is set, brokers let the other fall.
            ("message.timestamp.before.max.ms", i64::MAX.to_string()),
        ]
    });
    let durability = (!options.is_dev)
        .then(|| [("min.insync.replicas", LEAST_IN_SYNC.to_string()), ("unclean.leader.election.enable", "false".to_owned())]);
    [
        ("cleanup.policy", topic.cleanup.as_kafka().to_owned()),
        ("retention.ms", retention),
        ("max.message.bytes", topic.max_message_bytes.to_string()),
    ]
    .into_iter()
    .chain(timestamps.into_iter().flatten())
    .chain(durability.into_iter().flatten())
}

fn compare(topic: &Topic, existing: &Existing, options: &PlanOptions, plan: &mut Plan) {
    let name = &topic.name;
    if !options.is_dev && existing.replicas < LEAST_REPLICAS {
        let problem =
            format!("it has {} replicas, outside dev at least {LEAST_REPLICAS}: reassign its partitions first", existing.replicas);
        plan.refuse(name, problem);
    }
    let to = partitions(topic, options);
    let from = existing.partitions;
    if to < from {
        if options.allow_delete {
            let settings = wanted_settings(topic, options).map(|(key, value)| (key.to_owned(), value)).collect();
            plan.changes.push((name.clone(), Change::Recreate { from, partitions: to, replicas: options.replicas, settings }));
            return;
        }
        plan.refuse(name, format!("it has {from} partitions and should have {to}, and none can be taken away; --allow-delete makes it anew, without its records"));
    } else if to > from {
        if topic.feeds_keyed_state && !options.allow_rekey {
            let problem = format!(
                "it has {from} partitions and should have {to}, but a processor keeps state by its key: the events of a session would part; --allow-rekey does it all the same"
            );
            plan.refuse(name, problem);
        } else {
            plan.changes.push((name.clone(), Change::Grow { from, to }));
        }
    }
    for (key, to) in wanted_settings(topic, options) {
        let from = existing.settings.get(key);
        if from.is_some_and(|from| is_same(from, &to)) {
            continue;
        }
        if let Some(from) = from
            && !options.allow_delete
            && let Some(loss) = what_is_lost(topic, key, from, &to)
        {
            plan.refuse(name, format!("{key} is {from} and should be {to}: {loss}; --allow-delete does it all the same"));
            continue;
        }
        plan.changes.push((name.clone(), Change::Set { key, from: from.cloned(), to }));
    }
}

/// Kafka writes the policies of a list in any order.
fn is_same(left: &str, right: &str) -> bool {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        parts.sort_unstable();
        parts
    };
    parts(left) == parts(right)
}

/// Which records a setting would let go that are kept now.
fn what_is_lost(topic: &Topic, key: &str, from: &str, to: &str) -> Option<&'static str> {
    let deletes = |policy: &str| policy.split(',').any(|part| part.trim() == "delete");
    let forever = |ms: &str| ms.parse().ok().filter(|ms: &i64| *ms >= 0).unwrap_or(i64::MAX);
    match key {
        "cleanup.policy" if deletes(to) && !deletes(from) => Some("records that are kept for good would be deleted with age"),
        "cleanup.policy" if to.contains("compact") && !from.contains("compact") => Some("all but the newest record of each key would go"),
        "retention.ms" if topic.cleanup != Cleanup::Compact && forever(to) < forever(from) => Some("older records would go"),
        _ => None,
    }
}
