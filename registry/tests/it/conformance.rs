//! What the client and every registry that it speaks to agree on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use registry::{Address, ClientSettings, Compatibility, FULL_TRANSITIVE, RegistryClient};
use schemas::compatibility::schemas_of;
use schemas::registry::value_subject;
use schemas::{CleanPlaybackEvent, Decoder, EventType, PlaybackEvent, Record as _, SchemaSource, SourceError, clean, topics, wire};
use serde_json::Value;

const NEWER: &str = include_str!("../../../schemas/tests/data/PlaybackEvent.newer.avsc");

/// Every case, one after the other. No subject of the registry begins like those of the topics do behind `prefix`.
pub(crate) fn conforms(address: &Address, prefix: &str) {
    what_is_not_there(address);
    all_released_schemas_in_order(address, prefix);
    versions_and_ids(address);
    what_is_incompatible_is_refused(address);
    schemas_of_clean_events_follow_the_raw_ones(address);
    framed_ids_reach_the_decoder(address);
    subjects_of_any_name(address);
}

/// A client that has asked nothing yet.
pub(crate) fn client(address: &Address) -> RegistryClient {
    RegistryClient::new(&ClientSettings { grace: Duration::ZERO, ..ClientSettings::at(address.clone()) }).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn what_is_not_there(address: &Address) {
    let client = client(address);
    assert!(!client.subjects().unwrap().contains(&"none-value".to_owned()));
    assert_eq!(client.versions("none-value").unwrap(), []);
    assert_eq!(client.latest("none-value").unwrap(), None);
    assert_eq!(client.lookup("none-value", PlaybackEvent::SCHEMA).unwrap(), None);
    assert_eq!(client.compatibility("none-value", PlaybackEvent::SCHEMA).unwrap(), Compatibility::Compatible);
    assert_eq!(client.schema_by_id(2_000_000_000).unwrap(), None);
    let patient = RegistryClient::new(&ClientSettings::at(address.clone())).unwrap();
    assert!(matches!(patient.schema_by_id(2_000_000_000), Err(SourceError::Unavailable(_))), "it may be fresh");
}

fn all_released_schemas_in_order(address: &Address, prefix: &str) {
    let subject_of = |topic: &str| format!("{prefix}{}", value_subject(topic));
    let mut ids: HashMap<u32, Value> = HashMap::new();
    let topics = topics::builtin();
    for topic in &topics {
        let (subject, schemas) = (subject_of(&topic.name), schemas_of(&topic.schema).unwrap());
        let registering = client(address);
        registering.require_full_transitive(&subject).unwrap();
        assert_eq!(registering.level(&subject).unwrap().as_deref(), Some(FULL_TRANSITIVE));
        let mut versions: Vec<&str> = schemas.released.iter().map(|released| released.schema).collect();
        if !versions.iter().any(|released| json(released) == json(schemas.current)) {
            versions.push(schemas.current);
        }
        for schema in &versions {
            assert_eq!(registering.compatibility(&subject, schema).unwrap(), Compatibility::Compatible);
            let id = registering.register(&subject, schema).unwrap();
            assert_eq!(registering.register(&subject, schema).unwrap(), id);
            let other = client(address);
            assert_eq!(other.register(&subject, schema).unwrap(), id, "{subject}: another client is given the same id");
            assert_eq!(other.register(&subject, &schema.replace('\n', "\n\n")).unwrap(), id, "{subject}: however it is laid out");
            assert_eq!(json(&other.schema_by_id(id).unwrap().unwrap()), json(schema), "{subject}");
            assert_eq!(other.lookup(&subject, schema).unwrap().unwrap().id, id);
            let same = ids.entry(id).or_insert_with(|| json(schema));
            assert_eq!(*same, json(schema), "{subject}: an id stands for one schema");
        }
        let there = client(address).versions(&subject).unwrap();
        assert_eq!(
            there.iter().map(|version| json(&version.schema)).collect::<Vec<_>>(),
            versions.iter().map(|schema| json(schema)).collect::<Vec<_>>(),
            "{subject}"
        );
        assert_eq!(there.iter().map(|version| version.version).collect::<Vec<_>>(), (1..=versions.len() as u32).collect::<Vec<_>>());
    }
    let there = client(address).subjects().unwrap();
    for topic in &topics {
        assert!(there.contains(&subject_of(&topic.name)), "{}: {there:?}", topic.name);
    }
}

fn versions_and_ids(address: &Address) {
    let client = client(address);
    let [first, second] = [PlaybackEvent::SCHEMA, NEWER].map(|schema| client.register("evolving-value", schema).unwrap());
    assert_ne!(first, second);
    assert_eq!(client.register("copy-value", NEWER).unwrap(), second, "an id is the schema's, whatever the subject");
    let numbers: Vec<_> = client.versions("evolving-value").unwrap().iter().map(|version| (version.version, version.id)).collect();
    assert_eq!(numbers, [(1, first), (2, second)]);
    let latest = client.latest("evolving-value").unwrap().unwrap();
    assert_eq!((latest.version, latest.id, json(&latest.schema)), (2, second, json(NEWER)));
    assert_eq!(client.lookup("evolving-value", NEWER).unwrap().unwrap().version, 2);
    assert_eq!(client.lookup("copy-value", NEWER).unwrap().unwrap().version, 1);
    assert_eq!(client.lookup("copy-value", PlaybackEvent::SCHEMA).unwrap(), None);
}

fn what_is_incompatible_is_refused(address: &Address) {
    let (client, subject) = (client(address), "guarded-value");
    client.require_full_transitive(subject).unwrap();
    client.register(subject, PlaybackEvent::SCHEMA).unwrap();
    client.register(subject, NEWER).unwrap();
    let versions = client.versions(subject).unwrap();
    let renamed = PlaybackEvent::SCHEMA.replace("\"title_id\"", "\"film_id\"");
    let other_type = PlaybackEvent::SCHEMA.replacen("\"string\"", "\"long\"", 1);
    for incompatible in [renamed, other_type] {
        let Compatibility::Incompatible(words) = client.compatibility(subject, &incompatible).unwrap() else {
            panic!("it would be taken: {incompatible}");
        };
        assert!(words.iter().any(|words| !words.is_empty()), "it is said why");
        match client.register(subject, &incompatible) {
            Err(SourceError::Refused { subject: named, cause }) => assert_eq!((named.as_str(), cause.is_empty()), (subject, false)),
            other => panic!("{other:?}"),
        }
    }
    for rubbish in ["{", "{\"type\": \"recrod\"}"] {
        assert!(matches!(client.register(subject, rubbish), Err(SourceError::Refused { .. })), "{rubbish}");
    }
    assert_eq!(client.versions(subject).unwrap(), versions, "nothing of it is there");
}

/// The playback stage registers, for each schema of raw events that it meets, the one that clean events get from it.
fn schemas_of_clean_events_follow_the_raw_ones(address: &Address) {
    let (client, subject) = (client(address), "clean-value");
    client.require_full_transitive(subject).unwrap();
    client.register(subject, CleanPlaybackEvent::SCHEMA).unwrap();
    for raw in [PlaybackEvent::SCHEMA, NEWER] {
        let made = clean::schema_for(raw).unwrap();
        let id = client.register(subject, &made).unwrap();
        assert_eq!(json(&self::client(address).schema_by_id(id).unwrap().unwrap()), json(&made));
    }
}

fn framed_ids_reach_the_decoder(address: &Address) {
    let writing = client(address);
    let ids = [PlaybackEvent::SCHEMA, NEWER].map(|schema| writing.register("decoded-value", schema).unwrap());
    let event = PlaybackEvent {
        session_id: "s",
        kind: EventType::Heartbeat,
        title_id: "t",
        event_time: 1_767_225_600_000_000,
        received_time: 1_767_225_600_000_000,
        ..PlaybackEvent::default()
    };
    let mut value = Vec::new();
    wire::frame(ids[0], &mut value);
    event.encode(&mut value);
    let mut decoder = Decoder::new::<PlaybackEvent<'static>>(Arc::new(client(address)));
    assert_eq!(decoder.missing(&value), Some(ids[0]));
    for id in ids {
        decoder.learn(id).unwrap();
        assert!(decoder.plan(id).is_some(), "{id}");
    }
    assert_eq!(decoder.decode::<PlaybackEvent<'_>>(&value).unwrap(), event);
}

fn subjects_of_any_name(address: &Address) {
    let client = client(address);
    for subject in ["with a blank-value", "a/b-value", "50%-value", "S\u{e3}o Paulo-value"] {
        let id = client.register(subject, PlaybackEvent::SCHEMA).unwrap();
        assert_eq!(client.latest(subject).unwrap().unwrap().id, id, "{subject}");
        assert!(client.subjects().unwrap().iter().any(|there| there == subject), "{subject}");
    }
}
