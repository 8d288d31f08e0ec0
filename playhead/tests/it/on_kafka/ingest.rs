//! Lines ingested to a cluster.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::OnKafka;

/// An event of now.
fn event(session_id: &str, kind: &str) -> String {
    let now = chrono::Utc::now().to_rfc3339();
    json!({"session_id": session_id, "profile_id": "p", "type": kind, "event_time": now, "title_id": "t1"}).to_string()
}

#[test]
fn good_lines_are_written_and_bad_ones_named() {
    let on_kafka = OnKafka::with_topics();
    let lines = [event("s1", "PLAY"), "not json".to_owned(), event("", "PLAY"), event("s1", "PAUSE")].join("\n");
    let file = on_kafka.folder.write("events.ndjson", lines);
    let answers = on_kafka.answers(1, &["ingest", &file]);
    let verdicts: Vec<_> = answers[..2].iter().map(|verdict| (&verdict["line"], &verdict["reason"])).collect();
    assert_eq!(verdicts, [(&json!(2), &json!("not_json")), (&json!(3), &json!("empty_id"))]);
    let summary = &answers[2];
    assert_eq!(["lines", "accepted", "rejected"].map(|name| summary[name].as_u64().unwrap()), [4, 2, 2], "{summary}");
    assert!(summary.get("sessions").is_none() && summary["written_seconds"].as_f64().unwrap() > 0.0, "{summary}");

    let read = on_kafka.answers(0, &["read", "playback_events"]);
    let types: Vec<_> = read.iter().map(|record| (&record["key"], &record["value"]["type"])).collect();
    assert_eq!(types, [(&json!("s1"), &json!("PLAY")), (&json!("s1"), &json!("PAUSE"))]);
    // It ends with a heartbeat on every partition.
    let all = on_kafka.answers(0, &["read", "playback_events", "--heartbeats"]);
    let beats: Vec<_> = all.iter().filter(|record| record.get("heartbeat").is_some()).map(|record| &record["partition"]).collect();
    assert_eq!(beats, [0, 1, 2, 3]);
    let said = on_kafka.said(&["ingest", &file]);
    assert!(
        said.code == 1 && said.out.contains("4 lines: 2 accepted, 2 rejected") && said.out.contains("no stage is run here"),
        "{said:?}"
    );
}

#[test]
fn standard_input_and_other_topics() {
    let on_kafka = OnKafka::with_topics();
    let mut child = on_kafka.turned(&["ingest", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(event("s2", "PLAY").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &summary["accepted"]), (Some(0), &json!(1)));
    let app = json!({"app_session_id": "a1", "type": "APP_OPEN", "event_time": chrono::Utc::now().to_rfc3339()}).to_string();
    let file = on_kafka.folder.write("app.ndjson", app);
    assert_eq!(on_kafka.answer(0, &["ingest", &file, "--topic", "app_events"])["accepted"], 1);
    assert_eq!(on_kafka.answers(0, &["read", "app_events"])[0]["value"]["type"], "APP_OPEN");
    let said = on_kafka.said(&["ingest", &file, "--topic", "app_events", "--received-time", "2024-01-01"]);
    assert!(said.code == 2 && said.err.contains("app_events keeps records for 168 h"), "{said:?}");
}
