use std::io::Write as _;
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
    assert_eq!(verdicts.len(), 2);
    assert_eq!(verdicts[0]["line"], 2);
    assert_eq!(verdicts[0]["status"], "rejected");
    assert_eq!(verdicts[0]["reason"], "not_json");
    assert_eq!(verdicts[0]["field"], Value::Null);
    assert_eq!(
        (&verdicts[1]["line"], &verdicts[1]["reason"], &verdicts[1]["field"]),
        (&json!(3), &json!("empty_id"), &json!("session_id"))
    );
    assert!(said.err.contains("4 lines: 2 accepted, 2 rejected"), "{}", said.err);
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
    assert!(said.out.contains("at most 28800000 s"), "{said:?}");
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
    assert_eq!(folder.json_lines(&["read", "playback_events", "--limit", "100"]).len(), 1 + 2 * 4);
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
