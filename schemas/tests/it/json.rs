use expect_test::expect;
use schemas::{DeadLetter, Headers, PlaybackEvent, QosSessionSummary, Reason, Record, Schema, json};
use serde_json::{Value, json};

use crate::records::{encoded, full_event};

fn schema() -> Schema {
    Schema::parse(PlaybackEvent::SCHEMA).unwrap()
}

fn smallest() -> Value {
    json!({
        "event_id": "00112233-4455-6677-8899-aabbccddeeff", "session_id": "s", "type": "PLAY", "title_id": "t",
        "event_time": "2026-02-02T02:40:00Z", "received_time": 1_770_000_000_500_000_i64,
    })
}

#[test]
fn an_event_as_json() {
    let shown = json::to_value(&schema(), &encoded(&full_event())).unwrap();
    expect![[r#"{"event_id":"30313233-3435-3637-3839-616263646566","session_id":"session-1","sequence":7,"type":"HEARTBEAT","event_time":"2026-02-02T02:40:00.000001Z","received_time":"2026-02-02T02:40:00.500000Z","clock_shift_ms":-431,"profile_id":"profile","account_id":"account","title_id":"title","episode_id":"episode é","position_ms":1834000,"runtime_ms":2850000,"duration_ms":812,"bitrate_bps":4500000,"playback_rate":1.5,"error_code":"E1","error_fatal":true,"preview":false,"device_id":"device","device_type":"tv","country":"DE","region":"BY","cdn":"cdn","player":"player","app_version":"1.2.3","attributes":{"k":"v","network":"wifi"}}"#]]
    .assert_eq(&shown.to_string());
}

#[test]
fn bytes_are_base64_and_enums_their_symbols() {
    let mut buffer = Vec::new();
    let letter = DeadLetter {
        key: Some(b"\x00\xff"),
        value_sha256: Some([7; 32]),
        headers: Headers::encode([("h", &b"v"[..])], &mut buffer),
        ..DeadLetter::default()
    };
    let shown = json::to_value(&Schema::parse(DeadLetter::SCHEMA).unwrap(), &encoded(&letter)).unwrap();
    assert_eq!(shown["key"], "AP8=");
    assert_eq!(shown["value_sha256"], "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    assert_eq!(shown["headers"], json!([{"name": "h", "value": "dg=="}]));

    let summary = QosSessionSummary { outcome: Some(schemas::Outcome::ExitBeforeStart), ..QosSessionSummary::default() };
    let shown = json::to_value(&Schema::parse(QosSessionSummary::SCHEMA).unwrap(), &encoded(&summary)).unwrap();
    assert_eq!((&shown["ended_by"], &shown["outcome"], &shown["final"]), (&json!("open"), &json!("exit_before_start"), &json!(false)));
}

#[test]
fn absent_fields_take_their_default() {
    let body = json::to_body(&schema(), &smallest()).unwrap();
    let shown = json::to_value(&schema(), &body).unwrap();
    assert_eq!((&shown["sequence"], &shown["attributes"], &shown["country"]), (&Value::Null, &json!({}), &Value::Null));
    assert_eq!(shown["event_time"], "2026-02-02T02:40:00.000000Z");
}

#[test]
fn times_come_as_text_or_microseconds() {
    for (given, shown) in [
        (json!("2026-02-02T03:40:00.1234567+01:00"), json!("2026-02-02T02:40:00.123456Z")),
        (json!(0), json!("1970-01-01T00:00:00.000000Z")),
        (json!(-1), json!("1969-12-31T23:59:59.999999Z")),
        (json!(253_402_300_799_999_999_i64), json!("9999-12-31T23:59:59.999999Z")),
        // Beyond what RFC 3339 can say.
        (json!(253_402_300_800_000_000_i64), json!(253_402_300_800_000_000_i64)),
        (json!(i64::MAX), json!(i64::MAX)),
        (json!(i64::MIN), json!(i64::MIN)),
    ] {
        let mut document = smallest();
        document["event_time"] = given;
        let body = json::to_body(&schema(), &document).unwrap();
        assert_eq!(json::to_value(&schema(), &body).unwrap()["event_time"], shown);
    }
}

#[test]
fn an_unknown_type_is_kept_as_unknown() {
    let mut document = smallest();
    document["type"] = "FROM_THE_FUTURE".into();
    let body = json::to_body(&schema(), &document).unwrap();
    assert_eq!(json::to_value(&schema(), &body).unwrap()["type"], "UNKNOWN");
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        ("/positon_ms", json!(1)),
        ("/session_id", json!(5)),
        ("/event_id", json!("no uuid")),
        ("/event_time", json!("yesterday")),
        ("/event_time", json!(1.5)),
        ("/position_ms", json!("12")),
        ("/position_ms", json!(1.5)),
        ("/playback_rate", json!("fast")),
        ("/playback_rate", json!(1e300)),
        ("/error_fatal", json!(0)),
        ("/attributes", json!({"a/b": 1})),
        ("/attributes", json!(null)),
        ("/type", json!(1)),
        ("/title_id", json!(null)),
    ];
    let mut found = String::new();
    for (pointer, value) in cases {
        let mut document = smallest();
        document[&pointer[1..]] = value;
        let error = json::to_body(&schema(), &document).unwrap_err();
        found += &format!("{error}\n");
    }
    for field in ["event_id", "session_id", "event_time", "received_time", "title_id"] {
        let mut document = smallest();
        document.as_object_mut().unwrap().remove(field);
        found += &format!("{}\n", json::to_body(&schema(), &document).unwrap_err());
    }
    for document in [json!([]), json!(null), json!("x")] {
        found += &format!("{}\n", json::to_body(&schema(), &document).unwrap_err());
    }
    expect![[r#"
        /positon_ms: no such field (found 1)
        /session_id: must be a string (found 5)
        /event_id: must be a UUID (found "no uuid")
        /event_time: must be a time: RFC 3339, or integer microseconds since 1970 (found "yesterday")
        /event_time: must be a time: RFC 3339, or integer microseconds since 1970 (found 1.5)
        /position_ms: must be an integer of 64 bits (found "12")
        /position_ms: must be an integer of 64 bits (found 1.5)
        /playback_rate: must be a number of 32 bits (found "fast")
        /playback_rate: must be a number of 32 bits (found 1e+300)
        /error_fatal: must be true or false (found 0)
        /attributes/a~1b: must be a string (found 1)
        /attributes: must be an object (found null)
        /type: must be a string (found 1)
        /title_id: must be a string (found null)
        /event_id: is missing (found nothing)
        /session_id: is missing (found nothing)
        /event_time: is missing (found nothing)
        /received_time: is missing (found nothing)
        /title_id: is missing (found nothing)
        : must be an object (found [])
        : must be an object (found null)
        : must be an object (found "x")
    "#]]
    .assert_eq(&found);
}

#[test]
fn broken_bodies_are_refused_not_shown() {
    let body = encoded(&full_event());
    for length in 0..body.len() {
        assert_eq!(json::to_value(&schema(), &body[..length]).unwrap_err().reason, Reason::Undecodable);
    }
    let trailing = [&body[..], &[0]].concat();
    assert_eq!(json::to_value(&schema(), &trailing).unwrap_err().reason, Reason::TrailingBytes);
}

#[test]
fn a_hostile_count_ends_early() {
    let nulls = r#"{"type":"record","name":"N","fields":[{"name":"n","type":{"type":"array","items":"null"}}]}"#;
    let schema = Schema::parse(nulls).unwrap();
    assert_eq!(json::to_value(&schema, b"\x06\x00").unwrap(), json!({"n": [null, null, null]}));
    let hostile = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00";
    assert_eq!(json::to_value(&schema, hostile).unwrap_err().reason, Reason::Undecodable);
}

#[test]
fn a_type_that_holds_itself_is_followed_so_far_only() {
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"],"default":null}]}"#;
    let schema = Schema::parse(list).unwrap();
    assert!(json::to_value(&schema, b"\x02\x02\x00").is_ok());
    assert_eq!(json::to_value(&schema, &[2; 200]).unwrap_err().reason, Reason::Undecodable);
    let nested = (0..200).fold(json!({}), |inner, _| json!({"next": inner}));
    assert_eq!(json::to_body(&schema, &nested).unwrap_err().reason, "nested too deep");
}

/// Whatever is wrong with a body: what comes before is shown, and the fault is named.
#[test]
fn what_can_be_read_of_a_damaged_body_is_shown() {
    let whole = encoded(&full_event());
    let all = json::to_value(&schema(), &whole).unwrap();
    for length in 0..whole.len() {
        let (shown, fault) = json::to_value_so_far(&schema(), &whole[..length]);
        assert_eq!(fault.unwrap().reason, Reason::Undecodable, "{length}");
        assert!(shown.iter().zip(all.as_object().unwrap()).all(|(found, expected)| found == expected), "{length}");
        assert!(shown.len() < all.as_object().unwrap().len());
    }
    let (shown, fault) = json::to_value_so_far(&schema(), &[whole.as_slice(), &[0]].concat());
    assert_eq!((Value::Object(shown), fault.unwrap().reason), (all, Reason::TrailingBytes));
}
