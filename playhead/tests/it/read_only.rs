//! A data folder in which nothing may be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Folder, Said, said, testdata};

/// Nobody's user id on Linux. Root may write anywhere, so as root the program is run as nobody.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

fn run(program: &Path, folder: &Folder, args: &[&str]) -> Said {
    let mut command = Command::new(program);
    command.current_dir(folder.path("")).args(args).stdin(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    said(&mut command)
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn is_named_and_stays_as_it_is() {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    let before = folder.well(&["session", "sample-session"]);
    // A program that everyone may run, where the folders above the built one may be closed to others.
    let program = folder.path("playhead");
    fs::copy(env!("CARGO_BIN_EXE_playhead"), &program).unwrap();
    allow(&folder.path(""), 0o755);
    let files = || fs::read_dir(folder.data()).unwrap().map(|entry| entry.unwrap().path());
    files().filter(|path| path.is_file()).for_each(|path| allow(&path, 0o444));
    allow(&folder.data(), 0o555);

    let input = folder.write("more.ndjson", r#"{"session_id":"s","type":"END","event_time":"2024-05-04T20:00:00Z","title_id":"t"}"#);
    let commands: [&[&str]; 4] =
        [&["ingest", &input], &["simulate", "--sessions", "2"], &["dev", "--listen", "127.0.0.1:0"], &["session", "sample-session"]];
    for command in commands {
        let said = run(&program, &folder, command);
        assert_eq!(said.code, 2, "{command:?}: {said:?}");
        assert!(said.err.contains("playhead-data") && said.err.contains("ermission denied"), "{command:?}: {}", said.err);
    }
    // And where there is none yet.
    let said = run(&program, &folder, &["--data", "playhead-data/new", "simulate", "--sessions", "2"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("playhead-data/new") && said.err.contains("ermission denied"), "{}", said.err);

    allow(&folder.data(), 0o755);
    files().filter(|path| path.is_file()).for_each(|path| allow(&path, 0o644));
    assert_eq!(folder.well(&["session", "sample-session"]), before);
}
