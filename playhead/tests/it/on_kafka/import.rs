//! Imports to a cluster: once, whatever happens to them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use e2e::until;
use serde_json::{Value, json};

use super::OnKafka;
use crate::support::testdata;

const FILE: &str = "viewing-activity/viewing_activity.csv.gz";
const EVENTS: &str = "playback_events";
const HEADER: &str = "profile,start_time,duration,title,supplemental_type,autoplayed,device_type,bookmark,country\n";

/// So many rows, each a view of its own.
fn rows(numbers: std::ops::Range<u32>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        let (minute, second) = (number / 60 % 60, number % 60);
        writeln!(
            text,
            "p{},2024-01-{:02} {:02}:{minute:02}:{second:02},00:20:00,t{number},,0,tv,00:20:00,BR",
            number % 50,
            1 + number / 86_400,
            number / 3_600 % 24
        )
        .unwrap();
        text
    })
}

/// Rows that the ledger marks as done.
fn done(on_kafka: &OnKafka) -> usize {
    on_kafka.records("ledger").len()
}

/// Every row is marked once, and its three events lie in the log once.
fn assert_once(on_kafka: &OnKafka, rows: usize) {
    let distinct = |topic: &str, identity: fn(&super::topics::Lying) -> Vec<u8>| {
        let records = on_kafka.records(topic);
        (records.len(), records.iter().map(identity).collect::<BTreeSet<_>>().len())
    };
    assert_eq!(distinct("ledger", |record| record.key.clone()), (rows, rows));
    assert_eq!(distinct(EVENTS, |record| record.value.clone()), (3 * rows, 3 * rows));
}

#[test]
fn the_real_file_is_imported_once_and_its_books_agree() {
    let on_kafka = OnKafka::with_topics();
    let file = testdata(FILE);
    let import = ["import", "viewing-activity", &file];
    let names = ["rows", "imported", "already_there", "malformed"];
    let first = on_kafka.answer(0, &import);
    assert_eq!(names.map(|name| first[name].as_u64().unwrap()), [5_202, 5_202, 0, 0], "{first}");
    assert!(first["written_seconds"].as_f64().unwrap() > 0.0 && first.get("sessions").is_none(), "{first}");
    // Beside the events, the heartbeats that end an import.
    let ends = on_kafka.ends(EVENTS);
    assert_once(&on_kafka, 5_202);

    let second = on_kafka.answer(0, &import);
    assert_eq!(names.map(|name| second[name].as_u64().unwrap()), [5_202, 0, 5_202, 0], "{second}");
    assert_eq!(on_kafka.ends(EVENTS), ends, "nothing is written where nothing is new");
    let said = on_kafka.said(&import);
    assert!(said.out.contains("no stage is run here") && !said.out.contains("in the store"), "{}", said.out);

    on_kafka.process();
    let audited = on_kafka.answer(0, &["audit"]);
    let sum = |name: &str| {
        audited["books"]["partitions"].as_array().unwrap().iter().map(|books| books[name]["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((&audited["agrees"], &audited["pending"]), (&json!(true), &json!(0)), "{audited}");
    assert_eq!(["raw", "clean", "duplicates", "dead_letters"].map(sum), [3 * 5_202, 3 * 5_202, 0, 0]);
    assert_eq!(audited["sessions"][0]["rows"], 5_202);
    assert!(!on_kafka.folder.data().join("log.redb").exists(), "the folder is left alone");
}

/// An import that reads from a pipe, so that it is in the middle of its file for as long as the pipe is open.
fn from_pipe(on_kafka: &OnKafka, first_rows: &str) -> (Child, File) {
    let pipe = on_kafka.folder.path("pipe.csv");
    if !pipe.exists() {
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    }
    let mut import = on_kafka.turned(&["import", "viewing-activity", pipe.to_str().unwrap()]);
    let child = import.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = OpenOptions::new().write(true).open(&pipe).unwrap();
    pipe.write_all(format!("{HEADER}{first_rows}").as_bytes()).unwrap();
    (child, pipe)
}

#[test]
fn killed_between_batches_it_neither_loses_nor_doubles() {
    const ROWS: u32 = 12_000;
    let on_kafka = OnKafka::with_topics();
    for end in [2_500, 6_000, 9_500] {
        let before = done(&on_kafka);
        let (mut child, _pipe) = from_pipe(&on_kafka, &rows(0..end));
        until("some more is written", || (done(&on_kafka) > before).then_some(()));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it was killed, and had not ended before");
    }
    let file = on_kafka.folder.write("export.csv", format!("{HEADER}{}", rows(0..ROWS)));
    let left = on_kafka.answer(0, &["import", "viewing-activity", &file]);
    let [rows, imported, there] = ["rows", "imported", "already_there"].map(|name| left[name].as_u64().unwrap());
    assert_eq!((rows, imported + there), (u64::from(ROWS), u64::from(ROWS)));
    assert!(there >= 3_000 && imported > 0, "{left}");
    assert_once(&on_kafka, ROWS as usize);
}

#[test]
fn a_second_import_stops_the_first_and_nothing_comes_double() {
    let on_kafka = OnKafka::with_topics();
    let whole = on_kafka.folder.write("whole.csv", format!("{HEADER}{}", rows(0..4_000)));
    let (first, mut pipe) = from_pipe(&on_kafka, &rows(0..2_500));
    until("its first rows are written", || (done(&on_kafka) > 0).then_some(()));
    let second = on_kafka.answer(0, &["import", "viewing-activity", &whole]);
    assert!(second["already_there"].as_u64().unwrap() > 0 && second["imported"].as_u64().unwrap() > 0, "{second}");
    // It may have noticed already.
    pipe.write_all(rows(2_500..5_000).as_bytes()).ok();
    drop(pipe);
    let output = first.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("another import has begun on this cluster"), "{err}");
    assert_once(&on_kafka, 4_000);
}

#[test]
fn what_the_cluster_would_not_keep_is_refused() {
    let on_kafka = OnKafka::with_topics();
    let file = on_kafka.folder.write("export.csv", format!("{HEADER}{}", rows(0..2)));
    let said = on_kafka.said(&["import", "viewing-activity", &file, "--received-time", "2024-02-01"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("playback_events keeps records for 168 h") && said.err.contains("so now will do"), "{}", said.err);
    let now = chrono::Utc::now().to_rfc3339();
    assert_eq!(
        on_kafka.said(&["simulate", "--start", "2026-01-01"]).err.matches("--start: playback_events keeps records for 168 h").count(),
        1
    );
    let imported: Value = on_kafka.answer(0, &["import", "viewing-activity", &file, "--received-time", &now]);
    assert_eq!(imported["imported"], 2, "the advice is sound");
    let on_kafka = OnKafka::with_topics();
    let file = on_kafka.folder.write("export.csv", format!("{HEADER}{}", rows(0..2)));
    assert_eq!(on_kafka.ends(EVENTS).iter().sum::<i64>(), 0);
    on_kafka.admin().set(EVENTS, &[("retention.ms", "-1")]).unwrap();
    let imported: Value = on_kafka.answer(0, &["import", "viewing-activity", &file, "--received-time", "2024-02-01"]);
    assert_eq!(imported["imported"], 2);
    assert!(on_kafka.records(EVENTS).iter().all(|record| record.timestamp_ms == 1_706_745_600_000));
    let said = OnKafka::new().said(&["import", "viewing-activity", &file]);
    assert!(said.code == 2 && said.err.contains("`playhead topics apply` makes it"), "{said:?}");
}
