//! `playhead topics plan` and `apply`

use std::collections::BTreeMap;

use anyhow::Context as _;
use kafka::{Admin, KafkaError, NewTopic};
use schemas::topics::{self, Change, Existing, Plan, PlanOptions, Refusal, Topics};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cli::{TopicsApply, TopicsPlan};
use crate::config::Config;
use crate::failure::Verdict;
use crate::shown::{counted, wrapped};

pub(super) fn plan(args: &TopicsPlan, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let (_, plan) = compare(args, config)?;
    show(&plan, config, answer)?;
    Ok(match (plan.refusals.is_empty(), plan.changes.is_empty()) {
        (true, true) => Verdict::Well,
        (true, false) => Verdict::Pending,
        (false, _) => Verdict::BadNews,
    })
}

pub(super) fn apply(args: &TopicsApply, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let (admin, plan) = compare(&args.plan, config)?;
    if !plan.refusals.is_empty() || plan.is_empty() {
        show(&plan, config, answer)?;
        return Ok(if plan.refusals.is_empty() { Verdict::Well } else { Verdict::BadNews });
    }
    if !answer.is_json {
        show_prefix(config, answer)?;
    }
    for (topic, change) in &plan.changes {
        carry_out(&admin, topic, change)?;
        if !answer.is_json {
            answer.line(&done(topic, change))?;
            answer.flush()?;
        }
    }
    if answer.is_json {
        show(&plan, config, answer)?;
    } else {
        answer.line("every topic is as topics.yaml says")?;
    }
    Ok(Verdict::Well)
}

fn compare(args: &TopicsPlan, config: &Config) -> anyhow::Result<(Admin, Plan)> {
    let admin = config.kafka.admin()?;
    let topics = topics::builtin();
    let existing = existing(&admin, &topics)?;
    let replicas = args.replicas.unwrap_or(if args.dev { 1 } else { 3 });
    let options = PlanOptions { is_dev: args.dev, replicas, allow_rekey: args.allow_rekey, allow_delete: args.allow_delete };
    let mut plan = topics::plan(&topics, &existing, &options);
    let brokers = admin.brokers()?.len();
    let makes = |change: &Change| matches!(change, Change::Create { .. } | Change::Recreate { .. });
    if usize::from(replicas) > brokers && plan.changes.iter().any(|(_, change)| makes(change)) {
        let there = counted(brokers as u64, "broker");
        let hint = if args.dev { "" } else { "; --dev makes topics with one, and fewer partitions, for trying things out" };
        let problem = format!("{}, and the cluster has {there}{hint}", counted(replicas.into(), "replica"));
        plan.refusals.push(Refusal { topic: String::new(), problem });
    }
    Ok((admin, plan))
}

fn existing(admin: &Admin, topics: &Topics) -> anyhow::Result<BTreeMap<String, Existing>> {
    let mut existing = BTreeMap::new();
    for topic in topics {
        match admin.describe(&topic.name) {
            Ok(found) => {
                let found = Existing { partitions: found.partitions, replicas: found.replicas, settings: found.settings };
                existing.insert(topic.name.clone(), found);
            }
            Err(KafkaError::NoTopic(_)) => {}
            Err(error) => return Err(error).context(topic.name.clone()),
        }
    }
    Ok(existing)
}

fn carry_out(admin: &Admin, topic: &str, change: &Change) -> anyhow::Result<()> {
    let create = |partitions: u32, replicas: u16, settings: &BTreeMap<String, String>| {
        let settings = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        admin.create(&[NewTopic { name: topic, partitions, replicas: Some(replicas), settings }])
    };
    match change {
        Change::Create { partitions, replicas, settings } => create(*partitions, *replicas, settings),
        Change::Grow { to, .. } => admin.grow(topic, *to),
        Change::Set { key, to, .. } => admin.set(topic, &[(key, to)]),
        Change::Recreate { partitions, replicas, settings, .. } => {
            admin.delete(&[topic]).and_then(|()| create(*partitions, *replicas, settings))
        }
    }
    .with_context(|| topic.to_owned())
}

/// What every topic on the cluster begins with.
fn show_prefix(config: &Config, answer: &mut Answer) -> anyhow::Result<()> {
    let prefix = config.kafka.prefix();
    if !prefix.is_empty() {
        answer.line(&format!("on the cluster each name begins with {prefix} (kafka.topic_prefix)"))?;
    }
    Ok(())
}

fn show(plan: &Plan, config: &Config, answer: &mut Answer) -> anyhow::Result<()> {
    if answer.is_json {
        let changes: Vec<Value> = plan.changes.iter().map(|(topic, change)| as_json(topic, change)).collect();
        let refused: Vec<Value> = plan.refusals.iter().map(|refusal| json!({"topic": refusal.topic, "problem": refusal.problem})).collect();
        answer.json(&json!({"prefix": config.kafka.prefix(), "changes": changes, "refused": refused}))?;
        return Ok(());
    }
    show_prefix(config, answer)?;
    if plan.is_empty() {
        answer.line("every topic is as topics.yaml says")?;
    }
    for (topic, change) in &plan.changes {
        in_words(topic, change).iter().try_for_each(|line| answer.line(line))?;
    }
    for refusal in &plan.refusals {
        let topic = if refusal.topic.is_empty() { "all topics" } else { &refusal.topic };
        answer.line(&format!("refused  {topic}: {}", refusal.problem))?;
    }
    if !plan.refusals.is_empty() {
        answer.line("nothing is changed while anything is refused")?;
    }
    Ok(())
}

fn as_json(topic: &str, change: &Change) -> Value {
    match change {
        Change::Create { partitions, replicas, settings } => {
            json!({"topic": topic, "action": "create", "partitions": partitions, "replicas": replicas, "settings": settings})
        }
        Change::Grow { from, to } => json!({"topic": topic, "action": "grow", "from": from, "to": to}),
        Change::Set { key, from, to } => json!({"topic": topic, "action": "set", "key": key, "from": from, "to": to}),
        Change::Recreate { from, partitions, replicas, settings } => {
            json!({"topic": topic, "action": "recreate", "from": from, "partitions": partitions, "replicas": replicas, "settings": settings})
        }
    }
}

/// A change that would be made; the settings of a new topic stand below it.
fn in_words(topic: &str, change: &Change) -> Vec<String> {
    match change {
        Change::Create { partitions, replicas, settings } => {
            let mut lines = vec![format!("create   {topic}: {}", size(*partitions, *replicas))];
            lines.extend(wrapped("         ", settings.iter().map(|(key, value)| format!("{key}={}", value_in_words(key, value)))));
            lines
        }
        Change::Grow { from, to } => vec![format!("grow     {topic}: {from} -> {to} partitions")],
        Change::Set { key, from, to } => {
            let from = from.as_deref().map_or_else(|| "(unset)".to_owned(), |from| value_in_words(key, from));
            vec![format!("set      {topic}: {key} {from} -> {}", value_in_words(key, to))]
        }
        Change::Recreate { from, partitions, .. } => {
            vec![format!("recreate {topic}: {from} -> {partitions} partitions, and all its records are deleted")]
        }
    }
}

/// A change that was made.
fn done(topic: &str, change: &Change) -> String {
    match change {
        Change::Create { partitions, replicas, .. } => format!("created {topic}: {}", size(*partitions, *replicas)),
        Change::Grow { to, .. } => format!("grown   {topic}: to {to} partitions"),
        Change::Set { key, to, .. } => format!("set     {topic}: {key} to {}", value_in_words(key, to)),
        Change::Recreate { partitions, .. } => format!("made anew {topic}: {}", counted((*partitions).into(), "partition")),
    }
}

fn size(partitions: u32, replicas: u16) -> String {
    format!("{}, {}", counted(partitions.into(), "partition"), counted(replicas.into(), "replica"))
}

/// A value of a setting in the units that people use; one that is not a whole number of them, and any other, as Kafka has it.
fn value_in_words(key: &str, value: &str) -> String {
    let units: &[(i64, &str)] = match key.rsplit('.').next() {
        Some("ms") => &[(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")],
        Some("bytes") => &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")],
        _ => &[],
    };
    let Some(number) = value.parse::<i64>().ok().filter(|_| !units.is_empty()) else { return value.to_owned() };
    if number < 0 || number == i64::MAX {
        return "unlimited".to_owned();
    }
    let unit = units.iter().find(|(size, _)| number >= *size && number % size == 0);
    unit.map_or_else(|| value.to_owned(), |(size, unit)| format!("{}{unit}", number / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_the_units_of_people() {
        for (key, value, shown) in [
            ("retention.ms", "604800000", "7d"),
            ("retention.ms", "5400000", "90min"),
            ("retention.ms", "-1", "unlimited"),
            ("message.timestamp.before.max.ms", "9223372036854775807", "unlimited"),
            ("max.message.bytes", "1048576", "1MiB"),
            ("max.message.bytes", "1000001", "1000001"),
            ("cleanup.policy", "delete", "delete"),
        ] {
            assert_eq!(value_in_words(key, value), shown, "{key} {value}");
        }
    }

    #[test]
    fn a_plan_fits_a_terminal() {
        let settings =
            ["cleanup.policy", "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms", "retention.ms"];
        let settings = settings.map(|key| (key.to_owned(), "9223372036854775807".to_owned())).into();
        let lines = in_words("playback_events", &Change::Create { partitions: 1, replicas: 1, settings });
        assert_eq!(lines[0], "create   playback_events: 1 partition, 1 replica");
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= 80), "{lines:#?}");
    }
}
