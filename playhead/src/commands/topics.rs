//! `playhead topics plan` and `apply`

use std::collections::BTreeMap;

use anyhow::bail;
use kafka::{Admin, KafkaError, NewTopic};
use schemas::topics::{self, Change, Existing, Plan, PlanOptions, Topics};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cli::{TopicsApply, TopicsPlan};
use crate::config::Config;
use crate::failure::Verdict;

pub(super) fn plan(args: &TopicsPlan, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let (_, plan) = compare(args, config)?;
    show(&plan, answer)?;
    Ok(match (plan.refusals.is_empty(), plan.changes.is_empty()) {
        (true, true) => Verdict::Well,
        (true, false) => Verdict::Pending,
        (false, _) => Verdict::BadNews,
    })
}

pub(super) fn apply(args: &TopicsApply, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let (admin, plan) = compare(&args.plan, config)?;
    show(&plan, answer)?;
    if !plan.refusals.is_empty() {
        return Ok(Verdict::BadNews);
    }
    for (topic, change) in &plan.changes {
        carry_out(&admin, topic, change)?;
    }
    if !plan.changes.is_empty() && !answer.is_json {
        answer.line("done")?;
    }
    Ok(Verdict::Well)
}

fn compare(args: &TopicsPlan, config: &Config) -> anyhow::Result<(Admin, Plan)> {
    let admin = config.kafka.admin()?;
    let topics = topics::builtin();
    let existing = existing(&admin, &topics)?;
    let options = PlanOptions {
        is_dev: args.dev,
        replicas: args.replicas.unwrap_or(if args.dev { 1 } else { 3 }),
        allow_rekey: args.allow_rekey,
        allow_delete: args.allow_delete,
    };
    Ok((admin, topics::plan(&topics, &existing, &options)))
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
            Err(error) => bail!("{}: {error}", topic.name),
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
    .map_err(|error| anyhow::anyhow!("{topic}: {error}"))
}

fn show(plan: &Plan, answer: &mut Answer) -> anyhow::Result<()> {
    if answer.is_json {
        let changes: Vec<Value> = plan.changes.iter().map(|(topic, change)| as_json(topic, change)).collect();
        let refused: Vec<Value> = plan.refusals.iter().map(|refusal| json!({"topic": refusal.topic, "problem": refusal.problem})).collect();
        answer.json(&json!({"changes": changes, "refused": refused}))?;
        return Ok(());
    }
    if plan.is_empty() {
        answer.line("every topic is as topics.yaml says")?;
    }
    for (topic, change) in &plan.changes {
        answer.line(&as_line(topic, change))?;
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

fn as_line(topic: &str, change: &Change) -> String {
    let listed =
        |settings: &BTreeMap<String, String>| settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    match change {
        Change::Create { partitions, replicas, settings } => {
            format!("create   {topic}: {partitions} partitions, {replicas} replicas, {}", listed(settings))
        }
        Change::Grow { from, to } => format!("grow     {topic}: {from} -> {to} partitions"),
        Change::Set { key, from, to } => format!("set      {topic}: {key} {} -> {to}", from.as_deref().unwrap_or("(unset)")),
        Change::Recreate { from, partitions, .. } => {
            format!("recreate {topic}: {from} -> {partitions} partitions, and all its records are deleted")
        }
    }
}
