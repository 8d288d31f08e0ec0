//! kill -9 at random moments of an import, and whatever then becomes of the saved states: in the end every topic and answer is that of a
//! run that nobody disturbed.
//!
//! `PLAYHEAD_KILLS` says how many; a few without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use pipeline::testing::Seeded;

use crate::support::{Folder, RECEIVED, testdata};

const KILLS_A_FOLDER: u64 = 4;
/// Each comes from one input partition, so that its order counts.
const IN_ORDER: [&str; 4] = ["playback_events", "playback_events.clean", "playback_sessions", "qos_session_summary"];
/// Re-keyed: only what comes from one input partition has an order.
const RE_KEYED: [&str; 4] = ["viewing_progress", "active_streams", "dead_letters", "ledger"];

fn import(file: &str) -> [&str; 5] {
    ["import", "viewing-activity", file, "--received-time", RECEIVED]
}

/// Every topic as it can be compared, and some answers of the store.
fn outcome(folder: &Folder) -> Vec<(String, Vec<String>)> {
    let lines = |topic: &str| folder.well(&["read", topic, "--json", "--heartbeats"]);
    // The identity of a topic is another one in each folder.
    let topic_id: String = lines("playback_events.clean").split_once("\"source_topic_id\":").unwrap().1.chars().take(38).collect();
    let read = |topic: &str| -> Vec<String> { lines(topic).lines().map(|line| line.replace(&topic_id, "its id")).collect() };
    let in_order = IN_ORDER.map(|topic| (topic.to_owned(), read(topic)));
    let re_keyed = RE_KEYED.map(|topic| {
        // Where in its partition a record lies depends on what else comes there.
        let without_offset = |line: &String| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            record.as_object_mut().unwrap().remove("offset");
            record.to_string()
        };
        let mut lines: Vec<String> = read(topic).iter().map(without_offset).collect();
        lines.sort_unstable();
        (topic.to_owned(), lines)
    });
    // What the profile stage publishes on the way depends on which input partition comes first; what the store keeps does not.
    let mut profiles: Vec<String> =
        folder.json_lines(&["read", "viewing_progress"]).iter().map(|record| record["key"].to_string()).collect();
    profiles.sort_unstable();
    profiles.dedup();
    let answers = profiles.iter().flat_map(|profile| ["resume", "history"].map(|question| [question, profile.trim_matches('"'), "--json"]));
    let answers = answers.map(|question| (question.join(" "), vec![folder.well(&question)]));
    in_order.into_iter().chain(re_keyed).chain(answers).collect()
}

fn snapshots(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { snapshots(&path, found) } else { found.push(path) }
    }
}

/// Deletes or damages some of the saved states, or leaves them as they are.
fn tamper(folder: &Folder, random: &mut Seeded) {
    let mut files = Vec::new();
    snapshots(&folder.data().join("snapshots"), &mut files);
    match random.below(4) {
        0 => files.iter().for_each(|file| fs::remove_file(file).unwrap()),
        1 => files.iter().for_each(|file| {
            let mut bytes = fs::read(file).unwrap();
            if !bytes.is_empty() {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
                fs::write(file, bytes).unwrap();
            }
        }),
        _ => {}
    }
}

#[test]
fn a_process_killed_at_any_moment_goes_on_as_if_nothing_had_been() {
    let kills: u64 = std::env::var("PLAYHEAD_KILLS").map_or(8, |kills| kills.parse().expect("PLAYHEAD_KILLS is a number"));
    let file = testdata("viewing-activity/viewing_activity.csv.gz");
    let undisturbed = Folder::new();
    let started = Instant::now();
    undisturbed.well(&import(&file));
    let whole_us = started.elapsed().as_micros() as u64;
    let expected = outcome(&undisturbed);
    let mut files = Vec::new();
    snapshots(&undisturbed.data().join("snapshots"), &mut files);
    assert!(!files.is_empty(), "states are saved when a run ends");

    let mut random = Seeded::new(1);
    let mut died = 0;
    for round in 0..kills.div_ceil(KILLS_A_FOLDER) {
        let folder = Folder::new();
        for _ in 0..KILLS_A_FOLDER {
            let mut owner = folder.command(&import(&file)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // A moment, not a wait for anything: whatever the process is doing then, it dies.
            thread::sleep(Duration::from_micros(random.below(whole_us)));
            owner.kill().unwrap();
            died += u64::from(!owner.wait().unwrap().success());
            tamper(&folder, &mut random);
        }
        let said = folder.run(&import(&file));
        assert_eq!(said.code, 0, "round {round}: {said:?}");
        for ((what, got), (_, expected)) in outcome(&folder).iter().zip(&expected) {
            let difference = (0..got.len().max(expected.len())).find(|&line| got.get(line) != expected.get(line));
            if let Some(line) = difference {
                panic!("round {round}, {what}, line {line}:\n{:?} instead of\n{:?}", got.get(line), expected.get(line));
            }
        }
    }
    assert!(died > 0, "none of {kills} died before it was done");
}
