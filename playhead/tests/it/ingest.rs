use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Folder, testdata};

const EVENT: &str = r#"{"session_id":"s1","profile_id":"p","type":"PLAY","event_time":"2024-05-04T20:00:00Z","title_id":"t1"}"#;
const RECEIVED: &str = "2024-05-04T20:00:01Z";

#[test]
fn rejected_lines_are_listed_and_the_rest_goes_on() {
    let folder = Folder::new();
    let text = format!("{EVENT}\nnot json\n{}\n{}\n", EVENT.replace("\"s1\"", "\"\""), EVENT.replace("PLAY", "PAUSE"));
    let file = folder.write("events.ndjson", text);
    let said = folder.run(&["ingest", &file, "--received-time", RECEIVED, "--json"]);
    assert_eq!(said.code, 1);
    let verdicts: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), 3);
    assert_eq!(verdicts[0]["line"], 2);
    assert_eq!(verdicts[0]["status"], "rejected");
    assert_eq!(verdicts[0]["reason"], "not_json");
    assert_eq!(verdicts[0]["field"], Value::Null);
    assert_eq!(
        (&verdicts[1]["line"], &verdicts[1]["reason"], &verdicts[1]["field"]),
        (&json!(3), &json!("empty_id"), &json!("session_id"))
    );
    let names = ["lines", "accepted", "rejected", "of_unknown_type", "duplicates", "dead_letters", "sessions", "unreported_sessions"];
    assert_eq!(names.map(|name| verdicts[2][name].as_u64()), [4, 2, 2, 0, 0, 0, 1, 0].map(Some), "{}", verdicts[2]);
    assert_eq!(said.err, "");
    let said = folder.run(&["ingest", &file, "--received-time", RECEIVED]);
    assert!(said.out.contains("line 3: empty_id: session_id: "), "{}", said.out);
    assert!(said.out.contains("2 duplicates"), "{}", said.out);
    assert_eq!(folder.json(&["session", "s1"])["rows"][0]["event_count"], 2);
}

#[test]
fn an_event_of_last_week_is_too_old_unless_it_is_a_replay() {
    let folder = Folder::new();
    let file = folder.write("events.ndjson", EVENT);
    let said = folder.run(&["ingest", &file]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("line 1: time_too_old: event_time: "), "{}", said.out);
    let mut wider = folder.command(&["ingest", &file]);
    wider.env("PLAYHEAD_PLAYBACK_LATE_HORIZON", "8000h").env("PLAYHEAD_PLAYBACK_STATE_HORIZON", "8700h");
    // The bound is that of the configuration.
    let said = crate::support::said(&mut wider);
    assert!(said.out.contains("the limit is 8000 h; replay old events with --received-time"), "{said:?}");
    assert_eq!(folder.run(&["ingest", &file, "--received-time", RECEIVED]).code, 0);
}

#[test]
fn standard_input_is_read() {
    let folder = Folder::new();
    let mut child =
        folder.command(&["ingest", "-", "--received-time", RECEIVED]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(EVENT.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(folder.json_lines(&["read", "playback_events", "--limit", "100"]).len(), 1);
    assert_eq!(folder.json_lines(&["read", "playback_events", "--heartbeats"]).len(), 1 + 2 * 4);
}

/// As `tail -f events.ndjson | playhead ingest -` does it: the input goes on, and its lines get their verdicts all the same.
#[test]
fn lines_of_a_pipe_that_stays_open_do_not_wait_for_more() {
    let folder = Folder::new();
    let mut child =
        folder.command(&["ingest", "-", "--received-time", RECEIVED]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let out = child.stdout.take().unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    input.write_all(format!("{EVENT}\nnot json\n").as_bytes()).unwrap();
    let first = lines.recv_timeout(std::time::Duration::from_secs(60));
    input.write_all(EVENT.replace("PLAY", "PAUSE").as_bytes()).unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(first.expect("a verdict before the input ends").starts_with("line 2: not_json"));
    assert!(lines.iter().any(|line| line.starts_with("3 lines: 2 accepted, 1 rejected")));
}

#[test]
fn the_same_file_twice_is_the_same_session() {
    let folder = Folder::new();
    for _ in 0..2 {
        folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    }
    let session = folder.json(&["session", "sample-session"]);
    assert_eq!(session["rows"].as_array().unwrap().len(), 1);
    assert_eq!(session["rows"][0]["event_count"], 32);
    assert_eq!(session["timeline"].as_array().unwrap().len(), 32);
}

#[test]
fn app_and_billing_events_go_to_their_topics() {
    let folder = Folder::new();
    let app = folder.write("app.ndjson", r#"{"app_session_id":"a","type":"APP_OPEN","event_time":"2024-05-04T20:00:00Z"}"#);
    folder.well(&["ingest", &app, "--topic", "app_events", "--received-time", RECEIVED]);
    let billing = folder.write("billing.ndjson", r#"{"account_id":"acc","type":"PAUSED","event_time":"2024-05-04T20:00:00Z"}"#);
    folder.well(&["ingest", &billing, "--topic", "billing_events", "--received-time", RECEIVED]);
    for (topic, kind, key) in [("app_events", "APP_OPEN", "a"), ("billing_events", "PAUSED", "acc")] {
        let records = folder.json_lines(&["read", topic]);
        let event = records.iter().find(|record| record["value"] != Value::Null).unwrap();
        assert_eq!((&event["value"]["type"], &event["key"]), (&json!(kind), &json!(key)));
    }
}

/// Cut off in the middle by nobody: whoever reads may stop reading.
#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let folder = Folder::new();
    let lines: String = (0..3_000).map(|number| EVENT.replace("\"s1\"", &format!("\"s{number}\"")) + "\n").collect();
    folder.well(&["ingest", &folder.write("events.ndjson", lines), "--received-time", RECEIVED]);
    let mut child = folder.command(&["read", "playback_events", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_session_that_is_still_open_is_spoken_of() {
    let folder = Folder::new();
    let start = EVENT.replace("PLAY", "SESSION_START").replace("20:00:00Z", "20:00:00.5Z");
    // The clock goes on by one second only: neither the first report nor silence is reached.
    let now = chrono::Utc::now();
    let at = |seconds: i64| (now - chrono::Duration::seconds(seconds)).to_rfc3339();
    let file = folder.write("events.ndjson", start.replace("2024-05-04T20:00:00.5Z", &at(2)));
    let said = folder.well(&["ingest", &file]);
    assert!(said.contains("1 session is still open: they are reported 5 min after their start"), "{said}");
    let said = folder.well(&["session", "s1"]);
    assert!(said.contains("not reported yet") && said.contains("SESSION_START"), "{said}");
    let session = folder.json(&["session", "s1"]);
    assert_eq!((&session["rows"], session["timeline"].as_array().unwrap().len()), (&json!([]), 1));
    assert_eq!(folder.well(&["qos"]), "no session is reported yet\n");
    assert_eq!(folder.run(&["history", "p"]).out, "nothing for profile p; no profile has a reported view yet\n");
}

#[test]
fn what_came_from_outside_moves_no_cursor() {
    let folder = Folder::new();
    let event = EVENT.replace("\"t1\"", "\"t\\u001b[31m\\u009b\\u202e1\"").replace("PLAY", "WARP");
    let end = event.replace("WARP", "END").replace("20:00:00Z", "20:00:01Z");
    let said = folder.well(&["ingest", &folder.write("events.ndjson", format!("{event}\n{end}\n")), "--received-time", RECEIVED]);
    assert!(said.contains("1 event of a type that this version does not know, kept as UNKNOWN: WARP (1)"), "{said}");
    for args in [&["session", "s1"][..], &["read", "playback_events"], &["history", "p", "--previews"]] {
        let said = folder.well(args);
        assert!(!said.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{args:?}: {said:?}");
        assert!(said.contains(r"\u{9b}\u{202e}1"), "{args:?}: {said}");
    }
}

#[test]
fn dead_letters_are_bad_news_and_pointed_to() {
    let folder = Folder::new();
    let text = (0..3).map(|second| EVENT.replace("20:00:00Z", &format!("20:00:0{second}Z")) + "\n").collect::<String>();
    let file = folder.write("events.ndjson", text);
    let said = crate::support::said(
        folder.command(&["ingest", &file, "--received-time", "2024-05-04T20:01:00Z"]).env("PLAYHEAD_PLAYBACK_MAX_SESSION_EVENTS", "1"),
    );
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("2 dead letters: `playhead dlq list` shows"), "{}", said.out);
    assert_eq!(folder.json_lines(&["read", "dead_letters"]).len(), 2);
}
