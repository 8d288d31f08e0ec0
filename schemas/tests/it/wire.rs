use schemas::{Reason, admission, wire};

#[test]
fn framing_is_zero_and_four_bytes_of_id() {
    let mut value = Vec::new();
    wire::frame(0x0102_0304, &mut value);
    value.extend_from_slice(b"body");
    assert_eq!(value, b"\x00\x01\x02\x03\x04body");
    assert_eq!(wire::split(&value).unwrap(), (0x0102_0304, &b"body"[..]));
    assert_eq!(wire::split(b"\x00\x00\x00\x00\x01").unwrap(), (1, &b""[..]));
}

#[test]
fn what_is_not_framed_is_refused() {
    for value in [&b""[..], b"\x00", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01body", b"{\"a\":1}"] {
        assert_eq!(wire::split(value).unwrap_err().reason, Reason::NotFramed, "{value:?}");
    }
}

#[test]
fn a_raw_value_is_held_to_its_size() {
    let mut value = vec![0; 1_000_000];
    assert!(admission::open(Some(&value)).is_ok());
    value.push(0);
    assert_eq!(admission::open(Some(&value)).unwrap_err().reason, Reason::RecordTooLarge);
    assert_eq!(admission::open(None).unwrap_err().reason, Reason::NullValue);
}

#[test]
fn the_key_is_the_field() {
    assert!(admission::check_key(Some(b"s"), "session_id", "s").is_ok());
    let missing = admission::check_key(None, "session_id", "s").unwrap_err();
    assert_eq!((missing.reason, missing.field), (Reason::MissingKey, Some("session_id")));
    let other = admission::check_key(Some(b"t"), "session_id", "s").unwrap_err();
    assert_eq!(other.reason, Reason::KeyMismatch);
    assert_eq!(other.detail, "the key is \"t\", the field \"s\"");
}

#[test]
fn age_is_judged_on_the_shifted_time() {
    const HOUR: i64 = 3_600_000_000;
    let received = 1_770_000_000_000_000;
    let check = |age, shift_ms| admission::check_age(received - age, shift_ms, received, 72 * HOUR);
    assert!(check(72 * HOUR, None).is_ok());
    assert_eq!(check(72 * HOUR + 1, None).unwrap_err().reason, Reason::TimeTooOld);
    // A clock that is a day slow does not make an event a day older.
    assert!(check(80 * HOUR, Some(24 * 3_600_000)).is_ok());
    assert!(check(60 * HOUR, Some(-24 * 3_600_000)).is_err());
    assert!(admission::check_age(i64::MAX, Some(i64::MAX), received, 0).is_ok(), "no overflow");
    assert!(admission::check_age(i64::MIN, Some(i64::MIN), i64::MAX, 0).is_err(), "no overflow");
}

#[test]
fn received_time_may_be_a_minute_ahead() {
    assert!(admission::check_received_time(60_000_000, 0).is_ok());
    assert_eq!(admission::check_received_time(60_000_001, 0).unwrap_err().reason, Reason::ReceivedTimeInFuture);
}

#[test]
fn reasons_are_read_by_their_code() {
    for reason in Reason::ALL {
        assert_eq!(reason.as_str().parse(), Ok(*reason));
    }
    assert_eq!(Reason::ALL.len(), 24);
    assert!("no_such_reason".parse::<Reason>().is_err());
}
