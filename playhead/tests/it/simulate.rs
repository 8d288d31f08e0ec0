//! What the stores come to is what the simulated viewers did.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};

use crate::support::Folder;

const START: &str = "2026-01-05T00:00:00Z";

/// The lines of a truth file of the only run in the folder.
fn truth(folder: &Folder, kind: &str) -> Vec<Value> {
    let files = fs::read_dir(folder.data().join("truth")).unwrap().map(|file| file.unwrap().path());
    let file = files.into_iter().find(|file| file.to_str().unwrap().ends_with(&format!(".{kind}.ndjson"))).unwrap();
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn content(view: &Value) -> String {
    view["episode_id"].as_str().unwrap_or(text(view, "title_id")).to_owned()
}

/// Every figure that is told here and there must be the same; what cannot be proven is passed over.
fn compare(what: &str, told: &Value, found: &Map<String, Value>, differences: &mut Vec<String>) -> usize {
    let unprovable: Vec<&str> = told["unprovable"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut compared = 0;
    for (name, value) in told.as_object().unwrap() {
        let Some(other) = found.get(name).filter(|_| !unprovable.contains(&name.as_str())) else { continue };
        compared += 1;
        if value != other {
            differences.push(format!("{what}: {name} is {other}, must be {value}"));
        }
    }
    compared
}

/// Holds the store to the truth; how many figures were compared, and how many nobody can know.
fn check(folder: &Folder) -> (u64, u64) {
    let report = folder.json(&["audit", "--truth"]);
    assert_eq!((&report["agrees"], &report["pending"]), (&json!(true), &json!(0)), "{report}");
    let figures = report["truth"]["figures"].as_object().unwrap();
    let sum = |of: &str| figures.values().map(|figure| figure[of].as_u64().unwrap()).sum();
    (sum("compared"), sum("unprovable"))
}

#[test]
fn stores_come_to_the_truth_under_duplicates_disorder_late_events_and_poison() {
    let folder = Folder::new();
    let rates = ["--duplicates", "5%", "--disorder", "10%", "--late", "2%", "--poison", "1%"];
    let summary = folder.json(&[&["simulate", "--seed", "1", "--sessions", "300", "--start", START], &rates[..]].concat());
    let totals = &truth(&folder, "totals")[0];
    let mut noted = summary["simulated"].clone();
    noted["log"] = "folder".into();
    assert_eq!(&noted, totals, "with where the run went");
    assert_eq!(totals["sessions_in_log"], 300);
    for (name, at_least) in [("duplicates", 1_000), ("disordered", 1_500), ("late", 400), ("poison", 200)] {
        assert!(totals[name].as_u64().unwrap() >= at_least, "{name}: {totals}");
    }
    // Each session has a dozen figures in one row, and three dozen in the other.
    let (compared, unprovable) = check(&folder);
    assert!(compared > 300 * 50, "{compared}");
    assert_eq!(unprovable, 0);

    assert_eq!(summary["duplicates"], totals["duplicates"]);
    assert_eq!(summary["sessions"], 300);
    assert_eq!(summary["unreported_sessions"], 0);
    let raw = folder.json_lines(&["read", "playback_events"]).len();
    assert_eq!(json!(raw), totals["raw_records"]);
    assert_eq!(json!(folder.json_lines(&["read", "playback_events.clean"]).len()), totals["distinct_events"]);
    let mut dead_letters = BTreeMap::<String, u64>::new();
    for letter in folder.json_lines(&["read", "dead_letters"]) {
        *dead_letters.entry(text(&letter["value"], "reason").to_owned()).or_default() += 1;
    }
    assert_eq!(json!(dead_letters), totals["dead_letters"]);
}

#[test]
fn stores_come_to_what_can_be_known_where_events_are_lost() {
    let folder = Folder::new();
    let rates = ["--duplicates", "3%", "--disorder", "10%", "--late", "3%", "--lost", "4%"];
    folder.json(&[&["simulate", "--seed", "2", "--sessions", "300", "--start", START], &rates[..]].concat());
    let sessions = truth(&folder, "sessions");
    let damaged = |session: &&Value| session["unprovable"] != json!([]);
    let with_gaps = |session: &&Value| session["lost_events"] != 0;
    assert!(sessions.iter().filter(damaged).count() > 50);
    assert!(sessions.iter().filter(with_gaps).filter(|session| !damaged(session)).count() > 50);
    let (compared, unprovable) = check(&folder);
    assert!(compared > 300 * 30 && unprovable > 300, "{compared}, {unprovable}");
}

#[test]
fn the_serving_store_has_it_too() {
    let folder = Folder::new();
    folder.well(&["simulate", "--sessions", "20", "--start", START]);
    let mut differences = Vec::new();
    for session in truth(&folder, "sessions").iter().take(8) {
        let shown = folder.json(&["session", text(session, "session_id")]);
        assert!(compare("session", session, shown["rows"][0].as_object().unwrap(), &mut differences) > 15);
        assert!(compare("qos", session, shown["qos"][0].as_object().unwrap(), &mut differences) > 35);
    }
    for resume in truth(&folder, "resume").iter().take(8) {
        let entries = folder.json(&["resume", text(resume, "profile_id")]);
        let entry = entries.as_array().unwrap().iter().find(|entry| content(entry) == content(resume)).unwrap();
        for name in ["position_ms", "runtime_ms", "completed", "updated_at"] {
            assert_eq!(entry[name], resume[name], "{name}: {entry}");
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

/// Records on the raw topic, heartbeats included.
fn raw_records(folder: &Folder) -> usize {
    folder.json_lines(&["read", "playback_events", "--heartbeats"]).len()
}

#[test]
fn a_run_that_is_there_is_not_appended_again_and_its_truth_is_made_good() {
    let folder = Folder::new();
    let simulate = ["simulate", "--sessions", "5", "--start", START, "--poison", "3%"];
    let first = folder.json(&simulate);
    let records = raw_records(&folder);
    let truths = || ["sessions", "resume", "totals"].map(|kind| truth(&folder, kind));
    let told = truths();
    for file in fs::read_dir(folder.data().join("truth")).unwrap() {
        fs::write(file.unwrap().path(), "nonsense").unwrap();
    }
    let again = folder.json(&simulate);
    assert_eq!(truths(), told);
    assert_eq!((&first["already_there"], &again["already_there"]), (&json!(0), &first["simulated"]["raw_records"]));
    assert_eq!((&again["simulated"], &again["dead_letters"]), (&first["simulated"], &json!(0)));
    assert_eq!(raw_records(&folder), records);
    let said = folder.well(&simulate);
    assert!(said.contains("this run lies in the log already, and nothing was appended"), "{said}");
    assert_eq!(raw_records(&folder), records);
    folder.well(&["audit", "--truth"]);
}

#[test]
fn without_a_start_the_first_one_is_taken_again() {
    let folder = Folder::new();
    let first = folder.json(&["simulate", "--sessions", "3"]);
    let again = folder.json(&["simulate", "--sessions", "3"]);
    assert_eq!(again["already_there"], first["simulated"]["raw_records"]);
    assert_eq!(again["simulated"], first["simulated"]);
    // It is the same run as one that is given this start, and another with other settings.
    let start = text(&first["simulated"], "start");
    assert_eq!(folder.json(&["simulate", "--sessions", "3", "--start", start])["already_there"], first["simulated"]["raw_records"]);
    assert_eq!(folder.json(&["simulate", "--sessions", "3", "--late", "5%"])["already_there"], 0);
    assert_eq!(folder.json(&["simulate", "--sessions", "3", "--seed", "2"])["already_there"], 0);
}

#[test]
fn the_same_viewers_handled_otherwise_are_refused_and_others_go_beside_them() {
    let folder = Folder::new();
    folder.well(&["simulate", "--sessions", "5", "--start", START]);
    for other in [["--sessions", "6"], ["--sessions=5", "--lost=1%"]] {
        let refused = folder.run(&[&["simulate", "--start", START], &other[..]].concat());
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        let is_named = refused.err.contains("seed-1-start-20260105T000000.000Z") && refused.err.contains("\"sessions\":5");
        assert!(is_named && refused.err.contains("another seed or start"), "{}", refused.err);
    }
    let said = folder.well(&["simulate", "--sessions", "5", "--seed", "2"]);
    assert!(said.contains("5 sessions of ") && said.contains("truth: "), "{said}");
    assert!(!said.contains("note:"), "{said}");
    assert_eq!(fs::read_dir(folder.data().join("truth")).unwrap().count(), 6);
    folder.well(&["audit", "--truth"]);
    // From the middle of what is there already.
    let said = folder.well(&["simulate", "--sessions", "5", "--start", "2026-01-04"]);
    assert!(said.contains("note: the log reaches beyond this run"), "{said}");
}
