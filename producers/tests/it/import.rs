use std::collections::BTreeSet;

use pipeline::local::LocalLog;
use pipeline::testing::{Call, Fault, FaultKind, FaultLog};
use pipeline::{heartbeat, partition_for};
use producers::viewing_activity::{IMPORT_HEADER, ImportOptions, ImportReport, Rows, import, outputs};
use schemas::{EventType, LedgerEntry, Plan, PlaybackEvent, Record as _, wire};

use crate::support::{NOW_MS, PARTITIONS, Stored, lane, log, received, records};

const HEADER: &str = "profile,start_time,duration,title,supplemental_type,autoplayed,device_type,bookmark,latest_bookmark,country\n";

/// 2024-01-20T00:00:00Z.
const RECEIVED_MS: i64 = 1_705_708_800_000;

fn export(views: std::ops::Range<usize>) -> String {
    let rows =
        views.map(|view| format!("p{},2024-01-{:02} 10:00:00,0:40:00,t{view},,0,tv,0:41:00,Not latest view,BR\n", view % 3, view % 15 + 1));
    HEADER.to_owned() + &rows.collect::<String>()
}

fn options(received_ms: i64) -> ImportOptions {
    ImportOptions { received: received(received_ms), batch_rows: 7, event_schema_id: 11, ledger_schema_id: 12 }
}

fn run(log: &LocalLog, text: &str, received_ms: i64) -> ImportReport {
    let topics = outputs(PARTITIONS, PARTITIONS);
    import(Rows::new(text.as_bytes()).unwrap(), &mut lane(log, &topics), &topics, &options(received_ms)).unwrap()
}

#[test]
fn a_row_is_a_session_of_three_events() {
    let log = log();
    let report = run(&log, &export(0..1), RECEIVED_MS);
    assert_eq!((report.rows, report.imported, report.already_there, report.malformed), (1, 1, 0, 0));
    let (events, _) = records(&log, "playback_events");
    let plan = Plan::compile::<PlaybackEvent<'_>>(PlaybackEvent::SCHEMA).unwrap();
    let decoded: Vec<PlaybackEvent<'_>> = events
        .iter()
        .map(|event| {
            let (id, body) = wire::split(event.value.as_deref().unwrap()).unwrap();
            assert_eq!(id, 11);
            PlaybackEvent::decode(&plan, body).unwrap()
        })
        .collect();
    let start_us = 1_704_103_200_000_000;
    assert_eq!(
        decoded.iter().map(|event| (event.kind, event.event_time, event.sequence)).collect::<Vec<_>>(),
        [
            (EventType::SessionStart, start_us, Some(0)),
            (EventType::Startup, start_us, Some(1)),
            (EventType::End, start_us + 2_400_000_000, Some(2)),
        ]
    );
    assert_eq!((decoded[2].position_ms, decoded[2].duration_ms), (Some(2_460_000), Some(2_400_000)));
    assert_eq!((decoded[0].position_ms, decoded[0].duration_ms), (None, None));
    for (stored, event) in events.iter().zip(&decoded) {
        assert_eq!((event.profile_id, event.title_id, event.preview), (Some("p0"), "t0", Some(false)));
        assert_eq!((event.device_type, event.country), (Some("tv"), Some("BR")));
        assert_eq!(event.received_time, RECEIVED_MS * 1000);
        assert_eq!((stored.timestamp_ms, stored.key.as_slice()), (RECEIVED_MS, event.session_id.as_bytes()));
        assert_eq!(stored.partition, partition_for(&stored.key, PARTITIONS));
        assert_eq!(stored.header(IMPORT_HEADER), Some(&b"viewing-activity"[..]));
    }
    assert_eq!(decoded.iter().map(|event| event.event_id).collect::<BTreeSet<_>>().len(), 3);

    let (marks, _) = records(&log, "ledger");
    let (_, body) = wire::split(marks[0].value.as_deref().unwrap()).unwrap();
    let mark = LedgerEntry::decode(&Plan::compile::<LedgerEntry<'_>>(LedgerEntry::SCHEMA).unwrap(), body).unwrap();
    assert_eq!(mark.id.as_bytes(), marks[0].key);
    assert_eq!((mark.source, mark.done_at), ("viewing-activity", RECEIVED_MS * 1000));
}

#[test]
fn previews_are_trailers_and_what_the_product_started() {
    let log = log();
    let row = |kind: &str, autoplayed: u8| format!("p,2024-01-01 10:00:00,0:01:00,{kind}{autoplayed},{kind},{autoplayed},tv,0:01:00,,BR\n");
    let text = [HEADER.to_owned(), row("", 0), row("", 1), row("TRAILER", 0), row("HOOK", 1)].concat();
    run(&log, &text, RECEIVED_MS);
    let plan = Plan::compile::<PlaybackEvent<'_>>(PlaybackEvent::SCHEMA).unwrap();
    let (events, _) = records(&log, "playback_events");
    for event in &events {
        let (_, body) = wire::split(event.value.as_deref().unwrap()).unwrap();
        let event = PlaybackEvent::decode(&plan, body).unwrap();
        assert_eq!(event.preview, Some(event.title_id != "0"), "{}", event.title_id);
    }
}

#[test]
fn what_was_imported_is_never_imported_again() {
    let log = log();
    assert_eq!(run(&log, &export(0..20), RECEIVED_MS).imported, 20);
    let before = records(&log, "playback_events");
    // Again; 11 days later; in another order; with other resume positions.
    assert_eq!(run(&log, &export(0..20), RECEIVED_MS).already_there, 20);
    assert_eq!(run(&log, &export(0..20), NOW_MS).already_there, 20);
    let backwards: String =
        HEADER.to_owned() + &export(0..20).lines().skip(1).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    assert_eq!(run(&log, &backwards, NOW_MS).already_there, 20);
    assert_eq!(run(&log, &export(0..20).replace("Not latest view", "0:41:00"), NOW_MS).already_there, 20);
    assert_eq!(records(&log, "playback_events"), before);
    // A longer export adds what is new.
    let report = run(&log, &export(0..25), NOW_MS);
    assert_eq!((report.imported, report.already_there), (5, 20));
    assert_eq!(records(&log, "playback_events").0.len(), 75);
}

#[test]
fn ends_with_heartbeats_on_every_partition() {
    let beats = |received_ms| {
        let log = log();
        run(&log, &export(0..1), received_ms);
        let (_, beats) = records(&log, "playback_events");
        beats.iter().map(|beat| (beat.partition, beat.timestamp_ms, String::from_utf8(beat.key.clone()).unwrap())).collect::<Vec<_>>()
    };
    let key = heartbeat::writer_key("import");
    let expected = |times: &[i64]| {
        (0..PARTITIONS)
            .flat_map(|partition| times.iter().map(move |time| (partition, *time)))
            .map(|(partition, time)| (partition, time, key.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(beats(RECEIVED_MS), expected(&[RECEIVED_MS, RECEIVED_MS + 31 * 60_000]));
    // 31 min later would be in the future.
    assert_eq!(beats(NOW_MS - 30 * 60_000), expected(&[NOW_MS - 30 * 60_000]));
    assert_eq!(beats(NOW_MS - 31 * 60_000), expected(&[NOW_MS - 31 * 60_000, NOW_MS]));
}

#[test]
fn malformed_rows_are_reported_and_the_rest_goes_on() {
    let log = log();
    let text = export(0..3)
        + "p,1999-12-31 23:00:00,0:01:00,t,,0,tv,0:01:00,,BR\n"
        + "p,2024-01-19 23:59:30,0:01:00,t,,0,tv,0:01:00,,BR\n"
        + "p,2024-01-01 00:00:00,25:00:00,t,,0,tv,0:01:00,,BR\n"
        + "p,2024-01-01 00:00:00,0:01:00,t,,0,tv,48:00:01,,BR\n"
        + "p,2024-01-01 00:00:00,0:01:00,t,,0,tv,0:01:00,,Brazil\n"
        + &format!("p,2024-01-01 00:00:00,0:01:00,{},,0,tv,0:01:00,,BR\n", "t".repeat(257))
        + "nonsense\n"
        + export(3..5).strip_prefix(HEADER).unwrap();
    let report = run(&log, &text, RECEIVED_MS);
    assert_eq!((report.rows, report.imported, report.malformed), (12, 5, 7));
    let reasons: Vec<_> = report.first_malformed.iter().map(|error| (error.line, error.column.as_deref(), error.reason)).collect();
    assert_eq!(
        reasons,
        [
            (5, Some("start_time"), "time_before_2000"),
            (6, Some("start_time"), "ends_after_received_time"),
            (7, Some("duration"), "negative_duration"),
            (8, Some("bookmark"), "position_out_of_range"),
            (9, Some("country"), "bad_country"),
            (10, Some("title"), "id_too_long"),
            (11, None, "wrong_column_count"),
        ]
    );
    assert!(report.first_malformed.iter().all(|error| !error.detail.is_empty()));
    // The malformed ones are not marked: mended, they are imported.
    let report = run(&log, &text.replace(",Brazil", ",BR"), RECEIVED_MS);
    assert_eq!((report.imported, report.already_there, report.malformed), (1, 5, 6));
}

/// Whatever goes wrong with whatever transaction: each row is there once, and the report is right.
#[test]
fn a_lost_transaction_loses_and_doubles_nothing() {
    let topics = outputs(PARTITIONS, PARTITIONS);
    let text = export(0..20);
    let undisturbed = log();
    run(&undisturbed, &text, RECEIVED_MS);
    let (expected, expected_beats) = records(&undisturbed, "playback_events");
    let mut fired = 0;
    for kind in [FaultKind::Abort, FaultKind::LostReply] {
        for (of, at) in [(Call::Send, 1), (Call::Send, 2), (Call::Commit, 1), (Call::Commit, 2), (Call::Commit, 3)] {
            let log = log();
            let mut lane = FaultLog::new(lane(&log, &topics), &[Fault { at, of: Some(of), kind }]);
            let report = import(Rows::new(text.as_bytes()).unwrap(), &mut lane, &topics, &options(RECEIVED_MS)).unwrap();
            fired += lane.fired();
            assert_eq!((report.imported, report.already_there), (20, 0), "{kind:?} at {of:?} {at}");
            let (events, beats) = records(&log, "playback_events");
            assert_eq!(sorted(events), sorted(expected.clone()), "{kind:?} at {of:?} {at}");
            assert_eq!(beats.len(), expected_beats.len(), "{kind:?} at {of:?} {at}");
            assert_eq!(records(&log, "ledger").0.len(), 20, "{kind:?} at {of:?} {at}");
        }
    }
    assert_eq!(fired, 10);
}

/// Killed at any commit: the next run goes on from what is marked, and ends with the heartbeats.
#[test]
fn a_crash_loses_and_doubles_nothing() {
    let topics = outputs(PARTITIONS, PARTITIONS);
    let text = export(0..20);
    let undisturbed = log();
    run(&undisturbed, &text, RECEIVED_MS);
    let (_, expected_beats) = records(&undisturbed, "playback_events");
    for at in 1..=3 {
        let log = log();
        let mut crashing = FaultLog::new(lane(&log, &topics), &[Fault { at, of: Some(Call::Commit), kind: FaultKind::Crash }]);
        let crashed = import(Rows::new(text.as_bytes()).unwrap(), &mut crashing, &topics, &options(RECEIVED_MS));
        assert!(crashed.is_err());
        let report = run(&log, &text, RECEIVED_MS);
        assert_eq!(report.imported + report.already_there, 20);
        assert_eq!(report.already_there, (7 * (at - 1)).min(20));
        let (events, beats) = records(&log, "playback_events");
        assert_eq!((events.len(), beats.len()), (60, expected_beats.len()), "at commit {at}");
    }
}

fn sorted(mut records: Vec<Stored>) -> Vec<Stored> {
    records.sort_by(|a, b| a.value.cmp(&b.value));
    records
}
