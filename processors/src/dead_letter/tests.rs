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
    letter_of(writer, &record(PLACE.2, b"key", b"value"))
}

fn letter_of(writer: &DeadLetterWriter, record: &Record<'_>) -> (Vec<u8>, Vec<u8>) {
    let mut out = Outputs::new(&[OutputTopic { name: DeadLetterWriter::TOPIC.into(), partitions: 4, spread: Spread::Unmarked }]);
    let rejection = Rejection { reason: "undecodable", field: None, detail: "why".into() };
    let moment = Moment { source: SOURCE, topic_id: PLACE.0, log_time_ms: Some(7), judgement: Judgement::Open };
    writer.write(STAGE, record, &moment, &rejection, &mut out);
    let written = out.iter().next().unwrap();
    (written.key.unwrap().to_vec(), written.value.unwrap().to_vec())
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

/// The largest record that a topic takes whose records are refused, and the largest dead letter.
fn max_message_bytes() -> (usize, usize) {
    let topics = schemas::topics::builtin();
    let of = |name: &str| usize::try_from(topics.get(name).unwrap().max_message_bytes).unwrap();
    let letters = topics.get(DeadLetterWriter::TOPIC).unwrap();
    (letters.derived_from.iter().map(|name| of(name)).max().unwrap(), of(DeadLetterWriter::TOPIC))
}

/// So many headers of one name and value.
fn headers(count: usize, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for _ in 0..count {
        pipeline::Headers::append(&mut encoded, name, value);
    }
    encoded
}

#[test]
fn headers_keep_their_names_whatever_their_bytes() {
    let writer = writer(&Arc::default());
    let mut encoded = Vec::new();
    for (name, value) in [(&b"trace-id"[..], &b"\xff"[..]), (b"caf\xe9", b"1"), (b"caf\xe8", b"2"), (b"\\xff", b""), (b"", b"3")] {
        pipeline::Headers::append(&mut encoded, name, value);
    }
    let refused = Record { headers: pipeline::Headers::from_encoded(&encoded), ..record(41, b"key", b"value") };
    let (key, value) = letter_of(&writer, &refused);
    assert_eq!(writer.refused(STAGE, &record(0, &key, &value)).unwrap(), Some(PLACE));
    let letter = decoded(&value);
    assert_eq!(
        letter.headers.iter().collect::<Vec<_>>(),
        [("trace-id", &b"\xff"[..]), ("\\x636166e9", b"1"), ("\\x636166e8", b"2"), ("\\x5c786666", b""), ("", b"3")]
    );
    assert_eq!(letter.detail, "why");
}

/// Values, names and headers of every size that a source takes: the letter is one that its topic takes, and says what is missing.
#[test]
fn a_letter_is_never_larger_than_its_topic_takes() {
    let writer = writer(&Arc::default());
    let (source_bytes, letter_bytes) = max_message_bytes();
    let kib = 1024;
    // Value, number of headers, name and value of each; whether the value is whole, how many headers are there.
    type Case<'c> = (usize, usize, &'c [u8], &'c [u8], bool, usize);
    let long = vec![0xff; 100 * kib];
    let good = "x".repeat(100 * kib);
    let cases: [Case<'_>; 11] = [
        (1_000_000, 0, b"", b"", true, 0),
        (1_000_001, 0, b"", b"", false, 0),
        (900 * kib, 1, good.as_bytes(), b"", true, 1),
        (900 * kib, 1, b"name", &long, true, 1),
        (900 * kib, 1, &long, b"", true, 1),
        // 400 KiB in hexadecimal: the value makes way.
        (800 * kib, 2, &long, b"", false, 2),
        (0, 10, good.as_bytes(), b"", true, 10),
        (0, 10, &long, b"", true, 5),
        (60 * kib, 9, &long, b"", true, 5),
        (0, 900, &long[..kib], b"", true, 572),
        // The smallest headers, which take twice as much.
        (0, 170_000, b"\xff", b"", true, 170_000),
    ];
    for (index, (value_bytes, count, name, value, is_whole, kept)) in cases.into_iter().enumerate() {
        assert!(value_bytes + count * (name.len() + value.len() + 2) <= source_bytes, "case {index} is no record of a source");
        let (whole, encoded) = (vec![7; value_bytes], headers(count, name, value));
        let refused = Record { headers: pipeline::Headers::from_encoded(&encoded), ..record(41, b"key", &whole) };
        let (key, framed) = letter_of(&writer, &refused);
        assert!(key.len() + framed.len() + kib <= letter_bytes, "case {index}: {} bytes", framed.len());
        let letter = decoded(&framed);
        assert_eq!(letter.value_length, i64::try_from(value_bytes).ok());
        assert_eq!((letter.value_sha256.is_none(), letter.headers.len()), (is_whole, kept), "case {index}");
        assert_eq!(letter.value, Some(&whole[..if is_whole { value_bytes } else { 64 * kib }]));
        let missing = format!("why (the first {kept} of {count} headers are kept)");
        assert_eq!(letter.detail, if kept == count { "why" } else { &missing });
    }
}

fn decoded(framed: &[u8]) -> DeadLetter<'_> {
    let (_, body) = wire::split(framed).unwrap();
    DeadLetter::decode(&schemas::Plan::current::<DeadLetter<'_>>(), body).unwrap()
}

#[test]
fn a_redriven_record_that_is_refused_again_counts_on() {
    let writer = writer(&Arc::default());
    let attempts = |header: (&str, &str)| {
        let mut encoded = Vec::new();
        pipeline::Headers::append(&mut encoded, b"other", b"1");
        pipeline::Headers::append(&mut encoded, header.0.as_bytes(), header.1.as_bytes());
        let refused = Record { headers: pipeline::Headers::from_encoded(&encoded), ..record(41, b"key", b"value") };
        let (_, value) = letter_of(&writer, &refused);
        let letter = decoded(&value);
        assert_eq!(letter.headers.len(), 2, "the record's headers are kept");
        letter.attempts
    };
    let letter = |stage: &str| format!("000102030405060708090a0b0c0d0eff-2-7-{stage}");
    let cases = [
        (redrive::HEADER, format!("1 {}", letter(STAGE)), 2),
        (redrive::HEADER, format!("41 {}", letter(STAGE)), 42),
        (redrive::HEADER, format!("{} {}", i64::MAX, letter(STAGE)), i64::MAX),
        // Another stage refused it then: this one has not seen it before.
        (redrive::HEADER, format!("3 {}", letter("profile")), 1),
        (redrive::HEADER, "3".to_owned(), 1),
        ("x-redrive", format!("3 {}", letter(STAGE)), 1),
    ];
    for (name, value, expected) in cases {
        assert_eq!(attempts((name, &value)), expected, "{name}: {value}");
    }
}
