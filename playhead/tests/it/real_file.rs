//! The real file: what comes out is what the service itself answered.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::{Value, json};
use sink_local::LocalStore;

use crate::support::{Folder, RECEIVED, testdata};

const FILE: &str = "viewing-activity/viewing_activity.csv.gz";

/// A row as this test reads it, by code of its own.
#[derive(Clone, Debug)]
struct View {
    end_s: i64,
    duration_s: i64,
    bookmark_s: i64,
    is_preview: bool,
    latest_bookmark_s: Option<i64>,
}

fn unpacked() -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(testdata(FILE)).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn seconds(clock: &str) -> i64 {
    clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap())
}

/// The views of each (profile, title), by their ends.
fn groups() -> BTreeMap<(String, String), Vec<View>> {
    let text = unpacked();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut groups: BTreeMap<(String, String), Vec<View>> = BTreeMap::new();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let start: chrono::NaiveDateTime = row["start_time"].replace(' ', "T").parse().unwrap();
        let duration_s = seconds(&row["duration"]);
        groups.entry((row["profile"].clone(), row["title"].clone())).or_default().push(View {
            end_s: start.and_utc().timestamp() + duration_s,
            duration_s,
            bookmark_s: seconds(&row["bookmark"]),
            is_preview: row["autoplayed"] == "1" || !row["supplemental_type"].is_empty(),
            latest_bookmark_s: row["latest_bookmark"].contains(':').then(|| seconds(&row["latest_bookmark"])),
        });
    }
    groups.values_mut().for_each(|views| views.sort_by_key(|view| view.end_s));
    groups
}

/// What `resume` and `continue-watching` say of every title.
fn answers(folder: &Folder, command: &str, options: &[&str]) -> BTreeMap<(String, String), Value> {
    let mut answers = BTreeMap::new();
    for profile in ["p3", "p4"] {
        for entry in folder.json(&[&[command, profile], options].concat()).as_array().unwrap() {
            assert_eq!(entry["profile_id"], profile);
            let title = entry["title_id"].as_str().unwrap().to_owned();
            assert!(answers.insert((profile.to_owned(), title), entry.clone()).is_none());
        }
    }
    answers
}

/// Everything that readers see.
fn outputs(folder: &Folder) -> Vec<String> {
    let mut outputs = Vec::new();
    for profile in ["p3", "p4"] {
        outputs.push(folder.well(&["resume", profile, "--json"]));
        outputs.push(folder.well(&["continue-watching", profile, "--json", "--limit", "100000"]));
        outputs.push(folder.well(&["history", profile, "--json", "--limit", "100000"]));
        outputs.push(folder.well(&["history", profile, "--json", "--limit", "100000", "--previews"]));
    }
    outputs
}

/// Every row of the store and every record of the log.
fn everything(folder: &Folder) -> Vec<String> {
    let mut everything = outputs(folder);
    let store = LocalStore::open(&folder.data().join("serving.redb")).unwrap();
    store.visit_rows(&mut |table, key, value| everything.push(format!("{table} {key} {value:?}"))).unwrap();
    drop(store);
    for topic in [
        "playback_events",
        "playback_events.clean",
        "playback_sessions",
        "qos_session_summary",
        "viewing_progress",
        "resume_state",
        "ledger",
        "dead_letters",
    ] {
        everything.extend(folder.well(&["read", topic, "--json"]).lines().map(str::to_owned));
    }
    everything
}

#[test]
fn resume_positions_are_those_of_the_service() {
    let folder = Folder::new();
    let summary = folder.import(&testdata(FILE), RECEIVED);
    assert_eq!(summary["rows"], 5_202);
    assert_eq!(summary["imported"], 5_202);
    assert_eq!(summary["sessions"], 5_202);
    assert_eq!(summary["dead_letters"], 0);
    let groups = groups();
    assert_eq!(groups.len(), 2_907);
    let resume = answers(&folder, "resume", &[]);
    assert_eq!(resume.keys().collect::<Vec<_>>(), groups.keys().collect::<Vec<_>>());
    let differing: Vec<_> = groups
        .iter()
        .filter(|(key, views)| {
            // Six groups are marked more than once; the last mark is the newest answer.
            let latest_bookmark_s = views.iter().filter_map(|view| view.latest_bookmark_s).next_back().unwrap();
            resume[key]["position_ms"] != json!(latest_bookmark_s * 1000)
        })
        .collect();
    assert_eq!(differing.len(), 0, "of 2,907 groups differ: {differing:?}");
    for (key, views) in &groups {
        let full_end_s = views.iter().filter(|view| !view.is_preview && view.duration_s >= 120).map(|view| view.end_s).max();
        let last = views.last().unwrap();
        let entry = &resume[key];
        assert_eq!(time_s(&entry["updated_at"]), Some(last.end_s), "{key:?}");
        assert_eq!(time_s(&entry["last_full_view_at"]), full_end_s, "{key:?}");
        assert_eq!(entry["preview"], last.is_preview || full_end_s.is_none(), "{key:?}");
    }

    // A short look at something watched before is no preview: 136 of these stand at more than 30 s, and stay.
    let watching = answers(&folder, "continue-watching", &["--limit=100000"]);
    let short_after_full: Vec<_> = groups
        .iter()
        .filter(|(_, views)| {
            let last = views.last().unwrap();
            last.duration_s < 120 && views.iter().any(|view| !view.is_preview && view.duration_s >= 120)
        })
        .collect();
    assert_eq!(short_after_full.len(), 157);
    let beyond: Vec<_> = short_after_full.into_iter().filter(|(_, views)| views.last().unwrap().bookmark_s > 30).collect();
    assert_eq!(beyond.len(), 136);
    for (key, views) in beyond {
        assert_eq!(watching[key]["position_ms"], json!(views.last().unwrap().bookmark_s * 1000), "{key:?}");
    }
    // And the whole list is what the rule says.
    let expected: Vec<_> = groups
        .iter()
        .filter(|(_, views)| views.iter().any(|view| !view.is_preview && view.duration_s >= 120) && views.last().unwrap().bookmark_s > 30)
        .map(|(key, _)| key)
        .collect();
    assert_eq!(watching.keys().collect::<Vec<_>>(), expected);
}

fn time_s(time: &Value) -> Option<i64> {
    time.as_str().map(|time| chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp())
}

#[test]
fn a_second_import_changes_nothing() {
    let folder = Folder::new();
    folder.import(&testdata(FILE), RECEIVED);
    let before = everything(&folder);
    let text = unpacked();
    let (header, rows) = text.split_once('\n').unwrap();
    let backwards = format!("{header}\n{}\n", rows.lines().rev().collect::<Vec<_>>().join("\n"));
    let later = without_latest_bookmarks(&text);
    let again = [
        (testdata(FILE), RECEIVED),
        // Beyond the time for which a processor remembers.
        (testdata(FILE), "2024-02-11T00:00:00Z"),
        (folder.write("backwards.csv", backwards), RECEIVED),
        // A later export knows other latest bookmarks.
        (folder.write("later.csv", later), "2024-02-11T00:00:00Z"),
    ];
    for (file, received) in again {
        let summary = folder.import(&file, received);
        assert_eq!((&summary["imported"], &summary["already_there"]), (&json!(0), &json!(5_202)), "{file} {received}");
        assert!(everything(&folder) == before, "{file} {received}");
    }
}

/// The file with every latest bookmark gone.
fn without_latest_bookmarks(text: &str) -> String {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let place = reader.headers().unwrap().iter().position(|name| name == "latest_bookmark").unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(reader.headers().unwrap()).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        writer.write_record(row.iter().enumerate().map(|(index, field)| if index == place { "Not latest view" } else { field })).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn a_longer_export_ends_in_the_same_rows_as_the_whole() {
    let whole = Folder::new();
    whole.import(&testdata(FILE), RECEIVED);
    let grown = Folder::new();
    let text = unpacked();
    let half: String = text.split_inclusive('\n').take(2_602).collect();
    let half = grown.write("half.csv", half);
    let summary = grown.import(&half, RECEIVED);
    assert_eq!(summary["imported"], 2_601);
    // Ten days later: no processor remembers what came with the first half.
    let summary = grown.import(&testdata(FILE), "2024-02-11T00:00:00Z");
    assert_eq!((&summary["imported"], &summary["already_there"]), (&json!(2_601), &json!(2_601)));
    assert_eq!(summary["sessions"], 5_202);
    assert!(outputs(&grown) == outputs(&whole));
}

#[test]
fn malformed_rows_are_listed_and_the_rest_is_imported() {
    let folder = Folder::new();
    let mut lines: Vec<String> = unpacked().lines().take(11).map(str::to_owned).collect();
    lines[3] = lines[3].replace("2020-", "20x0-");
    lines[5] = lines[5].replace(',', ";");
    let file = folder.write("spoiled.csv", lines.join("\r\n"));
    let said = folder.run(&["import", "viewing-activity", &file, "--received-time", RECEIVED]);
    assert_eq!(said.code, 1);
    assert!(said.out.starts_with("10 rows: 8 imported, 0 already there, 2 malformed\n"), "{}", said.out);
    assert!(said.out.contains("line 4: start_time \"20x0-"), "{}", said.out);
    assert!(said.out.contains("line 6: wrong_column_count: 1 fields where the first line names 10"), "{}", said.out);
    let said = folder.run(&["import", "viewing-activity", &file, "--json"]);
    assert_eq!(said.code, 1);
    let summary: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(summary["already_there"], 8);
    assert_eq!(summary["first_malformed"][0]["line"], 4);
    assert_eq!(summary["first_malformed"][0]["column"], "start_time");
    assert_eq!(summary["first_malformed"][0]["reason"], "bad_time");
}

#[test]
fn a_file_that_breaks_off_keeps_what_was_read() {
    let folder = Folder::new();
    let packed = std::fs::read(testdata(FILE)).unwrap();
    let file = folder.write("cut.csv.gz", &packed[..packed.len() / 2]);
    let said = folder.run(&["import", "viewing-activity", &file, "--received-time", RECEIVED]);
    assert_eq!(said.code, 2);
    assert!(said.err.ends_with("cut.csv.gz: cannot be read on: incomplete deflate stream\n"), "{}", said.err);
    let summary = folder.import(&testdata(FILE), RECEIVED);
    assert!(summary["already_there"].as_u64().unwrap() > 1_000, "{summary}");
    assert_eq!(summary["sessions"], 5_202);
}
