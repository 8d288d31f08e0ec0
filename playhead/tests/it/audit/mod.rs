//! The audit finds what was broken on purpose, and names it. A folder that is well is taken apart and put together again with one thing
//! wrong.

mod books;
mod copies;
mod resume;
mod sessions;
mod truth;

use std::path::Path;
use std::sync::OnceLock;

use schemas::CleanPlaybackEvent;
use serde_json::{Value, json};

use crate::rebuilt::{Lying, Parts};
use crate::support::Folder;

const CLEAN: &str = "playback_events.clean";

const START: &str = "2026-01-05T00:00:00Z";

/// A simulated folder that is well.
fn healthy() -> &'static (Folder, Parts) {
    static HEALTHY: OnceLock<(Folder, Parts)> = OnceLock::new();
    HEALTHY.get_or_init(|| {
        let folder = Folder::new();
        let rates = ["--duplicates", "5%", "--disorder", "10%", "--late", "2%", "--poison", "1%"];
        folder.well(&[&["simulate", "--sessions", "40", "--seed", "3", "--start", START], &rates[..]].concat());
        let parts = Parts::of(&folder.data());
        (folder, parts)
    })
}

/// A folder with something wrong, and what the audit says to it.
struct Audited {
    folder: Folder,
    code: i32,
    report: Value,
}

impl Audited {
    fn with(damage: impl FnOnce(&mut Parts)) -> Self {
        Self::of(damage, |_| {}, &["audit", "--json"])
    }

    fn of(damage: impl FnOnce(&mut Parts), after: impl FnOnce(&Path), args: &[&str]) -> Self {
        let (healthy, parts) = healthy();
        let mut parts = parts.clone();
        damage(&mut parts);
        let folder = Folder::new();
        parts.write(&healthy.data(), &folder.data());
        after(&folder.data());
        let said = folder.run(args);
        assert_eq!(said.err, "");
        Self { code: said.code, report: serde_json::from_str(&said.out).unwrap(), folder }
    }

    fn section(&self, section: &str) -> &Value {
        let report = &self.report;
        match section {
            "books" => &report["books"]["findings"],
            "sessions" => &report["sessions"][0]["findings"],
            "summaries" => &report["sessions"][1]["findings"],
            other => &report[other]["findings"],
        }
    }

    /// Exactly these findings, in this section and no other: fault, place, and what the detail must contain.
    #[track_caller]
    fn finds(&self, section: &str, expected: &[(&str, &str, &str)]) {
        assert_eq!(self.code, 1, "{}", self.report);
        assert_eq!(self.report["agrees"], false);
        for other in ["books", "sessions", "summaries", "resume", "truth"] {
            let count = self.section(other)["count"].as_u64().unwrap_or_default();
            let must = if other == section { expected.len() as u64 } else { 0 };
            assert_eq!(count, must, "{other}: {}", self.section(other));
        }
        let found = self.section(section)["first"].as_array().unwrap();
        for (finding, (fault, place, detail)) in found.iter().zip(expected) {
            assert_eq!((&finding["fault"], &finding["place"]), (&json!(fault), &json!(place)), "{finding}");
            assert!(finding["detail"].as_str().unwrap().contains(detail), "{finding} does not say {detail}");
        }
        // A person is told the same.
        let said = self.folder.run(&["audit"]);
        let last = if section == "truth" { "the books agree" } else { "the books DIFFER" };
        assert!(said.out.contains(last), "{}", said.out);
    }

    fn are_sums_equal(&self) -> Vec<bool> {
        let books = self.report["books"]["partitions"].as_array().unwrap();
        books.iter().map(|books| books["sums_equal"].as_bool().unwrap()).collect()
    }
}

/// The place of a record of a partition that is no heartbeat, about the middle.
fn middle(records: &[Lying]) -> usize {
    (records.len() / 2..records.len()).find(|&index| records[index].value.is_some()).unwrap()
}

/// Where a clean record says that it came from.
fn source_of(parts: &Parts, record: &Lying) -> i64 {
    let decoder = parts.decoder::<CleanPlaybackEvent<'_>>();
    decoder.decode::<CleanPlaybackEvent<'_>>(record.value.as_deref().unwrap()).unwrap().prefix.source_offset
}

#[test]
fn a_folder_built_again_without_damage_is_well() {
    let audited = Audited::of(|_| {}, |_| {}, &["audit", "--truth", "--json"]);
    assert_eq!((audited.code, &audited.report["agrees"]), (0, &json!(true)), "{}", audited.report);
    assert_eq!(audited.report["truth"]["sessions"], 40);
    assert!(audited.report["truth"]["figures"]["playback_sessions.media_ms"]["compared"] == 40);
    assert_eq!(audited.report["pending"], 0);
    let said = audited.folder.well(&["audit", "--truth"]);
    assert!(said.contains("PARTITION") && said.ends_with("the books agree\n"), "{said}");
}

#[test]
fn what_is_not_processed_yet_is_pending_and_no_fault() {
    let audited = Audited::with(|parts| {
        let raw = parts.log["playback_events"][2][middle(&parts.log["playback_events"][2])].clone();
        parts.topic("playback_events")[2].extend([raw.clone(), raw]);
        parts.unprocessed.insert(("playback_events", 2), 2);
        // The store is one record behind.
        parts.store_topic("playback_sessions")[1].pop();
        let last = parts.log["playback_sessions"][1].iter().rposition(|record| record.value.is_some()).unwrap();
        parts.store_topic("playback_sessions")[1].truncate(last);
    });
    assert_eq!(audited.code, 0, "{}", audited.report);
    assert_eq!((&audited.report["agrees"], &audited.report["pending"]), (&json!(true), &json!(3)), "{}", audited.report);
    assert_eq!(audited.report["books"]["partitions"][2]["pending"], 2);
    assert_eq!(audited.report["sessions"][0]["pending"], 1);
    assert!(audited.folder.well(&["audit"]).contains("pending: 3 records not processed yet"));
}

#[test]
fn an_audit_changes_nothing() {
    let audited = Audited::with(|_| {});
    let before = Parts::of(&audited.folder.data());
    audited.folder.well(&["audit"]);
    let after = Parts::of(&audited.folder.data());
    assert!(before.log == after.log);
}
