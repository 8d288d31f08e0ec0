//! Every reason that a record is refused for by its own bytes: what is changed, the code, the field, the words.

use schemas::{AppEvent, Attributes, BillingEvent, Plan, PlanError, PlaybackEvent, Reason, Record, Rejection};

use crate::records::{encoded, full_event};

/// What is done to a good event.
type Change = fn(&mut PlaybackEvent<'_>);

fn decode(body: &[u8]) -> Result<(), Box<Rejection>> {
    PlaybackEvent::decode(&Plan::current::<PlaybackEvent<'_>>(), body).map(drop)
}

/// Refuses the event that `change` makes of a good one.
fn refused<'v>(change: impl FnOnce(&mut PlaybackEvent<'v>)) -> (Reason, Option<&'static str>, String) {
    let mut event = full_event();
    change(&mut event);
    let rejection = decode(&encoded(&event)).expect_err("must be refused");
    (rejection.reason, rejection.field, rejection.detail)
}

fn accepted<'v>(change: impl FnOnce(&mut PlaybackEvent<'v>)) {
    let mut event = full_event();
    change(&mut event);
    assert_eq!(decode(&encoded(&event)), Ok(()));
}

#[test]
fn ids_have_a_length() {
    let long = "x".repeat(257);
    let (session, other) = (&long[..65], long.as_str());
    assert_eq!(
        refused(|event| event.session_id = ""),
        (Reason::EmptyId, Some("session_id"), "\"\" has 0 bytes, must be 1 to 64".to_owned())
    );
    let (reason, field, detail) = refused(|event| event.session_id = session);
    assert_eq!((reason, field), (Reason::IdTooLong, Some("session_id")));
    assert_eq!(detail, format!("{session:?} has 65 bytes, at most 64"));
    let is_empty: [(&str, Change); 5] = [
        ("profile_id", |event| event.profile_id = Some("")),
        ("account_id", |event| event.account_id = Some("")),
        ("title_id", |event| event.title_id = ""),
        ("episode_id", |event| event.episode_id = Some("")),
        ("device_id", |event| event.device_id = Some("")),
    ];
    for (field, change) in is_empty {
        let (reason, found, _) = refused(change);
        assert_eq!((reason, found), (Reason::EmptyId, Some(field)));
    }
    macro_rules! too_long {
        ($($field:ident),*) => {
            $(
                let (reason, found, detail) = refused(|event| event.$field = Some(other));
                assert_eq!((reason, found), (Reason::IdTooLong, Some(stringify!($field))));
                assert!(detail.ends_with("has 257 bytes, at most 256"), "{detail}");
                accepted(|event| event.$field = Some(&other[..256]));
            )*
        };
    }
    too_long!(profile_id, account_id, episode_id, device_id, device_type, region, cdn, player, app_version, error_code);
    assert_eq!(refused(|event| event.title_id = other).0, Reason::IdTooLong);
    accepted(|event| event.session_id = &long[..64]);
    accepted(|event| event.device_type = Some(""));
}

#[test]
fn numbers_have_limits() {
    const HOUR: i64 = 3_600_000;
    macro_rules! table {
        ($($field:ident = $value:expr => $reason:ident, $detail:literal;)*) => {
            $(assert_eq!(
                refused(|event| event.$field = $value),
                (Reason::$reason, Some(stringify!($field)), $detail.to_owned())
            );)*
        };
    }
    table! {
        event_time = 946_684_799_999_999 => TimeBefore2000, "946684799999999 us, before 2000-01-01";
        event_time = i64::MIN => TimeBefore2000, "-9223372036854775808 us, before 2000-01-01";
        received_time = 1_770_000_000 => TimeBefore2000, "1770000000 us, before 2000-01-01";
        position_ms = Some(-1) => NegativePosition, "-1 ms is below 0";
        position_ms = Some(48 * HOUR + 1) => PositionOutOfRange, "172800001 ms is above 48 h";
        duration_ms = Some(-1) => NegativeDuration, "-1 ms is not within 0 to 24 h";
        duration_ms = Some(24 * HOUR + 1) => NegativeDuration, "86400001 ms is not within 0 to 24 h";
        runtime_ms = Some(-5) => NegativeDuration, "-5 ms is not within 0 to 48 h";
        runtime_ms = Some(i64::MAX) => NegativeDuration, "9223372036854775807 ms is not within 0 to 48 h";
        bitrate_bps = Some(-1) => BadBitrate, "-1 bit/s is not within 0 to 2 Gbit/s";
        bitrate_bps = Some(2_000_000_001) => BadBitrate, "2000000001 bit/s is not within 0 to 2 Gbit/s";
        playback_rate = Some(0.009) => BadRate, "0.009 is neither 0 nor within 0.01 to 16";
        playback_rate = Some(-1.0) => BadRate, "-1 is neither 0 nor within 0.01 to 16";
        playback_rate = Some(16.01) => BadRate, "16.01 is neither 0 nor within 0.01 to 16";
        playback_rate = Some(f32::NAN) => BadRate, "NaN is neither 0 nor within 0.01 to 16";
        playback_rate = Some(f32::INFINITY) => BadRate, "inf is neither 0 nor within 0.01 to 16";
        country = Some("de") => BadCountry, "\"de\" is not two capital letters";
        country = Some("") => BadCountry, "\"\" is not two capital letters";
        country = Some("DEU") => BadCountry, "\"DEU\" is not two capital letters";
        country = Some("\u{c4}") => BadCountry, "\"\u{c4}\" is not two capital letters";
    }
    accepted(|event| event.event_time = 946_684_800_000_000);
    accepted(|event| event.position_ms = Some(48 * HOUR));
    accepted(|event| (event.position_ms, event.duration_ms, event.bitrate_bps) = (Some(0), Some(0), Some(0)));
    accepted(|event| event.duration_ms = Some(24 * HOUR));
    accepted(|event| event.bitrate_bps = Some(2_000_000_000));
    accepted(|event| event.playback_rate = Some(0.01));
    accepted(|event| event.playback_rate = Some(16.0));
}

#[test]
fn rate_zero_reads_as_unknown() {
    for zero in [0.0, -0.0] {
        let body = encoded(&PlaybackEvent { playback_rate: Some(zero), ..full_event() });
        let plan = Plan::current::<PlaybackEvent<'_>>();
        assert_eq!(PlaybackEvent::decode(&plan, &body).unwrap().playback_rate, None);
        assert_eq!(PlaybackEvent::decode_accepted(&plan, &body).unwrap().playback_rate, None);
    }
}

#[test]
fn attributes_are_few_and_small() {
    let keys: Vec<String> = (0..33).map(|number| format!("key{number}")).collect();
    let mut buffer = Vec::new();
    let many = Attributes::encode(keys.iter().map(|key| (key.as_str(), "v")), &mut buffer);
    let (reason, field, detail) = refused(|event| event.attributes = many);
    assert_eq!((reason, field, detail.as_str()), (Reason::TooManyAttributes, Some("attributes"), "33 entries, at most 32"));
    let mut buffer = Vec::new();
    let most = Attributes::encode(keys[..32].iter().map(|key| (key.as_str(), "v")), &mut buffer);
    accepted(|event| event.attributes = most);

    let value = "v".repeat(2048);
    let mut buffer = Vec::new();
    let large = Attributes::encode([("k", value.as_str())], &mut buffer);
    let (reason, field, detail) = refused(|event| event.attributes = large);
    assert_eq!((reason, field), (Reason::AttributesTooLarge, Some("attributes")));
    assert_eq!(detail, "2049 bytes of keys and values, at most 2048");
    let mut buffer = Vec::new();
    let largest = Attributes::encode([("k", &value[1..])], &mut buffer);
    accepted(|event| event.attributes = largest);
}

#[test]
fn every_cut_is_undecodable_and_every_addition_trailing() {
    let mut body = encoded(&full_event());
    for length in 0..body.len() {
        let rejection = decode(&body[..length]).unwrap_err();
        assert_eq!(rejection.reason, Reason::Undecodable, "cut at {length}");
        assert!(rejection.field.is_some());
    }
    body.push(0);
    let rejection = decode(&body).unwrap_err();
    assert_eq!((rejection.reason, rejection.detail.as_str()), (Reason::TrailingBytes, "1 bytes after the last field"));
}

/// Where, the bytes there, what stands in their place; reason, field and words of the refusal.
type Broken = (usize, &'static [u8], &'static [u8], Reason, &'static str, &'static str);

#[test]
fn broken_encodings_name_their_field() {
    let event = full_event();
    let good = encoded(&event);
    let table: [Broken; 9] = [
        (16, b"\x12", b"\x11", Reason::Undecodable, "session_id", "a length below 0"),
        (16, b"\x12session-1", b"\x12sess\xffon-1", Reason::NotUtf8, "session_id", "not UTF-8"),
        (16, b"\x12session-1", b"\x04\xc3\x28", Reason::NotUtf8, "session_id", "not UTF-8"),
        (26, b"\x02\x0e", b"\x04\x0e", Reason::Undecodable, "sequence", "a union branch that the schema does not have"),
        (26, b"\x02\x0e", b"\x01\x0e", Reason::Undecodable, "sequence", "a union branch that the schema does not have"),
        (28, b"\x1c", b"\x24", Reason::Undecodable, "type", "an enum symbol that the schema does not have"),
        (28, b"\x1c", b"\x01", Reason::Undecodable, "type", "an enum symbol that the schema does not have"),
        (27, b"\x0e", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", Reason::Undecodable, "sequence", "an integer of more than 64 bits"),
        (27, b"\x0e", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", Reason::Undecodable, "sequence", "an integer of more than 64 bits"),
    ];
    for (at, from, to, reason, field, detail) in table {
        assert_eq!(&good[at..at + from.len()], from, "the place of {field}");
        let body = [&good[..at], to, &good[at + from.len()..]].concat();
        let rejection = decode(&body).unwrap_err();
        assert_eq!((rejection.reason, rejection.field, rejection.detail.as_str()), (reason, Some(field), detail));
    }
    let fatal = good.windows(5).position(|bytes| bytes == b"E1\x02\x01\x02").unwrap() + 3;
    let mut body = good.clone();
    body[fatal] = 2;
    let rejection = decode(&body).unwrap_err();
    assert_eq!((rejection.reason, rejection.field), (Reason::Undecodable, Some("error_fatal")));
}

/// An integer may be written in more bytes than it needs, wherever it stands.
#[test]
fn overlong_integers_are_read() {
    let event = full_event();
    let good = encoded(&event);
    let plan = Plan::current::<PlaybackEvent<'_>>();
    for (at, from, to) in
        [(16, b"\x12", &b"\x92\x00"[..]), (26, b"\x02", b"\x82\x80\x00"), (27, b"\x0e", b"\x8e\x80\x80\x00"), (28, b"\x1c", b"\x9c\x00")]
    {
        assert_eq!(&good[at..=at], from);
        let body = [&good[..at], to, &good[at + 1..]].concat();
        assert_eq!(PlaybackEvent::decode(&plan, &body).as_ref(), Ok(&event));
    }
}

/// Attributes may come in several blocks, with or without their size.
#[test]
fn blocks_of_attributes_are_read() {
    let event = full_event();
    let good = encoded(&event);
    let front = &good[..good.len() - 19];
    let blocks = b"\x02\x02k\x02v\x01\x1a\x0enetwork\x08wifi\x00";
    let body = [front, blocks].concat();
    let plan = Plan::current::<PlaybackEvent<'_>>();
    let read = PlaybackEvent::decode(&plan, &body).unwrap();
    assert_eq!(read, event);
    assert_eq!(read.attributes.get("network"), Some("wifi"));
    assert_eq!(encoded(&read), body, "blocks stay as they came");
    let hostile = [front, b"\xff\xff\xff\xff\x0f\x02k\x02v\x00"].concat();
    assert_eq!(decode(&hostile).unwrap_err().field, Some("attributes"));
    // A size below 0, and one beyond the body: apache-avro passes over both.
    for (size, detail) in [(b"\x19", "a length below 0"), (b"\x7e", "the body ends within the value")] {
        let body = [front, b"\x03", size, b"\x02k\x02v\x0enetwork\x08wifi\x00"].concat();
        let rejection = decode(&body).unwrap_err();
        assert_eq!((rejection.reason, rejection.field, rejection.detail.as_str()), (Reason::Undecodable, Some("attributes"), detail));
        schemas::fuzz::fuzz_decode(&body);
    }
}

#[test]
fn app_and_billing_events_are_held_to_the_same_limits() {
    let app =
        AppEvent { app_session_id: "a", event_time: 1_770_000_000_000_000, received_time: 1_770_000_000_000_000, ..AppEvent::default() };
    let plan = Plan::current::<AppEvent<'_>>();
    let refused =
        |event: &AppEvent<'_>| AppEvent::decode(&plan, &encoded(event)).map(drop).map_err(|rejection| (rejection.reason, rejection.field));
    assert_eq!(refused(&app), Ok(()));
    assert_eq!(refused(&AppEvent { app_session_id: "", ..app.clone() }), Err((Reason::EmptyId, Some("app_session_id"))));
    assert_eq!(refused(&AppEvent { event_time: 0, ..app.clone() }), Err((Reason::TimeBefore2000, Some("event_time"))));
    assert_eq!(refused(&AppEvent { country: Some("x"), ..app.clone() }), Err((Reason::BadCountry, Some("country"))));
    assert_eq!(refused(&AppEvent { title_id: Some(""), ..app }), Err((Reason::EmptyId, Some("title_id"))));

    let billing = BillingEvent {
        account_id: "a",
        event_time: 1_770_000_000_000_000,
        received_time: 1_770_000_000_000_000,
        ..BillingEvent::default()
    };
    let plan = Plan::current::<BillingEvent<'_>>();
    let refused = |event: &BillingEvent<'_>| {
        BillingEvent::decode(&plan, &encoded(event)).map(drop).map_err(|rejection| (rejection.reason, rejection.field))
    };
    assert_eq!(refused(&billing), Ok(()));
    assert_eq!(refused(&BillingEvent { account_id: "", ..billing.clone() }), Err((Reason::EmptyId, Some("account_id"))));
    assert_eq!(refused(&BillingEvent { event_time: 0, ..billing }), Err((Reason::TimeBefore2000, Some("event_time"))));
}

#[test]
fn a_schema_of_another_record_is_told_from_a_broken_one() {
    let compile = |schema: &str| Plan::compile::<PlaybackEvent<'_>>(schema).unwrap_err();
    assert!(matches!(compile(AppEvent::SCHEMA), PlanError::WrongRecord { expected: "PlaybackEvent", found } if found == "AppEvent"));
    assert!(matches!(compile("{}"), PlanError::Schema(_)));
    assert!(matches!(compile("\"string\""), PlanError::Schema(_)));
}
