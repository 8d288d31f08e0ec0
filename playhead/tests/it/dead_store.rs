//! An object store that does not answer costs time, never a result, and is told of in words.

use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use crate::support::{Folder, Said, said};

/// Runs that do not touch each other: the log does not go on behind the beginning of the second.
const RUNS: [[&str; 9]; 2] = [run("1", "2026-01-05T00:00:00Z"), run("2", "2026-02-05T00:00:00Z")];

const fn run(seed: &'static str, start: &'static str) -> [&'static str; 9] {
    ["simulate", "--sessions", "50", "--seed", seed, "--start", start, "--late", "2%"]
}

/// The command with saved states in a bucket whose server nobody is.
fn without_store<'c>(command: &'c mut Command, address: &str) -> &'c mut Command {
    command
        .env("PLAYHEAD_STATE_SNAPSHOTS", "s3://bucket/prefix")
        .env("PLAYHEAD_STATE_S3_ENDPOINT", format!("http://{address}"))
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
}

fn check(what: &str, said: &Said) {
    assert_eq!(said.code, 0, "{what}: {said:?}");
    let lines: Vec<&str> = said.err.lines().collect();
    assert!(lines.iter().any(|line| line.contains("was not written: s3://bucket/prefix: ")), "{what}: {said:?}");
    for line in lines {
        assert!(line.starts_with("playhead: snapshot playback/") || line.starts_with("playhead: snapshot profile/"), "{what}: {line}");
        assert!(line.contains(": s3://bucket/prefix: Connection refused (os error 111)"), "{what}: {line}");
    }
}

#[test]
fn every_figure_comes_out_without_the_store() {
    let folder = Folder::new();
    // Nobody listens where somebody has just ceased to.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for run in RUNS {
        check(&format!("{run:?}"), &said(without_store(&mut folder.command(&run), &address)));
    }
    let report = folder.json(&["audit", "--truth"]);
    assert_eq!((&report["agrees"], &report["pending"]), (&json!(true), &json!(0)), "{report}");
    // What could not be saved is not left here either.
    assert!(!folder.data().join("snapshots").exists());
    let mut left = Vec::new();
    files(&folder.data().join("snapshots-cache"), &mut left);
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
}

fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}
