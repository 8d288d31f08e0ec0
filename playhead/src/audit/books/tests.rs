//! The books of a handful of records.

use pipeline::Headers;
use schemas::{Record as _, clean, wire};

use super::*;

const HOUR_MS: i64 = 3_600_000;
const START_MS: i64 = 1_714_852_800_000;

fn event(id: u8) -> PlaybackEvent<'static> {
    PlaybackEvent {
        event_id: [id; 16],
        session_id: "s",
        title_id: "t",
        event_time: START_MS * 1000,
        received_time: START_MS * 1000,
        ..PlaybackEvent::default()
    }
}

fn value(event: &PlaybackEvent<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    wire::frame(1, &mut value);
    event.encode(&mut value);
    value
}

fn decoder() -> Decoder {
    let mut registry = schemas::registry::Registry::new();
    let id = registry.register("playback_events-value", PlaybackEvent::SCHEMA).unwrap();
    assert_eq!(id, 1);
    let mut decoder = Decoder::new::<PlaybackEvent<'static>>(std::sync::Arc::new(std::sync::Mutex::new(registry)));
    decoder.learn(id).unwrap();
    decoder
}

fn passed(source_offset: i64, value: &[u8]) -> Passed {
    let hash = clean::content_hash(&value[wire::FRAME_BYTES..]);
    Passed { source_offset, offset: source_offset, stated_hash: hash, body_hash: hash }
}

/// The books of these records, each with the log time at which it came, and the faults found.
fn keep(records: &[(i64, &[u8])], committed: i64, passed: &[Passed]) -> (PartitionBooks, Vec<(Fault, String)>) {
    keep_in(Place { partition: 0, first: 0, stage: StagePosition { judged: committed, seen: committed } }, records, passed)
}

/// The same where the log holds offsets from `place.first` on.
fn keep_in(place: Place, records: &[(i64, &[u8])], passed: &[Passed]) -> (PartitionBooks, Vec<(Fault, String)>) {
    let decoder = decoder();
    let mut findings = Findings::default();
    let mut keeper = Bookkeeper::new(place, passed, &[], Memory::new(78 * HOUR_MS, HOUR_MS / 2), &mut findings);
    for (offset, (timestamp_ms, value)) in (place.first..).zip(records) {
        let headers = Headers::NONE;
        keeper.take(&Record { offset, timestamp_ms: *timestamp_ms, key: Some(b"s"), value: Some(value), headers }, &decoder);
    }
    let books = keeper.close();
    (books, findings.first.into_iter().map(|finding| (finding.fault, finding.place)).collect())
}

#[test]
fn an_event_and_its_copy_are_one_event_and_one_duplicate() {
    let (first, second) = (value(&event(1)), value(&event(2)));
    let records = [(START_MS, &*first), (START_MS, &*first), (START_MS, &*second)];
    let (books, faults) = keep(&records, 3, &[passed(0, &first), passed(2, &second)]);
    assert_eq!(faults, []);
    assert_eq!((books.raw.count, books.clean.count, books.duplicates.count, books.pending), (3, 2, 1, 0));
    assert!(books.sums_equal);
}

#[test]
fn behind_the_committed_position_nothing_is_judged() {
    let first = value(&event(1));
    let (books, faults) = keep(&[(START_MS, &first), (START_MS, b"nothing")], 1, &[passed(0, &first)]);
    assert_eq!((books.raw.count, books.pending, faults), (1, 1, Vec::new()));
    // What came of a record that is not processed was never committed with it.
    let (_, faults) = keep(&[(START_MS, &first)], 0, &[passed(0, &first)]);
    assert_eq!(faults, [(Fault::NeverSent, "playback_events.clean-0 offset 0".to_owned())]);
}

#[test]
fn what_a_stage_does_meanwhile_is_not_judged() {
    let values: Vec<_> = (0..4).map(|id| value(&event(id))).collect();
    let records: Vec<_> = values.iter().map(|value| (START_MS, &**value)).collect();
    let place = |seen| Place { partition: 0, first: 0, stage: StagePosition { judged: 1, seen } };
    let passed: Vec<_> = (0..).zip(&values).map(|(offset, value)| passed(offset, value)).collect();
    // Of the records from 1 on some have been passed on by now, and some have not.
    let (books, faults) = keep_in(place(4), &records, &[passed[0], passed[1], passed[3]]);
    assert_eq!((books.raw.count, books.clean.count, books.pending, faults), (1, 1, 3, Vec::new()));
    assert!(books.sums_equal);
    let (_, faults) = keep_in(place(3), &records, &[passed[0], passed[3]]);
    assert_eq!(faults, [(Fault::NeverSent, "playback_events.clean-0 offset 3".to_owned())]);
    let (_, faults) = keep_in(place(4), &records, &[passed[1]]);
    assert_eq!(faults, [(Fault::Missing, "playback_events-0 offset 0".to_owned())]);
}

#[test]
fn what_came_of_records_that_are_gone_is_not_judged() {
    let values: Vec<_> = (0..2).map(|id| value(&event(id))).collect();
    let place = Place { partition: 0, first: 5, stage: StagePosition { judged: 6, seen: 6 } };
    let (books, faults) = keep_in(place, &[(START_MS, &values[1])], &[passed(4, &values[0]), passed(5, &values[1])]);
    assert_eq!((books.raw.count, books.clean.count, faults), (1, 1, Vec::new()));
    let (_, faults) = keep_in(place, &[(START_MS, &values[1])], &[passed(-1, &values[0]), passed(5, &values[1])]);
    assert_eq!(faults, [(Fault::NeverSent, "playback_events.clean-0 offset -1".to_owned())]);
}

#[test]
fn a_copy_after_the_horizon_is_an_event_again() {
    let first = value(&event(1));
    let later_ms = START_MS + 80 * HOUR_MS;
    let records = [(START_MS, &*first), (later_ms, &*first)];
    let (books, faults) = keep(&records, 2, &[passed(0, &first), passed(1, &first)]);
    assert_eq!((books.clean.count, books.duplicates.count, faults), (2, 0, Vec::new()));
    let (_, faults) = keep(&records, 2, &[passed(0, &first)]);
    assert_eq!(faults, [(Fault::Missing, "playback_events-0 offset 1".to_owned())]);
    // Where its session may or may not have closed an hour earlier, both are right.
    let between = [(START_MS, &*first), (START_MS + 78 * HOUR_MS + 1, &*first)];
    assert_eq!(keep(&between, 2, &[passed(0, &first)]).1, []);
    assert_eq!(keep(&between, 2, &[passed(0, &first), passed(1, &first)]).1, []);
}

#[test]
fn a_copy_that_must_be_refused_is_no_duplicate() {
    let (first, refused) = (value(&event(1)), value(&PlaybackEvent { position_ms: Some(-1), ..event(1) }));
    let (books, faults) = keep(&[(START_MS, &first), (START_MS, &refused)], 2, &[passed(0, &first)]);
    assert_eq!((books.duplicates.count, faults), (0, vec![(Fault::Missing, "playback_events-0 offset 1".to_owned())]));
    assert!(!books.sums_equal);
}

#[test]
fn what_was_accepted_once_stays_accepted() {
    let refused_today = value(&PlaybackEvent { position_ms: Some(-1), ..event(1) });
    let (books, faults) = keep(&[(START_MS, &refused_today)], 1, &[passed(0, &refused_today)]);
    assert_eq!((books.clean.count, faults), (1, Vec::new()));
}
