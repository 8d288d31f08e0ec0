use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Folder, testdata};

/// One process owns the folder: a second one is told who, and what it does.
#[test]
fn a_second_owner_is_refused_by_name() {
    let folder = Folder::new();
    let mut owner =
        folder.command(&["ingest", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = owner.stdin.take().unwrap();
    // Enough for a batch: its first verdict says that the owner has the folder.
    for _ in 0..5_000 {
        lines.write_all(b"nonsense\n").unwrap();
    }
    lines.flush().unwrap();
    let mut verdicts = BufReader::new(owner.stdout.take().unwrap());
    let mut verdict = String::new();
    verdicts.read_line(&mut verdict).unwrap();
    assert!(verdict.contains("not_json"), "{verdict}");

    let second = folder.run(&["resume", "p3"]);
    assert_eq!(second.code, 2);
    let expected = format!("playhead-data is in use by process {} (playhead ingest - --json)", owner.id());
    assert!(second.err.contains(&expected), "{} is not in {}", expected, second.err);
    assert_eq!(second.err.lines().count(), 1);

    drop(lines);
    std::io::copy(&mut verdicts, &mut std::io::sink()).unwrap();
    assert_eq!(owner.wait().unwrap().code(), Some(1));
    // The system lets go of the lock with the process.
    assert_eq!(folder.run(&["qos"]).code, 0);
}

#[test]
fn a_killed_owner_leaves_a_folder_that_opens() {
    let folder = Folder::new();
    let mut owner =
        folder.command(&["ingest", "-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = owner.stdin.take().unwrap();
    let event = r#"{"session_id":"s1","type":"PLAY","event_time":1714852800000000,"received_time":1714852801000000,"title_id":"t1"}"#;
    for number in 0..5_000 {
        // One bad line a batch, to hear of it.
        let line = if number == 0 { "nonsense".repeat(1_500) } else { event.replace("s1", &format!("s{number}")) };
        writeln!(lines, "{line}").unwrap();
    }
    let bad = "nonsense\n".repeat(5_000);
    lines.write_all(bad.as_bytes()).unwrap();
    lines.flush().unwrap();
    let mut verdicts = BufReader::new(owner.stdout.take().unwrap());
    let mut verdict = String::new();
    verdicts.read_line(&mut verdict).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    // What had a verdict is in the log; the stages that were not reached are made up for by the next command.
    let clean = folder.json_lines(&["read", "playback_events.clean"]);
    assert_eq!(clean.iter().filter(|record| record["value"] != Value::Null).count(), 4_999);
    let sent: String = (1..5_000).map(|number| event.replace("s1", &format!("s{number}")) + "\n").collect();
    let said = folder.run(&["ingest", &folder.write("again.ndjson", sent)]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("4,999 sessions in the store"), "{}", said.out);
    assert!(said.out.contains("4,999 duplicates"), "{}", said.out);
}

/// The log is the truth: a store that is gone is filled again.
#[test]
fn a_lost_store_is_filled_again_from_the_log() {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    let ask = || [["resume", "viewer-1"], ["history", "viewer-1"], ["session", "sample-session"]].map(|question| folder.well(&question));
    let before = ask();
    std::fs::remove_file(folder.data().join("serving.redb")).unwrap();
    assert_eq!(ask(), before);
}
