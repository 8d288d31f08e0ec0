use expect_test::{Expect, expect};
use pipeline::OutputTopic;
use pipeline::local::{LocalLane, LocalLog};
use pipeline::testing::{Call, Fault, FaultKind, FaultLog};
use producers::ingest::{IngestOptions, IngestReport, RawTopic, Status, Verdict, ingest, outputs};
use producers::{ReceivedTime, parse_time_us};
use schemas::{Schema, json, wire};

use crate::support::{NOW_MS, PARTITIONS, log, received, records};

const EVENT: &str = r#"{"event_id":"018d0000-0000-7000-8000-000000000001","session_id":"s1","type":"PLAY","event_time":"2024-01-31T23:59:00Z","title_id":"t1"}"#;

fn options(topic: RawTopic, received: &dyn Fn() -> ReceivedTime) -> IngestOptions<'_> {
    IngestOptions { topic, received, late_horizon_ms: 72 * 3_600_000, batch_lines: 3, schema_id: 9, run: "test" }
}

fn lane(log: &LocalLog, topics: &[OutputTopic; 1]) -> LocalLane {
    LocalLane::new(log, "ingest", &[&topics[0].name], topics).unwrap()
}

fn run(log: &LocalLog, topic: RawTopic, received: ReceivedTime, text: &[u8]) -> (IngestReport, Vec<Verdict>) {
    let topics = outputs(topic, PARTITIONS);
    let mut verdicts = Vec::new();
    let report = ingest(text, &mut lane(log, &topics), &topics, &options(topic, &|| received), &mut |verdict| {
        verdicts.push(verdict.clone());
        Ok(())
    });
    (report.unwrap(), verdicts)
}

fn check(line: &[u8], expected: Expect) {
    let (_, verdicts) = run(&log(), RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), line);
    expected.assert_eq(&verdicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

fn with(field: &str, value: &str) -> Vec<u8> {
    let mut event: serde_json::Value = serde_json::from_str(EVENT).unwrap();
    event[field] = serde_json::from_str(value).unwrap();
    event.to_string().into_bytes()
}

fn without(field: &str) -> Vec<u8> {
    let mut event: serde_json::Value = serde_json::from_str(EVENT).unwrap();
    event.as_object_mut().unwrap().remove(field);
    event.to_string().into_bytes()
}

#[test]
fn an_accepted_event_is_in_the_log_as_it_was_sent() {
    let log = log();
    let (report, verdicts) = run(&log, RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), EVENT.as_bytes());
    assert_eq!((report.lines, report.accepted, report.rejected), (1, 1, 0));
    assert_eq!((verdicts[0].status, verdicts[0].line), (Status::Accepted, 1));
    let (events, beats) = records(&log, "playback_events");
    assert_eq!((events[0].timestamp_ms, events[0].key.as_slice()), (NOW_MS, &b"s1"[..]));
    assert_eq!(beats.len(), PARTITIONS as usize);
    let (id, body) = wire::split(events[0].value.as_deref().unwrap()).unwrap();
    assert_eq!(id, 9);
    let shown = json::to_value(&Schema::parse(RawTopic::PlaybackEvents.schema()).unwrap(), body).unwrap();
    assert_eq!(shown["event_id"], "018d0000-0000-7000-8000-000000000001");
    assert_eq!(shown["event_time"], "2024-01-31T23:59:00.000000Z");
    assert_eq!(shown["received_time"], "2024-02-01T00:00:00.000000Z");
    assert_eq!(shown["profile_id"], serde_json::Value::Null);
}

#[test]
fn every_refusal_has_its_reason_field_and_value() {
    check(&without("session_id"), expect!["line 1: missing_field: session_id: is missing (found nothing)"]);
    check(&with("sesion_id", "\"x\""), expect!["line 1: unknown_field: sesion_id: no such field (found \"x\")"]);
    check(&with("position_ms", "\"5\""), expect!["line 1: wrong_type: position_ms: must be an integer of 64 bits (found \"5\")"]);
    check(
        &with("event_time", "\"yesterday\""),
        expect!["line 1: wrong_type: event_time: must be a time: RFC 3339, or integer microseconds since 1970 (found \"yesterday\")"],
    );
    check(&with("attributes", "{\"a\":1}"), expect!["line 1: wrong_type: attributes/a: must be a string (found 1)"]);
    check(b"{\"a\":", expect!["line 1: not_json: EOF while parsing a value at line 1 column 5"]);
    check(b"[1]", expect![[r#"line 1: not_json: not an object: an event is one, as in {"event_id": ...}"#]]);
    check(b"{\"a\":\"\xFF\"}", expect!["line 1: not_utf8: byte 7 is not UTF-8"]);
    check(b"{\"a\":\0}", expect!["line 1: nul_byte: holds a NUL byte"]);
    check(&with("title_id", r#""a\u0000b""#), expect!["line 1: nul_byte: title_id: holds a NUL character"]);
    check("[".repeat(5_000).as_bytes(), expect!["line 1: too_deep: recursion limit exceeded at line 1 column 128"]);
}

#[test]
fn every_limit_of_events_holds() {
    let long = format!("\"{}\"", "x".repeat(65));
    let cases = [
        ("session_id", "\"\"", "empty_id"),
        ("session_id", long.as_str(), "id_too_long"),
        ("event_time", "\"1999-12-31T23:59:59Z\"", "time_before_2000"),
        ("event_time", "\"2024-01-28T23:59:59Z\"", "time_too_old"),
        ("received_time", "\"2024-02-01T00:01:01Z\"", "received_time_in_future"),
        ("position_ms", "-1", "negative_position"),
        ("position_ms", "172800001", "position_out_of_range"),
        ("duration_ms", "-1", "negative_duration"),
        ("bitrate_bps", "2000000001", "bad_bitrate"),
        ("playback_rate", "17", "bad_rate"),
        ("country", "\"br\"", "bad_country"),
    ];
    for (field, value, reason) in cases {
        let (report, verdicts) = run(&log(), RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &with(field, value));
        assert_eq!(report.rejected, 1, "{field} {value}");
        assert_eq!((verdicts[0].reason, verdicts[0].field.as_deref()), (Some(reason), Some(field)), "{field} {value}");
    }
    let many: String = (0..33).map(|number| format!("\"k{number}\":\"\",")).collect();
    let (_, verdicts) = run(
        &log(),
        RawTopic::PlaybackEvents,
        ReceivedTime::now(NOW_MS),
        &with("attributes", &format!("{{{}}}", many.trim_end_matches(','))),
    );
    assert_eq!(verdicts[0].reason, Some("too_many_attributes"));
}

#[test]
fn a_replay_is_never_too_old_but_may_not_come_from_the_future() {
    let old = with("event_time", "\"2020-01-01T00:00:00Z\"");
    assert_eq!(run(&log(), RawTopic::PlaybackEvents, received(NOW_MS), &old).0.accepted, 1);
    // The line says itself when it was received; cut to whole milliseconds, for it is the record's timestamp.
    let own =
        String::from_utf8(old.clone()).unwrap().replace("\"title_id\"", "\"received_time\":\"2020-01-01T00:00:01.234567Z\",\"title_id\"");
    let log = log();
    assert_eq!(run(&log, RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), own.as_bytes()).0.accepted, 1);
    assert_eq!(records(&log, "playback_events").0[0].timestamp_ms, 1_577_836_801_234);
    assert_eq!(run(&log, RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &old).0.rejected, 1);
    assert!(ReceivedTime::given("2024-02-01T00:01:00Z", NOW_MS).is_ok());
    assert!(ReceivedTime::given("2024-02-01T00:01:00.001Z", NOW_MS).is_err());
    assert!(ReceivedTime::given("soon", NOW_MS).is_err());
}

#[test]
fn times_are_refused_in_words() {
    check(
        &with("event_time", "\"2023-03-15T00:00:00Z\""),
        expect![
            "line 1: time_too_old: event_time: 2023-03-15T00:00:00Z is 323 days before it was received, the limit is 72 h; replay old events with --received-time"
        ],
    );
    check(
        &with("received_time", "\"2024-02-01T00:01:01Z\""),
        expect!["line 1: received_time_in_future: received_time: 2024-02-01T00:01:01Z is 61 s ahead of the clock, the limit is 60 s"],
    );
    check(
        &with("event_time", "1706745540"),
        expect![
            "line 1: time_before_2000: event_time: 1706745540 is read as microseconds since 1970: that is 1970-01-01T00:28:26.745540Z; seconds and milliseconds are not understood"
        ],
    );
    check(
        &with("event_time", "\"1999-12-31T23:59:59Z\""),
        expect![[r#"line 1: time_before_2000: event_time: "1999-12-31T23:59:59Z" is before 2000"#]],
    );
}

#[test]
fn flags_take_dates_and_refuse_seconds() {
    assert_eq!(parse_time_us("2024-01-01"), Ok(1_704_067_200_000_000));
    assert_eq!(parse_time_us("1704067200000000"), Ok(1_704_067_200_000_000));
    for (text, day) in [("1704067200", "1970-01-01"), ("1704067200000", "1970-01-20"), ("-1", "1969-12-31")] {
        let error = parse_time_us(text).unwrap_err().to_string();
        assert!(error.contains(day) && error.contains("seconds"), "{error}");
    }
    assert!(parse_time_us("2024-13-01").is_err());
}

#[test]
fn unknown_types_are_kept_counted_and_named() {
    let text = [with("type", "\"WARP\""), with("type", "\"WARP\""), with("type", "\"PAUSE\"")].join(&b'\n');
    let (report, _) = run(&log(), RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &text);
    assert_eq!((report.accepted, report.of_unknown_type), (3, 2));
    assert_eq!(report.unknown_types.into_iter().collect::<Vec<_>>(), [("WARP".to_owned(), 2)]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let text = [b"\xEF\xBB\xBF", EVENT.as_bytes()].concat();
    assert_eq!(run(&log(), RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &text).0.accepted, 1);
    // Anywhere else it is.
    let (report, _) = run(&log(), RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &[EVENT.as_bytes(), b"\n", &text].concat());
    assert_eq!((report.accepted, report.rejected), (1, 1));
}

#[test]
fn a_clock_shift_counts_for_the_age() {
    // 4 days old by its own clock, which is 2 days behind.
    let shifted = String::from_utf8(with("event_time", "\"2024-01-28T00:00:00Z\"")).unwrap();
    let shifted = shifted.replace("\"title_id\"", "\"clock_shift_ms\":172800000,\"title_id\"");
    assert_eq!(run(&log(), RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), shifted.as_bytes()).0.accepted, 1);
}

#[test]
fn events_without_id_get_one_of_what_they_say() {
    let ids_at = |received_ms: i64, text: &str| {
        let log = log();
        run(&log, RawTopic::PlaybackEvents, ReceivedTime { ms: received_ms, now_ms: NOW_MS, is_given: false }, text.as_bytes());
        let schema = Schema::parse(RawTopic::PlaybackEvents.schema()).unwrap();
        let (events, _) = records(&log, "playback_events");
        events
            .iter()
            .map(|event| {
                let (_, body) = wire::split(event.value.as_deref().unwrap()).unwrap();
                json::to_value(&schema, body).unwrap()["event_id"].as_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    };
    let ids = |text: &str| ids_at(NOW_MS, text);
    let one = r#"{"session_id":"s","type":"PLAY","event_time":"2024-01-31T23:59:00Z","title_id":"t"}"#;
    let same = r#" { "title_id" : "t", "type":"PLAY","event_time":"2024-01-31T23:59:00Z","session_id":"s", "event_id":null } "#;
    let other = one.replace("PLAY", "PAUSE");
    // Sent again later it is the same event: what is added on the way in is no part of the id.
    assert_eq!(ids(one), ids_at(NOW_MS - 1_000, one));
    assert_ne!(ids(one), ids(&other));
    let twice = ids(&format!("{one}\n{one}"));
    assert_eq!(twice.len(), 2);
    assert_ne!(twice[0], twice[1]);
    assert_eq!(ids(one)[0], twice[0]);
    // Order and spacing say nothing; a field that was sent does.
    assert_eq!(ids(&one.replace(',', " , ")), ids(one));
    assert_ne!(ids(same), ids(one));
}

#[test]
fn the_other_topics_have_their_own_keys() {
    let app = r#"{"app_session_id":"a1","type":"CLICK","event_time":"2024-01-31T23:59:00Z"}"#;
    let log = log();
    let text = format!("{app}\n{}", app.replace("\"type\"", "\"profile_id\":\"p1\",\"type\""));
    assert_eq!(run(&log, RawTopic::AppEvents, ReceivedTime::now(NOW_MS), text.as_bytes()).0.accepted, 2);
    let mut keys: Vec<_> = records(&log, "app_events").0.into_iter().map(|record| record.key).collect();
    keys.sort();
    assert_eq!(keys, [b"a1", b"p1"]);
    let billing = r#"{"account_id":"acc","type":"PAUSED","event_time":"2024-01-31T23:59:00Z"}"#;
    assert_eq!(run(&log, RawTopic::BillingEvents, ReceivedTime::now(NOW_MS), billing.as_bytes()).0.accepted, 1);
    assert_eq!(records(&log, "billing_events").0[0].key, b"acc");
}

#[test]
fn lines_are_judged_one_by_one_and_the_rest_goes_on() {
    let mut text = Vec::new();
    for number in 0..10 {
        text.extend(if number % 4 == 3 { b"nonsense".to_vec() } else { with("sequence", &number.to_string()) });
        text.extend(b"\n\n");
    }
    let log = log();
    let (report, verdicts) = run(&log, RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &text);
    assert_eq!((report.lines, report.accepted, report.rejected), (10, 8, 2));
    assert_eq!(verdicts.iter().map(|verdict| verdict.line).collect::<Vec<_>>(), (0..10).map(|number| number * 2 + 1).collect::<Vec<_>>());
    assert_eq!(records(&log, "playback_events").0.len(), 8);
    let huge = [b"{\"session_id\":\"".to_vec(), vec![b'x'; 1_000_000], b"\"}\n".to_vec(), EVENT.as_bytes().to_vec()].concat();
    let (report, verdicts) = run(&log, RawTopic::PlaybackEvents, ReceivedTime::now(NOW_MS), &huge);
    assert_eq!((report.accepted, verdicts[0].reason), (1, Some("line_too_long")));
}

/// An accepted line is in the log once, also where nobody knows at first whether its transaction went through: not every topic has a
/// processor that drops second copies.
#[test]
fn a_lost_transaction_loses_nothing() {
    let topics = outputs(RawTopic::PlaybackEvents, PARTITIONS);
    let text: Vec<u8> = (0..8).flat_map(|number| [with("sequence", &number.to_string()), b"\n".to_vec()].concat()).collect();
    for kind in [FaultKind::Abort, FaultKind::LostReply] {
        for (of, at) in [(Call::Send, 1), (Call::Send, 3), (Call::Commit, 1), (Call::Commit, 3), (Call::Commit, 4)] {
            let log = log();
            let mut lane = FaultLog::new(lane(&log, &topics), &[Fault { at, of: Some(of), kind }]);
            let report =
                ingest(&text[..], &mut lane, &topics, &options(RawTopic::PlaybackEvents, &|| received(NOW_MS)), &mut |_| Ok(())).unwrap();
            assert_eq!((report.accepted, lane.fired()), (8, 1), "{kind:?} at {of:?} {at}");
            let mut values: Vec<_> = records(&log, "playback_events").0.into_iter().map(|record| record.value).collect();
            assert_eq!(values.len(), 8, "{kind:?} at {of:?} {at}");
            values.sort();
            values.dedup();
            assert_eq!(values.len(), 8, "{kind:?} at {of:?} {at}");
        }
    }
}

#[test]
fn a_verdict_is_given_when_it_is_true() {
    let topics = outputs(RawTopic::PlaybackEvents, PARTITIONS);
    let text: Vec<u8> = (0..8).flat_map(|number| [with("sequence", &number.to_string()), b"\n".to_vec()].concat()).collect();
    for at in 1..=3 {
        let log = log();
        let mut lane = FaultLog::new(lane(&log, &topics), &[Fault { at, of: Some(Call::Commit), kind: FaultKind::Crash }]);
        let mut accepted = 0;
        let crashed = ingest(&text[..], &mut lane, &topics, &options(RawTopic::PlaybackEvents, &|| received(NOW_MS)), &mut |_| {
            accepted += 1;
            Ok(())
        });
        assert!(crashed.is_err());
        assert_eq!(records(&log, "playback_events").0.len(), accepted, "at commit {at}");
    }
}

/// A reader that gives some bytes and then fails.
struct BreaksOff<'t>(&'t [u8]);

impl std::io::Read for BreaksOff<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::Error::other("the pipe broke"));
        }
        self.0.read(buffer)
    }
}

#[test]
fn what_came_before_the_input_broke_off_is_kept() {
    let log = log();
    let topics = outputs(RawTopic::PlaybackEvents, PARTITIONS);
    let text = [EVENT.as_bytes(), b"\n"].concat();
    let input = std::io::BufReader::new(BreaksOff(&text));
    let mut verdicts = 0;
    let result =
        ingest(input, &mut lane(&log, &topics), &topics, &options(RawTopic::PlaybackEvents, &|| ReceivedTime::now(NOW_MS)), &mut |_| {
            verdicts += 1;
            Ok(())
        });
    assert!(result.is_err());
    let (events, beats) = records(&log, "playback_events");
    assert_eq!((verdicts, events.len(), beats.len()), (1, 1, PARTITIONS as usize));
}

/// A pipe into which a line is written now and then: each piece of bytes is what has come when it is asked, none is nothing yet.
struct Pipe<'t> {
    pieces: std::vec::IntoIter<Option<&'t [u8]>>,
    /// What there was to see when it was asked and had nothing.
    seen: &'t mut dyn FnMut(),
}

impl std::io::Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.pieces.next() {
            Some(Some(mut piece)) => piece.read(buffer),
            Some(None) => {
                (self.seen)();
                Err(std::io::ErrorKind::WouldBlock.into())
            }
            None => Ok(0),
        }
    }
}

#[test]
fn lines_of_a_slow_pipe_are_written_when_nothing_more_has_come() {
    let log = log();
    let topics = outputs(RawTopic::PlaybackEvents, PARTITIONS);
    let line = [EVENT.as_bytes(), b"\n"].concat();
    // A line, half of one, and its other half.
    let pieces = vec![None, Some(&line[..]), None, Some(&line[..40]), None, None, Some(&line[40..]), None];
    let mut written = Vec::new();
    let mut seen = || written.push(records(&log, "playback_events").0.len());
    let pipe = Pipe { pieces: pieces.into_iter(), seen: &mut seen };
    let options = options(RawTopic::PlaybackEvents, &|| ReceivedTime::now(NOW_MS));
    let input = producers::open_plain_or_gzip(pipe).unwrap();
    let report = ingest(input, &mut lane(&log, &topics), &topics, &IngestOptions { batch_lines: 5_000, ..options }, &mut |_| Ok(()));
    assert_eq!(report.unwrap().accepted, 2);
    // As it stands when the pipe is asked: what it says it had nothing for is written after that.
    assert_eq!(written, [0, 0, 1, 1, 1]);
    assert_eq!(records(&log, "playback_events").0.len(), 2);
}

#[test]
fn each_line_is_received_when_it_comes_and_waits_for_others_a_second() {
    let hour_ms = 3_600_000;
    for (given, expected_ms) in [(None, [-2 * hour_ms, -2 * hour_ms + 999, -hour_ms, 0]), (Some(-3 * hour_ms), [-3 * hour_ms; 4])] {
        let log = log();
        let topics = outputs(RawTopic::PlaybackEvents, PARTITIONS);
        let text = [EVENT.as_bytes(), b"\n"].concat().repeat(4);
        // The clock as each line comes, and at the end.
        let clock = std::cell::RefCell::new([-2 * hour_ms, -2 * hour_ms + 999, -hour_ms, 0, 0].into_iter());
        let at_start = given.map_or(ReceivedTime::now(NOW_MS), |ms| received(NOW_MS + ms));
        let received = || at_start.at(NOW_MS + clock.borrow_mut().next().unwrap());
        let mut written = Vec::new();
        let options = IngestOptions { batch_lines: 5_000, ..options(RawTopic::PlaybackEvents, &received) };
        ingest(&text[..], &mut lane(&log, &topics), &topics, &options, &mut |verdict| {
            assert!(!verdict.is_rejected(), "{verdict}");
            written.push(records(&log, "playback_events").0.len());
            Ok(())
        })
        .unwrap();
        // The third line comes when the first has waited for an hour.
        assert_eq!(written, [3, 3, 3, 4]);
        let mut times_ms: Vec<_> = records(&log, "playback_events").0.iter().map(|record| record.timestamp_ms - NOW_MS).collect();
        times_ms.sort_unstable();
        assert_eq!(times_ms, expected_ms);
    }
}
