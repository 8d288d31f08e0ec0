//! `playhead backup`: a copy that opens, and says the same.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::dev_server::{Dev, session};
use crate::support::{Folder, testdata};

const QUESTIONS: [&[&str]; 4] = [&["resume", "viewer-1"], &["history", "viewer-1"], &["session", "sample-session"], &["qos"]];

fn data(folder: &Folder, name: &str) -> String {
    folder.path(name).to_str().unwrap().to_owned()
}

/// Every record of every topic, heartbeats among them.
fn records(folder: &Folder, name: &str) -> Vec<String> {
    let topics =
        ["playback_events", "playback_events.clean", "playback_sessions", "qos_session_summary", "viewing_progress", "resume_state"];
    topics.map(|topic| folder.well(&["--data", &data(folder, name), "read", topic, "--heartbeats", "--json"])).to_vec()
}

#[test]
fn a_copy_of_a_folder_that_nobody_uses() {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    folder.well(&["backup", "playhead-data", "copy"]);
    assert_eq!(records(&folder, "copy"), records(&folder, "playhead-data"));
    for question in QUESTIONS {
        assert_eq!(folder.well(&[&["--data", "copy"], question].concat()), folder.well(question));
    }
    // Nothing but the copy is left behind, and it goes on like any other folder.
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 2);
    folder.well(&["--data", "copy", "ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    assert_eq!(folder.json(&["--data", "copy", "session", "sample-session"])["rows"][0]["event_count"], 32);
}

#[test]
fn what_cannot_be_copied_or_is_there_is_named() {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    let there = folder.write("there", "mine");
    let cases: [(&[&str], &str); 4] = [
        (&["backup", "playhead-data", &there], "there is there already"),
        (&["backup", "playhead-data", "playhead-data"], "playhead-data is there already"),
        (&["backup", "nothing", "copy"], "there is no data in nothing"),
        (&["backup", "playhead-data", "no/such/folder"], "no/such"),
    ];
    for (args, expected) in cases {
        let said = folder.run(args);
        assert!(said.code == 2 && said.err.contains(expected) && said.err.lines().count() == 1, "{args:?}: {said:?}");
    }
    assert_eq!(std::fs::read_to_string(there).unwrap(), "mine");
    assert!(!folder.path("copy").exists());
}

/// Events go on coming in all the while: the copy holds all that was answered before, and stands at one moment.
#[test]
fn a_copy_of_a_folder_in_use() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    for number in 0..50 {
        dev.accepted(&session(&format!("before-{number}")));
    }
    let is_copied = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut number = 0;
            while !is_copied.load(Ordering::Relaxed) {
                dev.accepted(&session(&format!("meanwhile-{number}")));
                number += 1;
            }
        });
        // Through the owner, which works in a folder of its own: the path is that of whoever asks.
        let copied = folder.run(&["backup", "playhead-data", "copy"]);
        is_copied.store(true, Ordering::Relaxed);
        assert_eq!((copied.code, copied.err.as_str()), (0, ""));
    });
    let again = folder.run(&["backup", "playhead-data", "copy"]);
    assert!(again.code == 2 && again.err.contains("copy is there already"), "{again:?}");
    assert_eq!(dev.end_by("-TERM").0, Some(0));

    let raw = |name: &str| folder.json_lines(&["--data", &data(&folder, name), "read", "playback_events"]);
    let (whole, copy) = (raw("playhead-data"), raw("copy"));
    let in_partition = |records: &[Value], partition: u32| -> Vec<Value> {
        records.iter().filter(|record| record["partition"] == partition).cloned().collect()
    };
    for partition in 0..4 {
        let (whole, copy) = (in_partition(&whole, partition), in_partition(&copy, partition));
        assert!(copy.len() <= whole.len());
        assert_eq!(copy, whole[..copy.len()], "partition {partition}");
    }
    for number in 0..50 {
        let session = folder.json(&["--data", "copy", "session", &format!("before-{number}")]);
        assert_eq!(session["rows"][0]["event_count"], json!(4), "session {number}");
    }
    let sessions: u64 =
        folder.json(&["--data", "copy", "qos"]).as_array().unwrap().iter().map(|group| group["sessions"].as_u64().unwrap()).sum();
    assert_eq!(sessions * 4, copy.len() as u64);
}
