//! Older and newer writers of PlaybackEvent.

use apache_avro::Schema as Parsed;
use proptest::prelude::*;
use schemas::{EventType, Plan, PlanError, PlaybackEvent, Reason, Record, Schema, json};
use serde_json::{Value, json};

use crate::golden::{apache_reads, apache_writes};
use crate::records::{documents, encoded, full_event};

const NEWER: &str = include_str!("../data/PlaybackEvent.newer.avsc");
const OLDER: &str = include_str!("../data/PlaybackEvent.older.avsc");

/// What the newer writer has beyond us.
fn additions() -> Value {
    json!({
        "interaction_id": "tap", "dropped_frames": 12, "flag": true, "small": -3, "share": 0.25, "score": 1e9, "blob": "AAEC",
        "digest": "3q2+7w==", "protocol": "DASH", "seen_at": "2026-02-02T02:40:00.001000Z",
        "network": {"kind": "wifi", "rtt_ms": 40, "hops": [1, 2, 3]}, "tracks": ["a", "b"], "counters": {"x": 1, "y": -2},
        "extra": [0.5, 1.5], "silence": null,
    })
}

fn shown(event: &PlaybackEvent<'_>) -> Value {
    json::to_value(&Schema::parse(PlaybackEvent::SCHEMA).unwrap(), &encoded(event)).unwrap()
}

#[test]
fn a_newer_writer_is_read_without_what_it_added() {
    let event = full_event();
    let mut document = shown(&event);
    document.as_object_mut().unwrap().extend(additions().as_object().unwrap().clone());
    let schema = Schema::parse(NEWER).unwrap();
    let body = json::to_body(&schema, &document).unwrap();

    let plan = Plan::compile::<PlaybackEvent<'_>>(NEWER).unwrap();
    assert!(!plan.is_current());
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap(), event);
    // Every type was there: apache-avro reads the same bytes and writes them again.
    let parsed = Parsed::parse_str(NEWER).unwrap();
    let theirs = apache_writes(&parsed, apache_reads(&parsed, &body));
    // As JSON, for apache-avro writes the entries of a map in any order.
    assert_eq!(shown(&PlaybackEvent::decode(&plan, &theirs).unwrap()), shown(&event));
    for (key, value) in additions().as_object().unwrap() {
        assert_eq!(json::to_value(&schema, &body).unwrap()[key], *value, "{key} is shown as it came");
    }
    for length in 0..body.len() {
        assert_eq!(PlaybackEvent::decode(&plan, &body[..length]).unwrap_err().reason, Reason::Undecodable, "cut at {length}");
    }
}

#[test]
fn fields_added_at_the_end_are_passed_over() {
    let added = r#", {"name": "extra", "type": ["null", {"type": "map", "values": "long"}], "default": null}]}"#;
    let writer = PlaybackEvent::SCHEMA.replace("\n  ]\n}", added);
    let plan = Plan::compile::<PlaybackEvent<'_>>(&writer).unwrap();
    assert!(!plan.is_current());
    let event = full_event();
    let mut body = encoded(&event);
    let ours = body.len();
    body.extend_from_slice(b"\x02\x02\x02k\x0e\x00");
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap(), event);
    for length in 0..body.len() {
        let rejection = PlaybackEvent::decode(&plan, &body[..length]).unwrap_err();
        assert_eq!(rejection.reason, Reason::Undecodable, "cut at {length}");
        assert_eq!(rejection.field.is_none(), length >= ours, "a field of ours is named as field, another in words: {rejection}");
    }
    body.push(0);
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap_err().reason, Reason::TrailingBytes);
}

#[test]
fn a_symbol_that_we_do_not_know_reads_as_unknown() {
    let mut document = shown(&full_event());
    document["type"] = "SKIP_INTRO".into();
    let body = json::to_body(&Schema::parse(NEWER).unwrap(), &document).unwrap();
    let plan = Plan::compile::<PlaybackEvent<'_>>(NEWER).unwrap();
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap().kind, EventType::Unknown);
}

#[test]
fn an_older_writer_is_read_with_defaults() {
    let event = full_event();
    let schema = Schema::parse(OLDER).unwrap();
    let mut document = shown(&event);
    document.as_object_mut().unwrap().retain(|key, _| schema.field_names().any(|name| name == key));
    let body = json::to_body(&schema, &document).unwrap();
    let plan = Plan::compile::<PlaybackEvent<'_>>(OLDER).unwrap();
    let expected = PlaybackEvent {
        preview: None,
        region: None,
        cdn: None,
        player: None,
        app_version: None,
        attributes: schemas::Attributes::default(),
        ..event.clone()
    };
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap(), expected, "symbols by name: the older writer lacks one before HEARTBEAT");

    // Filling a record again leaves nothing of the last one in what this writer lacks.
    let mut reused = event;
    reused.decode_into(&plan, &body).unwrap();
    assert_eq!(reused, expected);
}

#[test]
fn fields_may_stand_in_another_order_and_unions_the_other_way_round() {
    let mut schema: Value = serde_json::from_str(PlaybackEvent::SCHEMA).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    fields.reverse();
    for field in fields.iter_mut() {
        if field["name"] == "cdn" {
            *field = json!({"name": "cdn", "type": ["string", "null"], "default": "x"});
        }
        if field["name"] == "region" {
            *field = json!({"name": "region", "type": "string"});
        }
        if field["name"] == "sequence" {
            *field = json!({"name": "sequence", "type": ["null", "int"], "default": null});
        }
    }
    let schema = schema.to_string();
    let event = full_event();
    let plan = Plan::compile::<PlaybackEvent<'_>>(&schema).unwrap();
    let mut document = shown(&event);
    let body = json::to_body(&Schema::parse(&schema).unwrap(), &document).unwrap();
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap(), event);
    document["cdn"] = Value::Null;
    let body = json::to_body(&Schema::parse(&schema).unwrap(), &document).unwrap();
    assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap(), PlaybackEvent { cdn: None, ..event });
}

#[test]
fn what_can_not_be_resolved_is_refused_by_name() {
    let changed = |field: &str, to: Value| {
        let mut schema: Value = serde_json::from_str(PlaybackEvent::SCHEMA).unwrap();
        let fields = schema["fields"].as_array_mut().unwrap();
        let at = fields.iter().position(|candidate| candidate["name"] == field).unwrap();
        if to.is_null() {
            drop(fields.remove(at))
        } else {
            fields[at]["type"] = to
        }
        Plan::compile::<PlaybackEvent<'_>>(&schema.to_string()).map(drop)
    };
    let lacks = changed("session_id", Value::Null).unwrap_err();
    assert!(matches!(&lacks, PlanError::MissingField { field, .. } if field == "session_id"), "{lacks}");
    let millis = changed("event_time", json!({"type": "long", "logicalType": "timestamp-millis"})).unwrap_err();
    assert_eq!(
        millis.to_string(),
        "PlaybackEvent: field \"event_time\" is long (timestamp-millis) in the writer's schema, long (timestamp-micros) in ours"
    );
    for (field, to) in [
        ("event_time", json!("long")),
        ("title_id", json!("long")),
        ("session_id", json!(["null", "string"])),
        ("event_id", json!({"type": "fixed", "name": "F", "size": 8})),
    ] {
        assert!(matches!(changed(field, to), Err(PlanError::OtherType { .. })), "{field}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the writer, the fields that we share read as apache-avro reads them.
    #[test]
    fn any_event_of_any_version(document in documents(PlaybackEvent::SCHEMA)) {
        for writer in [NEWER, OLDER] {
            let schema = Schema::parse(writer).unwrap();
            let mut document = document.clone();
            document.as_object_mut().unwrap().retain(|key, _| schema.field_names().any(|name| name == key));
            let body = json::to_body(&schema, &document).unwrap();
            let plan = Plan::compile::<PlaybackEvent<'_>>(writer).unwrap();
            let event = PlaybackEvent::decode(&plan, &body).map_err(|rejection| TestCaseError::fail(rejection.to_string()))?;
            let ours = encoded(&event);
            let reader = Parsed::parse_str(PlaybackEvent::SCHEMA).unwrap();
            let theirs = apache_reads(&Parsed::parse_str(writer).unwrap(), &body).resolve(&reader).unwrap();
            prop_assert_eq!(apache_reads(&reader, &ours), theirs);
        }
    }
}
