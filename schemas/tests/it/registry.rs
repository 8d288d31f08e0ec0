use std::sync::{Arc, Mutex};

use schemas::registry::{Registry, RegistryError, value_subject};
use schemas::{AppEvent, Decoder, PlaybackEvent, Reason, Record, SchemaSource, wire};

const NEWER: &str = include_str!("../data/PlaybackEvent.newer.avsc");

#[test]
fn ids_are_global_and_versions_the_subjects() {
    let mut registry = Registry::new();
    let raw = value_subject("playback_events");
    assert_eq!(raw, "playback_events-value");
    assert_eq!(registry.register(&raw, PlaybackEvent::SCHEMA), Ok(1));
    assert_eq!(registry.register("app_events-value", AppEvent::SCHEMA), Ok(2));
    assert_eq!(registry.register("copy-value", PlaybackEvent::SCHEMA), Ok(1), "one id a schema");
    assert_eq!(registry.register(&raw, PlaybackEvent::SCHEMA), Ok(1), "nothing new");
    let spaced = PlaybackEvent::SCHEMA.replace('\n', "\n\n");
    assert_eq!(registry.register(&raw, &spaced), Ok(1), "white space is no difference");
    assert_eq!(registry.register(&raw, NEWER), Ok(3));
    let latest = registry.latest(&raw).unwrap();
    assert_eq!((latest.id, latest.version, latest.schema), (3, 2, NEWER));
    assert_eq!(registry.by_id(1), Some(PlaybackEvent::SCHEMA));
    assert_eq!((registry.by_id(0), registry.by_id(4)), (None, None));
    assert_eq!(registry.latest("none-value"), None);
    assert_eq!(registry.subjects().collect::<Vec<_>>(), ["app_events-value", "copy-value", "playback_events-value"]);

    let kept: Registry = serde_json::from_str(&serde_json::to_string(&registry).unwrap()).unwrap();
    assert_eq!(kept, registry);
}

#[test]
fn what_is_not_full_transitive_is_refused_and_changes_nothing() {
    let mut registry = Registry::new();
    registry.register("s", PlaybackEvent::SCHEMA).unwrap();
    registry.register("s", NEWER).unwrap();
    let before = registry.clone();
    let without_runtime = PlaybackEvent::SCHEMA.replace("\"title_id\"", "\"film_id\"");
    let error = registry.register("s", &without_runtime).unwrap_err();
    assert!(
        matches!(&error, RegistryError::Incompatible { errors, .. } if errors.iter().any(|error| error.version == 1) && errors.iter().any(|error| error.version == 2))
    );
    assert!(error.to_string().contains("field title_id: was removed or renamed"), "{error}");
    assert!(matches!(registry.register("s", "{"), Err(RegistryError::Schema(_))));
    assert!(registry.register("s", AppEvent::SCHEMA).is_err());
    assert_eq!(registry, before);
}

#[test]
fn an_id_that_no_schema_had_is_asked_for_again_now_and_then() {
    let source = Arc::new(Mutex::new(Registry::new()));
    let mut decoder = Decoder::new::<PlaybackEvent<'static>>(Arc::clone(&source) as Arc<dyn SchemaSource>);
    let mut value = Vec::new();
    wire::frame(1, &mut value);
    let time = 1_767_225_600_000_000;
    PlaybackEvent { session_id: "s", title_id: "t", event_time: time, received_time: time, ..PlaybackEvent::default() }.encode(&mut value);
    let refused = |decoder: &Decoder| decoder.decode::<PlaybackEvent<'_>>(&value).map(drop).map_err(|rejection| rejection.reason);
    for _ in 0..3 {
        assert_eq!(decoder.missing(&value), Some(1));
        decoder.learn(1).unwrap();
        for _ in 1..1_000 {
            assert_eq!((decoder.missing(&value), refused(&decoder)), (None, Err(Reason::UnknownSchemaId)));
        }
    }
    source.register("s", PlaybackEvent::SCHEMA).unwrap();
    assert_eq!(decoder.missing(&value), Some(1));
    decoder.learn(1).unwrap();
    for _ in 0..2_000 {
        assert_eq!((decoder.missing(&value), refused(&decoder)), (None, Ok(())), "and then never again");
    }
}
