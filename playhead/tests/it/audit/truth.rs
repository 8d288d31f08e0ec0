//! What agrees with itself, and is wrong all the same.

use std::fs;
use std::path::Path;

use schemas::{CleanPlaybackEvent, PlaybackEvent, QosSessionSummary, wire};
use serde_json::{Value, json};

use super::{Audited, CLEAN, START, source_of};
use crate::rebuilt::Parts;
use crate::support::{Folder, testdata};

/// Adds an event that no viewer made, with all that it would come to, but for its session's row.
fn add_event(parts: &mut Parts) {
    let mut clean = parts.log[CLEAN][0].iter().rfind(|record| record.value.is_some()).unwrap().clone();
    let raw = usize::try_from(source_of(parts, &clean)).unwrap();
    let mut raw = parts.log["playback_events"][0][raw].clone();
    raw.edit::<PlaybackEvent<'_>>(&parts.decoder::<PlaybackEvent<'_>>(), |event| event.event_id = [7; 16]);
    let (_, body) = wire::split(raw.value.as_deref().unwrap()).unwrap();
    let content_hash = schemas::clean::content_hash(body);
    let offset = parts.log["playback_events"][0].len() as i64;
    clean.edit::<CleanPlaybackEvent<'_>>(&parts.decoder::<CleanPlaybackEvent<'_>>(), |clean| {
        clean.event.event_id = [7; 16];
        (clean.prefix.source_offset, clean.prefix.content_hash) = (offset, content_hash);
    });
    parts.topic("playback_events")[0].push(raw);
    parts.topic(CLEAN)[0].push(clean);
}

#[test]
fn an_event_that_was_never_sent_is_known_by_the_truth() {
    let audited = Audited::of(add_event, |_| {}, &["audit", "--truth", "--json"]);
    let expected = [("different", "totals: raw_records", "must be"), ("different", "totals: distinct_events", "must be")];
    audited.finds("truth", &expected);
    assert_eq!(audited.report["truth"]["figures"]["totals.raw_records"], json!({"compared": 1, "differ": 1, "unprovable": 0}));
}

#[test]
fn a_wrong_figure_that_topic_and_store_agree_on_is_known_by_the_truth() {
    let mut place = String::new();
    let mut detail = String::new();
    let fold_wrongly = |parts: &mut Parts| {
        let decoder = parts.decoder::<QosSessionSummary<'_>>();
        let index = parts.log["qos_session_summary"][0].iter().rposition(|record| record.value.is_some()).unwrap();
        let mut wrong = parts.log["qos_session_summary"][0][index].clone();
        wrong.edit::<QosSessionSummary<'_>>(&decoder, |row| {
            place = format!("qos_session_summary {} opened {}", row.session_id, serving::rfc3339(row.opened_at));
            detail = format!("rebuffering_ms is {}, must be {}", row.rebuffering_ms + 1, row.rebuffering_ms);
            row.rebuffering_ms += 1;
        });
        parts.topic("qos_session_summary")[0][index] = wrong.clone();
        parts.store_topic("qos_session_summary")[0][index] = wrong;
    };
    let audited = Audited::of(fold_wrongly, |_| {}, &["audit", "--truth", "--json"]);
    audited.finds("truth", &[("different", &place, &detail)]);
}

#[test]
fn a_session_that_nobody_watched_is_known_by_the_truth() {
    let mut forgotten = String::new();
    let forget_a_session = |data: &Path| {
        let file = fs::read_dir(data.join("truth")).unwrap().map(|file| file.unwrap().path());
        let file = file.into_iter().find(|file| file.to_str().unwrap().ends_with(".sessions.ndjson")).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let first: Value = serde_json::from_str(first).unwrap();
        forgotten = format!("{} opened {}", first["session_id"].as_str().unwrap(), first["opened_at"].as_str().unwrap());
        fs::write(&file, rest).unwrap();
    };
    let audited = Audited::of(|_| {}, forget_a_session, &["audit", "--truth", "--json"]);
    let places = ["playback_sessions", "qos_session_summary"].map(|table| format!("{table} {forgotten}"));
    audited.finds("truth", &[("never_sent", &places[0], "nobody watched it"), ("never_sent", &places[1], "nobody watched it")]);
}

#[test]
fn without_truth_there_is_nothing_to_compare_with() {
    let folder = Folder::new();
    let said = folder.run(&["audit"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("there is no data in"), "{}", said.err);
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    assert!(folder.well(&["audit"]).ends_with("the books agree\n"));
    let said = folder.run(&["audit", "--truth"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("there is no truth in playhead-data/truth"), "{}", said.err);
}

#[test]
fn a_run_that_was_cut_off_has_no_truth() {
    let folder = Folder::new();
    folder.well(&["simulate", "--sessions", "2", "--start", START]);
    fs::write(folder.data().join("truth/seed-2.sessions.ndjson.unfinished"), "").unwrap();
    let said = folder.run(&["audit", "--truth"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("that run was cut off"), "{}", said.err);
    folder.well(&["audit"]);
    // Of a run whose totals are there, it is a copy that was being made anew.
    let of_run = "truth/seed-1-start-20260105T000000.000Z";
    fs::remove_file(folder.data().join("truth/seed-2.sessions.ndjson.unfinished")).unwrap();
    fs::write(folder.data().join(format!("{of_run}.sessions.ndjson.unfinished")), "").unwrap();
    folder.well(&["audit", "--truth"]);
    fs::remove_file(folder.data().join(format!("{of_run}.totals.ndjson"))).unwrap();
    assert!(folder.run(&["audit", "--truth"]).err.contains("that run was cut off"));
}
