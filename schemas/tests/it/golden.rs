//! Bytes of ours and of apache-avro, both ways.

use apache_avro::Schema as Parsed;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use schemas::{Plan, PlaybackEvent, Record, Schema, json};

use crate::records::{documents, encoded, full_event, subjects};

pub(crate) fn apache_reads(schema: &Parsed, mut body: &[u8]) -> Avro {
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    let value = reader.read_value(&mut body).unwrap();
    assert!(body.is_empty(), "apache-avro leaves {} bytes", body.len());
    value
}

pub(crate) fn apache_writes(schema: &Parsed, value: Avro) -> Vec<u8> {
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Of every record: what we write apache-avro reads, what it writes of that we read, and nothing is lost on the way.
    #[test]
    fn every_record_both_ways(seed in any::<u64>()) {
        for subject in subjects() {
            let mut runner = proptest::test_runner::TestRunner::new_with_rng(
                ProptestConfig::default(),
                proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat()),
            );
            let document = proptest::strategy::Strategy::new_tree(&documents(subject.schema), &mut runner).unwrap().current();
            let schema = Schema::parse(subject.schema).unwrap();
            let body = json::to_body(&schema, &document).unwrap();
            let plan = (subject.plan)();
            prop_assert!(plan.is_current());

            let ours = (subject.again)(&plan, &body).map_err(|error| TestCaseError::fail(format!("{}: {error}", subject.name)))?;
            let parsed = Parsed::parse_str(subject.schema).unwrap();
            let value = apache_reads(&parsed, &ours);
            prop_assert_eq!(&value, &apache_reads(&parsed, &body), "{}", subject.name);

            let theirs = apache_writes(&parsed, value.clone());
            let again = (subject.again)(&plan, &theirs).unwrap();
            prop_assert_eq!(value, apache_reads(&parsed, &again), "{}", subject.name);
        }
    }
}

fn text(text: &str) -> Avro {
    Avro::String(text.to_owned())
}

fn some(value: Avro) -> Avro {
    Avro::Union(1, Box::new(value))
}

/// Field by field, written by hand: that each field of the struct is the field of that name.
#[test]
fn an_event_field_by_field() {
    let event = full_event();
    let uuid = uuid::Uuid::from_bytes(*b"0123456789abcdef");
    let attributes = [("k", "v"), ("network", "wifi")].map(|(key, value)| (key.to_owned(), text(value)));
    let expected = [
        ("event_id", Avro::Uuid(uuid)),
        ("session_id", text("session-1")),
        ("sequence", some(Avro::Long(7))),
        ("type", Avro::Enum(14, "HEARTBEAT".to_owned())),
        ("event_time", Avro::TimestampMicros(1_770_000_000_000_001)),
        ("received_time", Avro::TimestampMicros(1_770_000_000_500_000)),
        ("clock_shift_ms", some(Avro::Long(-431))),
        ("profile_id", some(text("profile"))),
        ("account_id", some(text("account"))),
        ("title_id", text("title")),
        ("episode_id", some(text("episode \u{e9}"))),
        ("position_ms", some(Avro::Long(1_834_000))),
        ("runtime_ms", some(Avro::Long(2_850_000))),
        ("duration_ms", some(Avro::Long(812))),
        ("bitrate_bps", some(Avro::Long(4_500_000))),
        ("playback_rate", some(Avro::Float(1.5))),
        ("error_code", some(text("E1"))),
        ("error_fatal", some(Avro::Boolean(true))),
        ("preview", some(Avro::Boolean(false))),
        ("device_id", some(text("device"))),
        ("device_type", some(text("tv"))),
        ("country", some(text("DE"))),
        ("region", some(text("BY"))),
        ("cdn", some(text("cdn"))),
        ("player", some(text("player"))),
        ("app_version", some(text("1.2.3"))),
        ("attributes", Avro::Map(attributes.into_iter().collect())),
    ];
    let expected = Avro::Record(expected.map(|(name, value)| (name.to_owned(), value)).to_vec());
    let schema = Parsed::parse_str(PlaybackEvent::SCHEMA).unwrap();
    assert_eq!(apache_reads(&schema, &encoded(&event)), expected);

    let theirs = apache_writes(&schema, expected.clone());
    let read = PlaybackEvent::decode(&Plan::current::<PlaybackEvent<'_>>(), &theirs).unwrap();
    assert_eq!(apache_reads(&schema, &encoded(&read)), expected);
    // apache-avro writes the entries of a map in any order.
    assert_eq!(PlaybackEvent { attributes: event.attributes, ..read }, event);
}

/// The first bytes of a full event, so that a change of the wire can't pass as a change of both sides.
#[test]
fn an_event_byte_by_byte() {
    let event = full_event();
    let body = encoded(&event);
    let mut expected = b"0123456789abcdef\x12session-1\x02\x0e\x1c".to_vec();
    expected.extend_from_slice(&[0x82, 0x80, 0x85, 0xd4, 0xc7, 0xf3, 0xa4, 0x06]);
    assert_eq!(&body[..expected.len()], expected);
    assert_eq!(&body[body.len() - 19..], b"\x04\x02k\x02v\x0enetwork\x08wifi\x00");
}
