//! On the local log.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use pipeline::local::{LocalLane, LocalLog};
use pipeline::{Log as _, Outputs, Spread};
use schemas::registry::Registry;
use schemas::{PlaybackEvent, Record as _};
use serde_json::{Value, json};

use super::poison::{Ids, Poison, event, framed, playback};
use super::{lines, verdicts};
use crate::dev_server::Dev;
use crate::support::{Folder, Said, said};

/// 2026-01-05T20:00:00Z.
const AT_MS: i64 = 1_767_643_200_000;
const RECEIVED: &str = "2026-01-05T20:10:00Z";

/// A session of so many events, all with ids, a second apart; the first one starts it and the last one ends it.
fn session(id: &str, events: i64) -> String {
    let line = |number: i64| {
        let kind = if number == 0 {
            "SESSION_START"
        } else if number == events - 1 {
            "END"
        } else {
            "HEARTBEAT"
        };
        let at = AT_MS + number * 1_000;
        json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": id, "sequence": number, "type": kind,
            "event_time": at * 1000, "title_id": "t", "profile_id": "p", "position_ms": number * 1_000,
        })
        .to_string()
    };
    (0..events).map(|number| line(number) + "\n").collect()
}

fn ingest(folder: &Folder, events: &str, most_events: Option<u32>) -> Said {
    let file = folder.write("events.ndjson", events);
    let mut command = folder.command(&["ingest", &file, "--received-time", RECEIVED]);
    if let Some(most) = most_events {
        command.env("PLAYHEAD_PLAYBACK_MAX_SESSION_EVENTS", most.to_string());
    }
    said(&mut command)
}

/// Appends raw records to a topic of a folder that nobody owns now.
fn append(folder: &Folder, partition: u32, at_ms: i64, records: &[Poison]) {
    let log = LocalLog::open(&folder.data().join("log.redb")).unwrap();
    let topics = [log.output_topic("playback_events", Spread::Unmarked).unwrap()];
    let mut lane = LocalLane::new(&log, "test", &[], &topics).unwrap();
    let mut out = Outputs::new(&topics);
    for Poison { key, value, .. } in records {
        out.push_copy(0, partition, at_ms, key.as_deref(), value.as_deref(), []);
    }
    lane.send(&mut out).unwrap();
    lane.commit(&[]).unwrap();
}

fn registry(folder: &Folder) -> Arc<Mutex<Registry>> {
    let file: Value = serde_json::from_slice(&std::fs::read(folder.data().join("schemas.json")).unwrap()).unwrap();
    Arc::new(Mutex::new(serde_json::from_value(file["registry"].clone()).unwrap()))
}

/// Newest rows of a session: how many events each counts.
fn event_counts(folder: &Folder, session: &str) -> Vec<Value> {
    let shown = folder.json(&["session", session]);
    shown["rows"].as_array().unwrap_or_else(|| panic!("{shown}")).iter().map(|row| row["event_count"].clone()).collect()
}

fn redrive(folder: &Folder, code: i32, args: &[&str]) -> String {
    let said = folder.run(&[&["dlq", "redrive", "--json"], args].concat());
    assert_eq!((said.code, said.err.as_str()), (code, ""), "{args:?}: {}", said.out);
    said.out
}

/// A limit that cost a session events is raised: they come back, once, and the session is what it would have been.
#[test]
fn after_a_limit_was_raised_every_event_arrives_once() {
    let folder = Folder::new();
    assert_eq!(ingest(&folder, &session("s1", 12), Some(4)).code, 1);
    let (letters, summary) = lines(&folder.well(&["dlq", "list", "--json"]));
    assert_eq!((letters.len(), &summary["by_reason"]), (8, &json!({"session_too_long": 8})));

    let dry = redrive(&folder, 0, &["--dry-run"]);
    assert!(verdicts(&dry).iter().all(|(_, verdict)| verdict == "would_redrive"), "{dry}");
    assert_eq!(lines(&folder.well(&["dlq", "list", "--json", "--redriven", "no"])).0.len(), 8, "a dry run marks nothing");
    let done = redrive(&folder, 0, &["--reason", "session_too_long"]);
    assert_eq!(verdicts(&dry).len(), 8);
    assert_eq!(lines(&done).1["redriven"], 8);
    assert_eq!(event_counts(&folder, "s1"), [12]);
    folder.well(&["audit"]);

    let again = redrive(&folder, 0, &["--all"]);
    assert_eq!((lines(&again).1["already_redriven"].clone(), lines(&again).1["redriven"].clone()), (json!(8), Value::Null));
    assert_eq!(event_counts(&folder, "s1"), [12]);
    // The client, or whoever has the file, sends it all again.
    assert_eq!(ingest(&folder, &session("s1", 12), None).code, 0);
    assert_eq!(event_counts(&folder, "s1"), [12]);
    folder.well(&["audit"]);

    // As if there had been no limit, but for when it was said.
    let unlimited = Folder::new();
    assert_eq!(ingest(&unlimited, &session("s1", 12), None).code, 0);
    let figures = |folder: &Folder| {
        let mut shown = folder.json(&["session", "s1"]);
        shown["qos"].take()
    };
    assert_eq!(figures(&folder), figures(&unlimited));
}

/// State is a function of the log, also where records went back: restored from the log alone it goes on as the state that was saved.
#[test]
fn a_restore_after_a_redrive_comes_to_the_same_state() {
    let folder = Folder::new();
    assert_eq!(ingest(&folder, &session("s1", 12), Some(4)).code, 1);
    redrive(&folder, 0, &["--all"]);
    let said = folder.run(&["backup", folder.data().to_str().unwrap(), folder.path("copy").to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(folder.data().join("snapshots").exists() && !folder.path("copy/snapshots").exists(), "a copy has the log alone");
    let more = folder.write(
        "more.ndjson",
        [session("s1", 12), session("s2", 3)].concat().replace("0000-4000-8000-00000000001", "0000-4000-8000-00000000007"),
    );
    let go_on = |data: &str| folder.well(&["--data", data, "ingest", &more, "--received-time", RECEIVED, "--json"]);
    let (kept, restored) = (folder.data(), folder.path("copy"));
    let (kept, restored) = (kept.to_str().unwrap(), restored.to_str().unwrap());
    let figures = |said: &str| {
        let mut said: Value = serde_json::from_str(said).unwrap();
        said["seconds"].take();
        said
    };
    assert_eq!(figures(&go_on(kept)), figures(&go_on(restored)));
    for topic in ["playback_events.clean", "playback_sessions", "qos_session_summary", "viewing_progress", "dead_letters"] {
        let read = |data: &str| folder.well(&["--data", data, "read", topic, "--json", "--heartbeats"]);
        let (kept, restored) = (read(kept), read(restored));
        assert_eq!(kept, restored, "{topic}");
        assert!(!kept.is_empty(), "{topic}");
    }
    folder.well(&["--data", restored, "audit"]);
}

/// Refused for a schema that nobody had registered; it is registered, and the owner of the folder redrives.
#[test]
fn after_a_schema_was_registered_the_event_arrives_once() {
    let folder = Folder::new();
    assert_eq!(ingest(&folder, &session("s2", 3), None).code, 0);
    let next_id = {
        let known = registry(&folder);
        let id =
            schemas::SchemaSource::register(known.as_ref(), "probe-value", r#"{"type": "record", "name": "Probe", "fields": []}"#).unwrap();
        // Those of the stages come first, in whatever order.
        id + 20
    };
    // The owner's heartbeats move log time to now.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at_ms = i64::try_from(now.as_millis()).unwrap() - 3_600_000;
    let value = framed(next_id, &event(9, at_ms));
    let record = Poison { reason: schemas::Reason::UnknownSchemaId, key: Some(b"s".to_vec()), value: Some(value) };
    append(&folder, pipeline::partition_for(b"s", 4), at_ms, &[record.clone(), record]);
    let listed = lines(&folder.well(&["dlq", "list", "--json"]));
    assert_eq!(listed.1["by_reason"], json!({"unknown_schema_id": 2}));
    // Refused again while nobody knows it: another letter, with one attempt more, and nothing goes back by itself.
    let said = folder.run(&["dlq", "redrive", "--all", "--limit", "1"]);
    assert_eq!(said.code, 1, "{said:?}");
    let name = listed.0[0]["name"].as_str().unwrap();
    let shown = folder.json(&["dlq", "show", name]);
    assert_eq!(shown["came_again"][0]["reason"], "unknown_schema_id");
    let again = folder.json(&["dlq", "show", shown["came_again"][0]["id"].as_str().unwrap()]);
    assert_eq!((&again["attempts"], &again["came_of"], &again["raw"]), (&json!(2), &listed.0[0]["id"], &listed.0[0]["raw"]));
    assert_eq!(lines(&folder.well(&["dlq", "list", "--json"])).0.len(), 3);

    let dev = Dev::start(&folder);
    let newer = |text: &str| PlaybackEvent::SCHEMA.replacen("What a video player", text, 1);
    for number in 0.. {
        let body = json!({"schema": newer(&format!("What player {number}"))}).to_string();
        let response = dev.try_post_text("/apis/registry/subjects/playback_events-value/versions", &body).unwrap();
        let id = response.json()["id"].as_u64().unwrap_or_else(|| panic!("{response:?}"));
        assert!(id <= u64::from(next_id), "{id} {next_id}");
        if id == u64::from(next_id) {
            break;
        }
    }
    let done = redrive(&folder, 0, &["--all"]);
    let mut codes: Vec<String> = verdicts(&done).into_iter().map(|(_, verdict)| verdict).collect();
    codes.sort();
    // The first is done; of it came the third, which goes; the second is a copy of the same event.
    assert_eq!(codes, ["already_redriven", "redriven", "same_event_redriven"]);
    dev.until("/sessions?limit=10", |sessions| sessions.to_string().contains("\"s\""));
    assert_eq!(dev.end_by("-TERM").0, Some(0));
    let passed_on = folder.json_lines(&["read", "playback_events.clean"]);
    assert_eq!(passed_on.iter().filter(|record| record["key"] == "s").count(), 1, "{passed_on:?}");
    folder.well(&["audit"]);
}

#[test]
fn letters_are_listed_and_shown_to_people() {
    let folder = Folder::new();
    assert_eq!(ingest(&folder, &session("s1", 6), Some(4)).code, 1);
    let ids = Ids::of_file(&registry(&folder), 4_000_000);
    let poison = playback(&ids, AT_MS);
    append(&folder, 1, AT_MS, &poison);
    let text = folder.well(&["dlq", "list", "--limit", "5"]);
    assert!(text.starts_with("LETTER"), "{text}");
    assert!(text.contains("and 18 more: --limit shows more of them") && text.contains("23 letters, 0 redriven:\n"), "{text}");
    assert!(text.contains("  unknown_schema_id") && text.contains("redrive once the schema is registered"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("playback_events-")).count(), 5, "{text}");

    let list = |args: &[&str]| lines(&folder.well(&[&["dlq", "list", "--json"], args].concat()));
    assert_eq!(list(&[]).1["letters"], 23);
    assert_eq!(list(&["--limit", "2"]).0.len(), 2);
    assert_eq!(list(&["--reason", "bad_rate"]).0.len(), 1);
    assert_eq!(list(&["--stage", "profile"]).0.len(), 0);
    assert_eq!(
        list(&["--partition", "1"]).0.len()
            + list(&["--partition", "0"]).0.len()
            + list(&["--partition", "2"]).0.len()
            + list(&["--partition", "3"]).0.len(),
        23
    );
    assert_eq!((list(&["--topic", "viewing_progress"]).0.len(), list(&["--topic", "playback_events"]).0.len()), (0, 23));
    assert_eq!((list(&["--since", "2030-01-01"]).0.len(), list(&["--until", "2030-01-01"]).0.len()), (0, 23));
    redrive(&folder, 1, &["--reason", "bad_country"]);
    assert_eq!((list(&["--redriven", "yes"]).0.len(), list(&["--redriven", "no"]).0.len()), (1, 23));

    let show = |reason: &str| {
        let (letters, _) = list(&["--reason", reason]);
        (letters[0].clone(), folder.well(&["dlq", "show", letters[0]["name"].as_str().unwrap()]))
    };
    let (letter, text) = show("bad_country");
    for part in [
        letter["id"].as_str().unwrap(),
        "reason   bad_country: country: ",
        "to do    mend",
        "title_id",
        "history  redriven at",
        "history  refused again at",
    ] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    let (_, text) = show("undecodable");
    for part in ["session_id", "not readable: undecodable: field", "00000000  00 00 00 00", "history  not redriven yet"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    let (_, text) = show("not_framed");
    assert!(text.contains("|{\"json\":true}|") && !text.contains("session_id"), "{text}");
    let (letter, text) = show("record_too_large");
    assert!(
        text.contains("of which the letter has the first 64 KiB; SHA-256") && text.contains("and 61,440 bytes more: --json has all"),
        "{text}"
    );
    assert_eq!(folder.json(&["dlq", "show", letter["id"].as_str().unwrap()])["value"]["session_id"], "s");

    let none = folder.run(&["dlq", "show", "playback_events-0-999-playback"]);
    assert_eq!(none.code, 1, "{none:?}");
    for args in [
        &["dlq", "show", "nonsense"][..],
        &["dlq", "redrive", "playback_events-0-999"],
        &["dlq", "list", "--reason", "bad_mood"],
        &["dlq", "list", "--redriven", "maybe"],
    ] {
        let said = folder.run(args);
        assert_eq!((said.code, said.err.lines().count()), (2, 1), "{said:?}");
    }
    let out = redrive(&folder, 1, &["playback_events-0-999-playback"]);
    assert_eq!(verdicts(&out), [(String::new(), "not_found".to_owned())]);
}
