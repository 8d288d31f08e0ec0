//! The shapes of JSON: names and notation are an interface.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::{Folder, testdata};

fn ingested() -> Folder {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    folder
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn of_resume_and_continue_watching() {
    let folder = ingested();
    let resume = folder.well(&["resume", "viewer-1", "--json"]);
    expect![[r#"
        [{"profile_id":"viewer-1","title_id":"sample-series","episode_id":"sample-s01e02","position_ms":705700,"runtime_ms":2700000,"completed":false,"preview":false,"updated_at":"2024-05-04T20:03:30.000000Z","last_full_view_at":"2024-05-04T20:03:30.000000Z"}]
    "#]]
    .assert_eq(&resume);
    assert_eq!(folder.well(&["continue-watching", "viewer-1", "--json"]), resume);
    for args in [["resume", "nobody", "--json"], ["continue-watching", "nobody", "--json"]] {
        let said = folder.run(&args);
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (1, "[]\n", ""), "{args:?}");
    }
}

#[test]
fn of_read() {
    let folder = ingested();
    let records = folder.json_lines(&["read", "playback_events", "--heartbeats"]);
    let (beats, events): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.get("heartbeat").is_some());
    assert_eq!((events.len(), beats.len()), (32, 8));
    assert_eq!(names(events[0]), ["topic", "partition", "offset", "timestamp", "key", "headers", "value"]);
    assert_eq!(events[0]["timestamp"], "2024-05-04T20:04:00.000000Z");
    assert_eq!(events[0]["key"], "sample-session");
    assert_eq!(events[0]["headers"], json!({}));
    assert_eq!(events[0]["value"]["event_time"], "2024-05-04T20:00:00.000000Z");
    assert_eq!(events[0]["value"]["type"], "SESSION_START");
    assert_eq!(events[0]["value"]["attributes"], json!({"entry": "continue_watching"}));
    assert_eq!(names(beats[0]), ["topic", "partition", "offset", "timestamp", "key", "headers", "value", "heartbeat"]);
    assert_eq!(beats[0]["value"], Value::Null);
    assert_eq!(beats[0]["heartbeat"], json!({"sequence": 0, "sent_at": "2024-05-04T20:04:00.000000Z"}));

    let partition = events[0]["partition"].to_string();
    let from = folder.json_lines(&["read", "playback_events", "--partition", &partition, "--from-offset", "30", "--heartbeats"]);
    assert_eq!(from.iter().map(|record| record["offset"].as_i64().unwrap()).collect::<Vec<_>>(), [30, 31, 32, 33]);
    let later = folder.json_lines(&["read", "playback_events", "--from-time", "2024-05-04T20:04:00.001Z", "--heartbeats"]);
    assert_eq!(later.len(), 4);
    assert!(later.iter().all(|record| record["timestamp"] == "2024-05-04T20:35:00.000000Z"));
    assert_eq!(folder.json_lines(&["read", "playback_events", "--limit", "5"]).len(), 5);
    let sessions = folder.json_lines(&["read", "playback_sessions"]);
    let last = sessions.iter().rfind(|record| record["value"] != Value::Null).unwrap();
    assert_eq!(
        (&last["value"]["ended_by"], &last["value"]["outcome"], &last["value"]["final"]),
        (&json!("end"), &json!("played"), &json!(true))
    );
}

#[test]
fn of_session() {
    let session = ingested().json(&["session", "sample-session"]);
    assert_eq!(names(&session), ["session_id", "rows", "qos", "timeline"]);
    assert_eq!(session["rows"][0]["opened_at"], "2024-05-04T20:00:00.000000Z");
    assert_eq!(session["rows"][0]["last_position_ms"], 705_700);
    let qos = &session["qos"][0];
    assert_eq!(qos["startup_ms"], 1_740);
    assert_eq!(qos["rebuffering_ms"], 2_400);
    assert_eq!(qos["micro_stall_count"], 1);
    assert_eq!(qos["ad_count"], 2);
    let ratio = qos["rebuffer_ratio_cta2066"].as_f64().unwrap();
    assert!((ratio - 2_400.0 / (1_800 + 133_300 + 2_400 + 1_200 + 800) as f64).abs() < 1e-9, "{ratio}");
    assert_eq!(
        names(&session["timeline"][1]),
        [
            "offset_us",
            "effective_time",
            "late",
            "type",
            "position_ms",
            "duration_ms",
            "bitrate_bps",
            "playback_rate",
            "cdn",
            "error_code",
            "error_fatal"
        ]
    );
    let offsets: Vec<i64> = session["timeline"].as_array().unwrap().iter().map(|moment| moment["offset_us"].as_i64().unwrap()).collect();
    assert!(offsets.is_sorted() && offsets[0] == 0 && offsets[31] == 210_000_000);
}

#[test]
fn of_history() {
    let folder = ingested();
    let page = folder.json(&["history", "viewer-1"]);
    assert_eq!(names(&page), ["rows", "next_page_token"]);
    assert_eq!(page["rows"][0]["session_id"], "sample-session");
    assert_eq!(page["next_page_token"], Value::Null);
    assert_eq!(folder.json(&["history", "viewer-1", "--previews"])["rows"], json!([]));
    assert_eq!(folder.json(&["history", "viewer-1", "--from", "2024-05-04T20:00:00.000001Z"])["rows"], json!([]));
    assert_eq!(folder.json(&["history", "viewer-1", "--to", "1714852800000000"])["rows"], json!([]));
}

#[test]
fn of_qos_and_schemas() {
    let folder = ingested();
    expect![[r#"
        [{"device_type":"tv","country":"NL","sessions":1,"measured_sessions":1,"startup_p50_ms":1740,"startup_p95_ms":1740,"rebuffering_ms":2400,"watched_ms":139500,"rebuffer_ratio_cta2066":0.017204301075268817,"exits_before_start":0,"start_failures":0,"play_failures":0,"errors":1}]
    "#]].assert_eq(&folder.well(&["qos", "--json"]));
    assert_eq!(folder.json(&["qos", "--since", "2024-05-05T00:00:00Z"]), json!([]));
    assert_eq!(names(&folder.json(&["qos", "--by", "cdn"])[0])[0], "cdn");
    let checks = folder.json(&["schemas", "check"]);
    assert!(checks.as_array().unwrap().iter().any(|check| check["record"] == "PlaybackEvent" && check["errors"] == json!([])));
}

#[test]
fn of_import() {
    let folder = Folder::new();
    let file = folder.write(
        "views.csv",
        "profile,start_time,duration,title,supplemental_type,autoplayed,device_type,bookmark,country\n\
         p,2024-01-01 00:00:00,0:10:00,t,,0,tv,0:10:00,BR\n\
         p,2024-01-01 00:00:00,0:10:00,t,,0,tv,0:10:00,Brazil\n",
    );
    let said = folder.run(&["import", "viewing-activity", &file, "--json", "--received-time", "2024-02-01T00:00:00Z"]);
    let mut summary: Value = serde_json::from_str(&said.out).unwrap();
    assert!(summary["seconds"].take().as_f64().unwrap() >= 0.0);
    expect![[r#"{"rows":2,"imported":1,"already_there":0,"malformed":1,"first_malformed":[{"line":3,"column":"country","value":"Brazil","reason":"bad_country","detail":"\"Brazil\" is not two capital letters"}],"sessions":1,"duplicates":0,"dead_letters":0,"unreported_sessions":0,"seconds":null}"#]].assert_eq(&summary.to_string());
}

/// Nobody measured a startup of exactly 0 ms.
#[test]
fn imports_are_sessions_that_nobody_measured() {
    let folder = Folder::new();
    let file = folder.write(
        "views.csv",
        "profile,start_time,duration,title,supplemental_type,autoplayed,device_type,bookmark,country\n\
         p,2024-01-01 00:00:00,0:01:00,t,,0,tv,0:10:00,BR\n",
    );
    folder.import(&file, "2024-02-01");
    let qos = &folder.json(&["qos"])[0];
    assert_eq!((&qos["sessions"], &qos["measured_sessions"]), (&json!(1), &json!(0)));
    for name in ["startup_p50_ms", "startup_p95_ms", "rebuffering_ms", "watched_ms", "rebuffer_ratio_cta2066"] {
        assert_eq!(qos[name], Value::Null, "{name}");
    }
    assert!(folder.well(&["resume", "p"]).contains(" ?"));
    assert_eq!(folder.well(&["history", "p"]), "profile p has only previews: add --previews to see them\n");
}

#[test]
fn help_has_examples_for_every_command() {
    let folder = Folder::new();
    let commands: [&[&str]; 12] = [
        &[],
        &["import"],
        &["schemas"],
        &["import", "viewing-activity"],
        &["ingest"],
        &["read"],
        &["resume"],
        &["continue-watching"],
        &["history"],
        &["session"],
        &["qos"],
        &["schemas", "check"],
    ];
    for command in commands {
        let help = folder.well(&[command, &["--help"]].concat());
        assert!(help.contains("Examples:\n  playhead ") || help.contains("Examples:\n  zcat"), "{help}");
    }
    assert!(folder.well(&["--version"]).starts_with("playhead 0."));
    assert!(!folder.well(&["--help"]).contains('\u{1b}'));
}
