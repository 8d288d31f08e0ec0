//! Values of every record, made from its schema.

use proptest::prelude::*;
use schemas::{
    ActiveStream, AppEvent, AuditBucket, BillingEvent, CleanPlaybackEvent, DeadLetter, Experiment, LedgerEntry, Plan, PlaybackEvent,
    PlaybackSession, Profile, QosSessionSummary, Record, ResumeState, Suppression, Title, ViewingProgress,
};
use serde_json::{Map, Value, json};

/// What can be asked of a record without naming its type.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) schema: &'static str,
    /// Decodes a body under a plan and encodes it again.
    pub(crate) again: fn(&Plan, &[u8]) -> Result<Vec<u8>, String>,
    pub(crate) plan: fn() -> Plan,
}

macro_rules! subjects {
    ($($record:ident),* $(,)?) => {
        vec![$(Subject {
            name: $record::NAME,
            schema: $record::SCHEMA,
            again: |plan, body| {
                let record = $record::decode(plan, body).map_err(|rejection| rejection.to_string())?;
                let mut out = Vec::new();
                record.encode(&mut out);
                assert_eq!($record::decode(plan, &out).as_ref(), Ok(&record), "what is encoded reads as it was");
                // A record that is filled again holds nothing of what it held before.
                let mut filled = record.clone();
                filled.decode_into(plan, body).map_err(|rejection| rejection.to_string())?;
                assert_eq!(filled, record);
                Ok(out)
            },
            plan: Plan::current::<$record<'_>>,
        }),*]
    };
}

pub(crate) fn subjects() -> Vec<Subject> {
    subjects!(
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
    )
}

/// A document for a schema: every type that it has, within the limits of raw events.
pub(crate) fn documents(schema: &str) -> BoxedStrategy<Value> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let fields = schema["fields"].as_array().unwrap().iter().map(|field| {
        let name = field["name"].as_str().unwrap().to_owned();
        let value = limited(&name, &field["type"]);
        let values = if is_optional(&field["type"]) { prop_oneof![Just(Value::Null), value].boxed() } else { value };
        (Just(name), values)
    });
    let fields: Vec<_> = fields.collect();
    fields.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())).boxed()
}

fn is_optional(of: &Value) -> bool {
    of.as_array().is_some_and(|branches| branches[0] == "null")
}

fn limited(name: &str, of: &Value) -> BoxedStrategy<Value> {
    match name {
        "session_id" => "[ -~]{1,64}".prop_map(Value::from).boxed(),
        "country" => "[A-Z]{2}".prop_map(Value::from).boxed(),
        "event_time" | "received_time" => (946_684_800_000_000_i64..=4_000_000_000_000_000).prop_map(Value::from).boxed(),
        "position_ms" | "runtime_ms" => (0_i64..=48 * 3_600_000).prop_map(Value::from).boxed(),
        "duration_ms" => (0_i64..=24 * 3_600_000).prop_map(Value::from).boxed(),
        "bitrate_bps" => (0_i64..=2_000_000_000).prop_map(Value::from).boxed(),
        "playback_rate" => (0.01_f32..=16.0).prop_map(Value::from).boxed(),
        _ => any_of(of),
    }
}

fn any_of(of: &Value) -> BoxedStrategy<Value> {
    if let Some(branches) = of.as_array() {
        return any_of(&branches[1]);
    }
    let Some(kind) = of["type"].as_str().or_else(|| of.as_str()) else { panic!("a type: {of}") };
    if of["logicalType"] == "timestamp-micros" {
        return any::<i64>().prop_map(Value::from).boxed();
    }
    match kind {
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "int" => any::<i32>().prop_map(Value::from).boxed(),
        "long" => prop_oneof![any::<i64>(), -200_i64..200].prop_map(Value::from).boxed(),
        "float" => any::<f32>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::from).boxed(),
        "double" => any::<f64>().prop_filter("finite", |double| double.is_finite()).prop_map(Value::from).boxed(),
        "string" => prop_oneof!["[ -~]{1,20}", "\\PC{1,40}"].prop_map(Value::from).boxed(),
        "bytes" => proptest::collection::vec(any::<u8>(), 0..40).prop_map(base64).boxed(),
        "fixed" if of["logicalType"] == "uuid" => any::<[u8; 16]>().prop_map(uuid).boxed(),
        "fixed" => proptest::collection::vec(any::<u8>(), usize::try_from(of["size"].as_u64().unwrap()).unwrap()).prop_map(base64).boxed(),
        "enum" => proptest::sample::select(of["symbols"].as_array().unwrap().clone()).boxed(),
        "map" => proptest::collection::btree_map("[ -~]{0,12}", "\\PC{0,12}", 0..8).prop_map(|map| json!(map)).boxed(),
        "array" => proptest::collection::vec(any_of(&of["items"]), 0..5).prop_map(Value::from).boxed(),
        "record" => documents(&of.to_string()),
        "EventId" | "TopicId" => any::<[u8; 16]>().prop_map(uuid).boxed(),
        other => panic!("a type without values: {other}"),
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> Value {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes).into()
}

fn uuid(bytes: [u8; 16]) -> Value {
    uuid::Uuid::from_bytes(bytes).to_string().into()
}

/// A number generator without surprises: splitmix64.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// An event with every field, whose values can be told apart.
pub(crate) fn full_event() -> PlaybackEvent<'static> {
    PlaybackEvent {
        event_id: *b"0123456789abcdef",
        session_id: "session-1",
        sequence: Some(7),
        kind: schemas::EventType::Heartbeat,
        event_time: 1_770_000_000_000_001,
        received_time: 1_770_000_000_500_000,
        clock_shift_ms: Some(-431),
        profile_id: Some("profile"),
        account_id: Some("account"),
        title_id: "title",
        episode_id: Some("episode \u{e9}"),
        position_ms: Some(1_834_000),
        runtime_ms: Some(2_850_000),
        duration_ms: Some(812),
        bitrate_bps: Some(4_500_000),
        playback_rate: Some(1.5),
        error_code: Some("E1"),
        error_fatal: Some(true),
        preview: Some(false),
        device_id: Some("device"),
        device_type: Some("tv"),
        country: Some("DE"),
        region: Some("BY"),
        cdn: Some("cdn"),
        player: Some("player"),
        app_version: Some("1.2.3"),
        attributes: schemas::Attributes::from_encoded(b"\x04\x02k\x02v\x0enetwork\x08wifi\x00").unwrap(),
    }
}

pub(crate) fn encoded<'a>(record: &impl Record<'a>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}
