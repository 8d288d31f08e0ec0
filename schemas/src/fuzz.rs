//! What must hold of any bytes, as plain functions: a fuzzer calls them with what it makes up, the tests with a seeded run.

use std::sync::LazyLock;

use apache_avro::Schema as Parsed;
use apache_avro::reader::datum::GenericDatumReader;
use serde_json::Value;

use crate::compatibility::RECORDS;
use crate::{
    ActiveStream, AppEvent, AuditBucket, BillingEvent, CleanPlaybackEvent, DeadLetter, Experiment, LedgerEntry, Plan, PlaybackEvent,
    PlaybackSession, Profile, QosSessionSummary, Reason, Record, Rejection, ResumeState, Schema, Suppression, Title, ViewingProgress, json,
    wire,
};

/// Any bytes as a value and as a body of every record: no panic; what is accepted is encoded and read again as the same; framing and
/// Avro are judged as by hand and as by apache-avro.
///
/// # Panics
/// Where one of these does not hold.
pub fn fuzz_decode(data: &[u8]) {
    HARNESS.decode(data);
}

/// Any text as a line of JSON for every record: no panic; what is accepted reads back as JSON that makes the same bytes.
///
/// # Panics
/// Where one of these does not hold.
pub fn fuzz_json_line(data: &[u8]) {
    HARNESS.json_line(data);
}

/// A writer's schema (`data` up to the first zero byte) and a body (what follows): no panic; a body that the plan can't read can't be
/// shown either.
///
/// # Panics
/// Where one of these does not hold.
pub fn fuzz_plan(data: &[u8]) {
    let split = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (schema, body) = data.split_at(split);
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let body = body.get(1..).unwrap_or_default();
    let Ok(plan) = Plan::compile::<PlaybackEvent<'_>>(schema) else { return };
    if let Err(rejection) = PlaybackEvent::decode(&plan, body)
        && is_undecodable(&rejection)
    {
        assert!(json::to_value(plan.writer(), body).is_err(), "{rejection}, but it can be shown: {body:02x?} under {schema}");
    }
}

static HARNESS: LazyLock<Harness> = LazyLock::new(Harness::new);

/// Plans and schemas, made once for all runs.
struct Harness {
    plans: Vec<(Check, Plan)>,
    schemas: Vec<Schema>,
    playback: Plan,
    oracle: Parsed,
}

/// Reads a body as one record.
type Check = fn(&Plan, &[u8]);

macro_rules! checks {
    ($($record:ident),* $(,)?) => {
        vec![$((
            (|plan, body| {
                let Ok(record) = $record::decode(plan, body) else { return };
                let mut encoded = Vec::new();
                record.encode(&mut encoded);
                let again = $record::decode(plan, &encoded).expect("what was accepted is accepted again");
                let mut twice = Vec::new();
                again.encode(&mut twice);
                assert_eq!(encoded, twice, "{} is encoded as it was read", $record::NAME);
            }) as Check,
            Plan::current::<$record<'_>>(),
        )),*]
    };
}

impl Harness {
    fn new() -> Self {
        Self {
            plans: checks!(
                PlaybackEvent,
                CleanPlaybackEvent,
                AppEvent,
                BillingEvent,
                PlaybackSession,
                QosSessionSummary,
                ViewingProgress,
                ResumeState,
                ActiveStream,
                AuditBucket,
                DeadLetter,
                Suppression,
                LedgerEntry,
                Title,
                Profile,
                Experiment,
            ),
            schemas: RECORDS.iter().map(|record| Schema::parse(record.current).expect("a schema that is compiled in")).collect(),
            playback: Plan::current::<PlaybackEvent<'_>>(),
            oracle: Parsed::parse_str(PlaybackEvent::SCHEMA).expect("a schema that is compiled in"),
        }
    }

    fn decode(&self, data: &[u8]) {
        let framed = data.len() >= wire::FRAME_BYTES && data[0] == 0;
        match wire::split(data) {
            Ok((_, body)) => assert!(framed && body == &data[wire::FRAME_BYTES..]),
            Err(rejection) => assert!(!framed && rejection.reason == Reason::NotFramed),
        }
        for (check, plan) in &self.plans {
            check(plan, data);
        }
        self.agree(data);
    }

    /// Ours and apache-avro's verdict on the Avro of an event. Ours may refuse more: limits, integers of more than 64 bits, and blocks
    /// whose size in bytes is below 0 or beyond the body, which apache-avro reads and does not look at.
    fn agree(&self, body: &[u8]) {
        let verdict = PlaybackEvent::decode(&self.playback, body).map(drop);
        let mut rest = body;
        let reader = GenericDatumReader::builder(&self.oracle).build().expect("a schema that is compiled in");
        let oracle = reader.read_value(&mut rest).map_err(|error| error.to_string());
        match (&verdict, &oracle) {
            (Ok(()), Ok(_)) => assert!(rest.is_empty(), "apache-avro leaves {} bytes of an event that was accepted", rest.len()),
            (Ok(()), Err(error)) => panic!("accepted, but apache-avro says {error}: {body:02x?}"),
            (Err(rejection), Ok(_)) => assert!(
                !is_undecodable(rejection) || !rest.is_empty() || rejection.detail.contains("64 bits") || may_be_of_a_block(rejection),
                "{rejection}, but apache-avro reads it: {body:02x?}"
            ),
            (Err(_), Err(_)) => {}
        }
    }

    fn json_line(&self, data: &[u8]) {
        let Ok(document) = serde_json::from_slice::<Value>(data) else { return };
        for schema in &self.schemas {
            let Ok(body) = json::to_body(schema, &document) else { continue };
            let shown = json::to_value(schema, &body).expect("what was taken in can be shown");
            assert_eq!(json::to_body(schema, &shown).as_ref(), Ok(&body), "{}: {shown}", schema.name());
        }
    }
}

fn is_undecodable(rejection: &Rejection) -> bool {
    matches!(rejection.reason, Reason::Undecodable | Reason::NotUtf8 | Reason::TrailingBytes)
}

/// Whether the size of a block of `attributes` may be to blame, the one field of an event that has blocks.
fn may_be_of_a_block(rejection: &Rejection) -> bool {
    rejection.field == Some("attributes") && ["a length below 0", "the body ends within the value"].contains(&rejection.detail.as_str())
}
