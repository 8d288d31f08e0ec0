//! kill -9 at random moments of a redrive, and two at once: every letter goes back once.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pipeline::testing::Seeded;
use schemas::redrive::HEADER;
use serde_json::Value;

use super::lines;
use crate::support::{Folder, said};

/// Of each of the two runs of the test.
const KILLS: u64 = 8;

/// Viewers of whose events most were refused.
fn refused() -> (Folder, usize) {
    let folder = Folder::new();
    let mut simulate =
        folder.command(&["simulate", "--sessions", "60", "--seed", "5", "--start", "2026-01-05T00:00:00Z", "--duplicates", "5%"]);
    said(simulate.env("PLAYHEAD_PLAYBACK_MAX_SESSION_EVENTS", "10"));
    let (letters, summary) = lines(&folder.well(&["dlq", "list", "--json"]));
    assert!(letters.len() > 1_500, "{summary}");
    (folder, letters.len())
}

fn copy(folder: &Folder) -> Folder {
    let copy = Folder::new();
    let said = folder.run(&["backup", folder.data().to_str().unwrap(), copy.data().to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    let truth = copy.data().join("truth");
    std::fs::create_dir_all(&truth).unwrap();
    for file in std::fs::read_dir(folder.data().join("truth")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), truth.join(file.file_name())).unwrap();
    }
    copy
}

fn start(folder: &Folder) -> Child {
    folder.command(&["dlq", "redrive", "--all"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// How often each letter went back.
fn redriven(folder: &Folder) -> BTreeMap<String, u64> {
    let mut redriven = BTreeMap::new();
    for record in folder.json_lines(&["read", "playback_events"]) {
        if let Some(letter) = record["headers"].get(HEADER).and_then(Value::as_str) {
            *redriven.entry(letter.to_owned()).or_default() += 1;
        }
    }
    redriven
}

/// Every letter went back once or as a copy of one that did, and the sessions are what the viewers did.
fn assert_is_whole(folder: &Folder, letters: usize, what: &str) {
    let done = said(&mut folder.command(&["dlq", "redrive", "--all", "--json"]));
    assert_eq!(done.code, 0, "{what}: {done:?}");
    let redriven = redriven(folder);
    assert!(redriven.values().all(|times| *times == 1), "{what}: {:?}", redriven.iter().find(|(_, times)| **times > 1));
    let (_, summary) = lines(&said(&mut folder.command(&["dlq", "redrive", "--all", "--json"])).out);
    let count = |code: &str| summary[code].as_u64().unwrap_or(0);
    assert_eq!(count("already_redriven") + count("same_event_redriven"), letters as u64, "{what}: {summary}");
    assert_eq!(count("already_redriven"), redriven.len() as u64, "{what}: {summary}");
    assert_eq!(folder.run(&["audit"]).code, 0, "{what}");
    // Of the truth only the totals of the run differ: it knows of no refusals.
    let audited: Value = serde_json::from_str(&folder.run(&["audit", "--truth", "--json"]).out).unwrap();
    let figures = audited["truth"]["figures"].as_object().unwrap();
    assert!(figures.len() > 50, "{what}: {figures:?}");
    for (figure, compared) in figures.iter().filter(|(figure, _)| !figure.starts_with("totals.")) {
        assert_eq!(compared["differ"], 0, "{what}: {figure}: {audited}");
    }
}

#[test]
fn a_redrive_killed_at_any_moment_goes_on_as_if_nothing_had_been() {
    let (base, letters) = refused();
    let undisturbed = copy(&base);
    let started = Instant::now();
    assert_eq!(start(&undisturbed).wait().unwrap().code(), Some(0));
    let whole_us = u64::try_from(started.elapsed().as_micros()).unwrap();
    assert_is_whole(&undisturbed, letters, "undisturbed");

    let mut random = Seeded::new(3);
    let mut landed = 0;
    for number in 0.. {
        if landed >= KILLS {
            break;
        }
        assert!(number < 10 * KILLS, "the kills come too late");
        let folder = copy(&base);
        for _ in 0..3 {
            let mut process = start(&folder);
            // A moment, not a wait for anything: whatever the process is doing then, it dies.
            thread::sleep(Duration::from_micros(random.below(whole_us)));
            process.kill().unwrap();
            landed += u64::from(process.wait().unwrap().code().is_none());
        }
        assert_is_whole(&folder, letters, &format!("folder {number}"));
    }
}
