use std::collections::BTreeMap;

use pipeline::{Judgement, OutputTopic, Spread};

use super::*;

const STAGE: &str = "playback";
const SOURCE: TopicPartition = TopicPartition { topic: 0, partition: 2 };
const PLACE: (TopicId, u32, i64) = (TopicId([5; 16]), 2, 41);

/// A registry that can be down, or forget.
#[derive(Default)]
struct Registry {
    schemas: Mutex<BTreeMap<u32, String>>,
    is_down: Mutex<bool>,
}

impl SchemaSource for Registry {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        if *self.is_down.lock().unwrap() {
            return Err(SourceError::Unavailable("down".into()));
        }
        Ok(self.schemas.lock().unwrap().get(&id).cloned())
    }

    fn register(&self, _: &str, schema: &str) -> Result<u32, SourceError> {
        self.schemas.lock().unwrap().insert(1, schema.to_owned());
        Ok(1)
    }
}

fn writer(registry: &Arc<Registry>) -> DeadLetterWriter {
    DeadLetterWriter::new(&["playback_events"], 0, 4, Arc::clone(registry) as _).unwrap()
}

/// Key and value of a dead letter.
fn letter(writer: &DeadLetterWriter) -> (Vec<u8>, Vec<u8>) {
    let mut out = Outputs::new(&[OutputTopic { name: DeadLetterWriter::TOPIC.into(), partitions: 4, spread: Spread::Unmarked }]);
    let rejection = Rejection { reason: "undecodable", field: None, detail: String::new() };
    let (topic_id, _, offset) = PLACE;
    let moment = Moment { source: SOURCE, topic_id, log_time_ms: Some(7), judgement: Judgement::Open };
    writer.write(STAGE, &record(offset, b"key", b"value"), &moment, &rejection, &mut out);
    let written = out.iter().next().unwrap();
    (written.key.to_vec(), written.value.unwrap().to_vec())
}

fn record<'a>(offset: i64, key: &'a [u8], value: &'a [u8]) -> Record<'a> {
    Record { offset, timestamp_ms: 0, key: Some(key), value: Some(value), headers: pipeline::Headers::NONE }
}

#[test]
fn a_letter_of_the_stage_names_the_place_and_others_say_nothing() {
    let writer = writer(&Arc::default());
    let (key, value) = letter(&writer);
    assert_eq!(writer.refused(STAGE, &record(0, &key, &value)).unwrap(), Some(PLACE));
    assert_eq!(writer.refused("profile", &record(0, &key, &value)).unwrap(), None);
    // Whatever lies under another key, be it rubbish, is of another stage.
    for other in ["app_events-2", "playback_events", "playback_events-", "playback_events.clean-2", "playback_events-2x"] {
        assert_eq!(writer.refused(STAGE, &record(0, other.as_bytes(), b"rubbish")).unwrap(), None, "{other}");
    }
    assert_eq!(writer.refused(STAGE, &Record { value: None, ..record(0, &key, b"") }).unwrap(), None);
}

#[test]
fn a_letter_that_cannot_be_read_is_not_taken_for_none() {
    let writer = writer(&Arc::default());
    let (key, value) = letter(&writer);
    let cut = &value[..value.len() - 1];
    let unframed = b"rubbish";
    for unreadable in [cut, &unframed[..]] {
        let error = writer.refused(STAGE, &record(3, &key, unreadable)).unwrap_err();
        assert_eq!(error.what, "the dead letter of playback_events-2 at offset 3 of dead_letters");
        assert_eq!(writer.refused(STAGE, &record(4, &key, &value)).unwrap(), Some(PLACE), "the next one can");
    }
}

#[test]
fn a_schema_that_is_missing_is_asked_for_again() {
    let registry = Arc::<Registry>::default();
    let writer = writer(&registry);
    let (key, mut value) = letter(&writer);
    // Written under another id, by a newer version.
    value[4] = 2;
    let letter = record(0, &key, &value);
    assert!(writer.refused(STAGE, &letter).unwrap_err().cause.contains("no schema 2"));
    *registry.is_down.lock().unwrap() = true;
    assert!(writer.refused(STAGE, &letter).unwrap_err().cause.contains("not available"));
    *registry.is_down.lock().unwrap() = false;
    registry.schemas.lock().unwrap().insert(2, DeadLetter::SCHEMA.to_owned());
    assert_eq!(writer.refused(STAGE, &letter).unwrap(), Some(PLACE));
}
