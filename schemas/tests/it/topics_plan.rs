//! What is done to a cluster's topics, and what is refused.

use std::collections::BTreeMap;

use schemas::topics::{self, Change, Existing, Plan, PlanOptions};

const PRODUCTION: PlanOptions = PlanOptions { is_dev: false, replicas: 3, allow_rekey: false, allow_delete: false };
const DEV: PlanOptions = PlanOptions { is_dev: true, replicas: 1, ..PRODUCTION };

fn plan(existing: &BTreeMap<String, Existing>, options: &PlanOptions) -> Plan {
    topics::plan(&topics::builtin(), existing, options)
}

/// A cluster on which the plan was carried out.
fn applied(plan: &Plan) -> BTreeMap<String, Existing> {
    let made = |(name, change): &(String, Change)| match change {
        Change::Create { partitions, replicas, settings } => {
            (name.clone(), Existing { partitions: *partitions, replicas: *replicas, settings: settings.clone() })
        }
        other => panic!("{name}: {other:?}"),
    };
    plan.changes.iter().map(made).collect()
}

fn set(existing: &mut BTreeMap<String, Existing>, topic: &str, key: &str, value: &str) {
    existing.get_mut(topic).unwrap().settings.insert(key.to_owned(), value.to_owned());
}

/// The one change or refusal of a plan, as text.
fn one(plan: &Plan) -> String {
    assert_eq!(plan.changes.len() + plan.refusals.len(), 1, "{plan:?}");
    match (plan.changes.first(), plan.refusals.first()) {
        (Some((topic, change)), _) => format!("{topic}: {change:?}"),
        (_, Some(refusal)) => format!("refused {}: {}", refusal.topic, refusal.problem),
        _ => unreachable!(),
    }
}

#[test]
fn an_empty_cluster_gets_every_topic_and_then_nothing_is_left_to_do() {
    for options in [PRODUCTION, DEV] {
        let first = plan(&BTreeMap::new(), &options);
        assert_eq!(first.changes.len(), topics::builtin().iter().count());
        assert!(first.refusals.is_empty());
        assert!(plan(&applied(&first), &options).is_empty());
    }
    let events = &applied(&plan(&BTreeMap::new(), &PRODUCTION))["playback_events"];
    assert_eq!((events.partitions, events.replicas), (12, 3));
    let expected = [
        ("cleanup.policy", "delete"),
        ("max.message.bytes", "1048576"),
        ("message.timestamp.after.max.ms", "60000"),
        ("message.timestamp.before.max.ms", "9223372036854775807"),
        ("message.timestamp.type", "CreateTime"),
        ("min.insync.replicas", "2"),
        ("retention.ms", "604800000"),
        ("unclean.leader.election.enable", "false"),
    ];
    assert_eq!(events.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
    assert_eq!(applied(&plan(&BTreeMap::new(), &DEV))["playback_events"].partitions, 4);
}

#[test]
fn what_is_not_ours_and_what_topics_yaml_does_not_name_is_left_alone() {
    let mut existing = applied(&plan(&BTreeMap::new(), &PRODUCTION));
    existing.insert("somebody.elses".into(), Existing { partitions: 1, ..Existing::default() });
    set(&mut existing, "playback_events", "segment.bytes", "1000");
    assert!(plan(&existing, &PRODUCTION).is_empty());
}

#[test]
fn what_differs_is_set_grown_or_refused() {
    let asked = |allow_rekey, allow_delete| PlanOptions { allow_rekey, allow_delete, ..PRODUCTION };
    type Damage = fn(&mut BTreeMap<String, Existing>);
    let cases: &[(Damage, PlanOptions, &str)] = &[
        (
            |existing| set(existing, "playback_events", "max.message.bytes", "1000"),
            PRODUCTION,
            r#"playback_events: Set { key: "max.message.bytes", from: Some("1000"), to: "1048576" }"#,
        ),
        (
            |existing| _ = existing.get_mut("playback_events").unwrap().settings.remove("message.timestamp.after.max.ms"),
            PRODUCTION,
            r#"playback_events: Set { key: "message.timestamp.after.max.ms", from: None, to: "60000" }"#,
        ),
        (
            |existing| set(existing, "playback_events", "unclean.leader.election.enable", "true"),
            PRODUCTION,
            r#"playback_events: Set { key: "unclean.leader.election.enable", from: Some("true"), to: "false" }"#,
        ),
        // A longer retention loses nothing, a shorter one does.
        (
            |existing| set(existing, "playback_events", "retention.ms", "1000"),
            PRODUCTION,
            r#"playback_events: Set { key: "retention.ms", from: Some("1000"), to: "604800000" }"#,
        ),
        (
            |existing| set(existing, "playback_events", "retention.ms", "-1"),
            PRODUCTION,
            "refused playback_events: retention.ms is -1 and should be 604800000: older records would go; --allow-delete does it all the same",
        ),
        (
            |existing| set(existing, "playback_events", "retention.ms", "-1"),
            asked(false, true),
            r#"playback_events: Set { key: "retention.ms", from: Some("-1"), to: "604800000" }"#,
        ),
        (
            |existing| set(existing, "resume_state", "cleanup.policy", "delete"),
            PRODUCTION,
            "refused resume_state: cleanup.policy is delete and should be compact: all but the newest record of each key would go; --allow-delete does it all the same",
        ),
        (
            |existing| existing.get_mut("playback_events").unwrap().partitions = 6,
            PRODUCTION,
            "refused playback_events: it has 6 partitions and should have 12, but a processor keeps state by its key: the events of a session would part; --allow-rekey does it all the same",
        ),
        (
            |existing| existing.get_mut("playback_events").unwrap().partitions = 6,
            asked(true, false),
            "playback_events: Grow { from: 6, to: 12 }",
        ),
        (
            |existing| existing.get_mut("playback_events").unwrap().partitions = 24,
            asked(true, false),
            "refused playback_events: it has 24 partitions and should have 12, and none can be taken away; --allow-delete makes it anew, without its records",
        ),
        (
            |existing| existing.get_mut("playback_events").unwrap().replicas = 2,
            PRODUCTION,
            "refused playback_events: it has 2 replicas, outside dev at least 3: reassign its partitions first",
        ),
        (
            |_| (),
            PlanOptions { replicas: 1, ..PRODUCTION },
            "refused : 1 replicas: outside dev at least 3, or the loss of one broker loses records",
        ),
    ];
    for (damage, options, expected) in cases {
        let mut existing = applied(&plan(&BTreeMap::new(), &PRODUCTION));
        damage(&mut existing);
        assert_eq!(one(&plan(&existing, options)), *expected);
    }
}

#[test]
fn a_topic_with_too_many_partitions_is_made_anew_where_that_is_allowed() {
    let mut existing = applied(&plan(&BTreeMap::new(), &PRODUCTION));
    existing.get_mut("playback_events").unwrap().partitions = 24;
    let plan = plan(&existing, &PlanOptions { allow_delete: true, ..PRODUCTION });
    assert!(plan.refusals.is_empty());
    assert!(matches!(&plan.changes[..], [(topic, Change::Recreate { from: 24, partitions: 12, .. })] if topic == "playback_events"));
}

#[test]
fn the_order_of_policies_in_a_list_does_not_count() {
    let mut existing = applied(&plan(&BTreeMap::new(), &PRODUCTION));
    let both = topics::builtin().iter().find(|topic| topic.cleanup == topics::Cleanup::CompactDelete).unwrap().name.clone();
    set(&mut existing, &both, "cleanup.policy", "delete, compact");
    assert!(plan(&existing, &PRODUCTION).is_empty());
}
