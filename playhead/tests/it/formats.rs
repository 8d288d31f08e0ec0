//! Data folders of other versions of the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Folder, testdata};

/// A data folder in which the snapshots have version 1: six simulated sessions, as the program of that time left it.
fn earlier() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.data()).unwrap();
    let archive = testdata("formats/data-folder-snapshots-1.tar.gz");
    let unpacked = Command::new("tar").args(["xzf", &archive, "-C"]).arg(folder.data()).status().unwrap();
    assert!(unpacked.success());
    folder
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { snapshots(&path) } else { vec![path] }).filter(|path| is_snapshot(path)).collect()
}

fn is_snapshot(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "snapshot")
}

/// The version of each snapshot: it stands behind eight bytes of magic.
fn versions(folder: &Folder) -> Vec<u8> {
    snapshots(&folder.data().join("snapshots")).iter().map(|path| fs::read(path).unwrap()[8]).collect()
}

const MORE: &[&str] = &["simulate", "--sessions", "3", "--seed", "8"];

#[test]
fn an_earlier_one_is_used_and_what_is_saved_of_states_made_anew() {
    let folder = earlier();
    assert_eq!(versions(&folder), [1; 8]);
    let resume = folder.well(&["qos"]);
    assert_eq!(folder.run(&["audit", "--truth"]).code, 0);
    assert_eq!(folder.well(&["qos"]), resume);

    let said = folder.run(MORE);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.err.matches("its version is 1, this program reads 2").count(), 8, "{}", said.err);
    assert_eq!(folder.run(&["audit", "--truth"]).code, 0);
    assert!(versions(&folder).contains(&2), "{:?}", versions(&folder));
    // From then on nothing is made anew.
    let said = folder.run(&["simulate", "--sessions", "3", "--seed", "9"]);
    assert_eq!((said.code, said.err.contains("its version")), (0, false), "{}", said.err);
}

#[test]
fn snapshots_of_a_newer_one_are_told_of_and_left_alone() {
    let folder = Folder::new();
    folder.well(&["simulate", "--sessions", "6", "--seed", "7"]);
    let paths = snapshots(&folder.data().join("snapshots"));
    for path in &paths {
        let mut bytes = fs::read(path).unwrap();
        bytes[8] = 3;
        fs::write(path, bytes).unwrap();
    }
    let said = folder.run(MORE);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.err.matches("its version is 3, this program reads 2").count(), paths.len(), "{}", said.err);
    assert_eq!(folder.run(&["audit", "--truth"]).code, 0);
    assert!(paths.iter().all(|path| path.exists()), "the newer program may come back");
}

#[test]
fn schemas_of_a_newer_one_are_refused_with_both_versions() {
    let folder = Folder::new();
    folder.well(&["simulate", "--sessions", "2", "--seed", "7"]);
    let path = folder.data().join("schemas.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"format\": 1", "\"format\": 2", 1)).unwrap();
    let said = folder.run(&["audit"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("has format 2, but this program knows formats up to 1"), "{}", said.err);
}
