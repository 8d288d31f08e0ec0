use schemas::{CleanPlaybackEvent, CleanPrefix, Plan, PlaybackEvent, Record, Schema, clean, json};

use crate::records::{encoded, full_event};

const NEWER: &str = include_str!("../data/PlaybackEvent.newer.avsc");
const OLDER: &str = include_str!("../data/PlaybackEvent.older.avsc");

fn prefix() -> CleanPrefix {
    CleanPrefix {
        effective_time: 1_770_000_000_000_123,
        late: true,
        content_hash: u64::MAX - 5,
        source_topic_id: *b"topic-id-topic-i",
        source_partition: 11,
        source_offset: 123_456_789_012,
    }
}

#[test]
fn a_clean_event_is_a_prefix_and_a_copy() {
    let event = full_event();
    let body = encoded(&event);
    let mut out = Vec::new();
    clean::write(&prefix(), &body, &mut out);
    assert!(out.ends_with(&body));

    let schema = clean::schema_for(PlaybackEvent::SCHEMA).unwrap();
    let plan = Plan::compile::<CleanPlaybackEvent<'_>>(&schema).unwrap();
    assert!(plan.is_current(), "the clean schema of today's events is the one that was released");
    let read = CleanPlaybackEvent::decode(&plan, &out).unwrap();
    assert_eq!((&read.prefix, &read.event), (&prefix(), &event));
    assert_eq!(encoded(&read), out);
    let shown = json::to_value(&Schema::parse(&schema).unwrap(), &out).unwrap();
    assert_eq!(shown["content_hash"], -6, "64 bits without sign, stored as the long of the same bits");
    assert_eq!(shown["session_id"], "session-1");
}

#[test]
fn the_schema_of_today_is_the_compiled_one() {
    let ours: serde_json::Value = serde_json::from_str(CleanPlaybackEvent::SCHEMA).unwrap();
    let made: serde_json::Value = serde_json::from_str(&clean::schema_for(PlaybackEvent::SCHEMA).unwrap()).unwrap();
    assert_eq!(made, ours);
}

#[test]
fn what_only_the_writer_knows_is_carried_on() {
    for (writer, added) in [(NEWER, Some("interaction_id")), (OLDER, None)] {
        let raw = Schema::parse(writer).unwrap();
        let event = full_event();
        let mut document = json::to_value(&Schema::parse(PlaybackEvent::SCHEMA).unwrap(), &encoded(&event)).unwrap();
        document.as_object_mut().unwrap().retain(|key, _| raw.field_names().any(|name| name == key));
        if let Some(added) = added {
            document[added] = "tap".into();
        }
        let body = json::to_body(&raw, &document).unwrap();
        let mut out = Vec::new();
        clean::write(&prefix(), &body, &mut out);

        let schema = clean::schema_for(writer).unwrap();
        let plan = Plan::compile::<CleanPlaybackEvent<'_>>(&schema).unwrap();
        let read = CleanPlaybackEvent::decode(&plan, &out).unwrap();
        assert_eq!(read.prefix, prefix());
        assert_eq!(read.event, PlaybackEvent::decode(&Plan::compile::<PlaybackEvent<'_>>(writer).unwrap(), &body).unwrap());
        if let Some(added) = added {
            assert_eq!(json::to_value(&Schema::parse(&schema).unwrap(), &out).unwrap()[added], "tap");
        }
    }
}

#[test]
fn a_clean_event_is_not_judged_again() {
    let event = PlaybackEvent { country: Some("nowhere"), playback_rate: Some(0.0), ..full_event() };
    let mut out = Vec::new();
    clean::write(&prefix(), &encoded(&event), &mut out);
    let read = CleanPlaybackEvent::decode(&Plan::current::<CleanPlaybackEvent<'_>>(), &out).unwrap();
    assert_eq!((read.event.country, read.event.playback_rate), (Some("nowhere"), None));
}

#[test]
fn the_hash_is_xxh3_of_the_body() {
    // From the reference implementation (xxHash 0.8).
    assert_eq!(clean::content_hash(b""), 0x2D06_8005_38D3_94C2);
    assert_eq!(clean::content_hash(b"abc"), 0x78AF_5F94_892F_3950);
}

#[test]
fn a_schema_that_clashes_is_refused() {
    let with = |field: &str| PlaybackEvent::SCHEMA.replace("{\"name\": \"attributes\"", &format!("{field}, {{\"name\": \"attributes\""));
    let taken = clean::schema_for(&with("{\"name\": \"late\", \"type\": [\"null\", \"boolean\"], \"default\": null}"));
    assert_eq!(taken, Err(clean::CleanSchemaError::TakenField("late".to_owned())));
    let redefined = clean::schema_for(&with("{\"name\": \"x\", \"type\": {\"type\": \"fixed\", \"name\": \"TopicId\", \"size\": 3}}"));
    assert!(matches!(redefined, Err(clean::CleanSchemaError::Schema(_))), "{redefined:?}");
    let other = clean::schema_for(CleanPlaybackEvent::SCHEMA);
    assert_eq!(other, Err(clean::CleanSchemaError::WrongRecord("CleanPlaybackEvent".to_owned())));
}
