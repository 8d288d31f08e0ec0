//! A run as it comes to the log: each record once, wherever it was cut off.

use std::collections::BTreeMap;

use pipeline::local::{LocalLane, LocalLog};
use pipeline::testing::{Call, Fault, FaultKind, FaultLog};
use producers::simulate::{
    INPUTS, Rate, Settings, SimulateError, SimulateOptions, SimulateReport, Simulation, group, outputs, remembered_start, start_group,
};

use crate::simulate::{Lines, settings};
use crate::support::{NOW_MS, PARTITIONS, Stored, log, records};

fn options() -> SimulateOptions {
    SimulateOptions { settings: settings(50), now_ms: NOW_MS, batch_records: 500, schema_id: 1 }
}

fn lane(log: &LocalLog, options: &SimulateOptions) -> LocalLane {
    LocalLane::new(log, &group(&options.settings), &INPUTS, &outputs(PARTITIONS)).unwrap()
}

/// A run through a lane with these faults, its truth, and how many faults struck.
fn run_with(log: &LocalLog, options: &SimulateOptions, faults: &[Fault]) -> (Result<SimulateReport, SimulateError>, Lines, u64) {
    let mut lane = FaultLog::new(lane(log, options), faults);
    let mut truth = Lines::default();
    let report = Simulation::open(&mut lane, &outputs(PARTITIONS), options).and_then(|run| run.run(&mut truth, &mut |_| {}));
    (report, truth, lane.fired())
}

fn run(log: &LocalLog, options: &SimulateOptions) -> Result<SimulateReport, SimulateError> {
    run_with(log, options, &[]).0
}

/// All that is there, record by record, heartbeats last.
fn all(log: &LocalLog) -> Vec<Stored> {
    let (written, heartbeats) = records(log, "playback_events");
    [written, heartbeats].concat()
}

/// An undisturbed run: what lies in the log, its report and its truth.
fn undisturbed() -> (Vec<Stored>, SimulateReport, Lines) {
    let log = log();
    let (report, truth, _) = run_with(&log, &options(), &[]);
    (all(&log), report.unwrap(), truth)
}

#[test]
fn a_run_lies_in_the_log_with_its_closing_heartbeats() {
    let log = log();
    let (options, topics) = (options(), outputs(PARTITIONS));
    let mut begun = Vec::new();
    let mut lane = lane(&log, &options);
    let simulation = Simulation::open(&mut lane, &topics, &options).unwrap();
    assert!(!simulation.is_begun());
    let SimulateReport { totals, already_there, had_ended } =
        simulation.run(&mut Lines::default(), &mut |count| begun.push(count)).unwrap();
    assert_eq!((already_there, had_ended), (0, false));
    assert!(begun.len() > 10 && begun.is_sorted());
    assert_eq!((begun.last(), totals.sessions), (Some(&50), 50));
    let (written, heartbeats) = records(&log, "playback_events");
    assert_eq!((written.len() as u64, heartbeats.len() as u64), (totals.raw_records, totals.heartbeats));
    let mut by_partition: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for record in &written {
        by_partition.entry(record.partition).or_default().push(record.timestamp_ms);
    }
    assert!(by_partition.len() == PARTITIONS as usize && by_partition.values().all(|timestamps| timestamps.is_sorted()));
    let last_ms = totals.last_received_at / 1_000;
    assert!(heartbeats.iter().any(|beat| beat.timestamp_ms == last_ms + 31 * 60_000));
}

/// Killed at any commit: the next run appends the rest, and tells the same truth.
#[test]
fn a_crash_at_any_commit_changes_nothing() {
    let (expected, whole, told) = undisturbed();
    let mut lane = FaultLog::new(lane(&log(), &options()), &[]);
    Simulation::open(&mut lane, &outputs(PARTITIONS), &options()).and_then(|run| run.run(&mut Lines::default(), &mut |_| {})).unwrap();
    let commits = lane.calls().iter().filter(|call| **call == Call::Commit).count() as u64;
    assert!(commits > 10);
    for at in 1..=commits {
        let log = log();
        let (crashed, ..) = run_with(&log, &options(), &[Fault { at, of: Some(Call::Commit), kind: FaultKind::Crash }]);
        assert!(crashed.is_err());
        let (report, truth, _) = run_with(&log, &options(), &[]);
        let report = report.unwrap();
        assert_eq!((report.already_there, report.had_ended), (500 * (at - 1), false), "at commit {at}");
        assert_eq!(report.totals, whole.totals, "at commit {at}");
        assert!(all(&log) == expected && truth.text == told.text, "at commit {at}");
    }
}

#[test]
fn a_lost_transaction_changes_nothing() {
    let (expected, whole, _) = undisturbed();
    let mut fired = 0;
    for kind in [FaultKind::Abort, FaultKind::LostReply] {
        for (of, at) in [(Call::Send, 1), (Call::Send, 3), (Call::Commit, 1), (Call::Commit, 3), (Call::Commit, 12)] {
            let log = log();
            let (report, _, struck) = run_with(&log, &options(), &[Fault { at, of: Some(of), kind }]);
            fired += struck;
            assert_eq!(report.unwrap(), whole, "{kind:?} at {of:?} {at}");
            assert!(all(&log) == expected, "{kind:?} at {of:?} {at}");
        }
    }
    assert_eq!(fired, 10);
}

#[test]
fn a_run_that_has_ended_appends_nothing() {
    let (expected, whole, told) = undisturbed();
    let log = log();
    run(&log, &options()).unwrap();
    // Later there would be no other heartbeats either, and in other batches no other records.
    let later = SimulateOptions { now_ms: NOW_MS + 86_400_000, batch_records: 7, ..options() };
    let (report, truth, _) = run_with(&log, &later, &[]);
    let report = report.unwrap();
    assert_eq!((report.already_there, report.had_ended), (whole.totals.raw_records, true));
    assert_eq!(report.totals, whole.totals);
    assert!(all(&log) == expected && truth.text == told.text);
}

#[test]
fn a_run_with_a_name_that_is_taken_is_refused_and_leaves_no_trace() {
    let log = log();
    let crash = Fault { at: 4, of: Some(Call::Commit), kind: FaultKind::Crash };
    assert!(run_with(&log, &options(), &[crash]).0.is_err());
    let before = all(&log);
    for other in [Settings { sessions: 51, ..settings(50) }, Settings { lost: Rate::NONE, ..settings(50) }] {
        let refused = run(&log, &SimulateOptions { settings: other, ..options() });
        assert!(matches!(refused, Err(SimulateError::OtherSettings { .. })), "{refused:?}");
    }
    // Values are framed with the schema's id: a version with another schema makes others.
    let refused = run(&log, &SimulateOptions { schema_id: 2, ..options() });
    assert!(matches!(refused, Err(SimulateError::OtherRecords { records: 1_500 })), "{refused:?}");
    assert!(all(&log) == before);
    run(&log, &options()).unwrap();
    run(&log, &SimulateOptions { settings: Settings { seed: 43, ..settings(50) }, ..options() }).unwrap();
}

#[test]
fn a_start_is_chosen_once() {
    let log = log();
    let start = |settings: &Settings, chosen_ms: i64| {
        let mut lane = LocalLane::new(&log, &start_group(settings), &INPUTS, &[]).unwrap();
        remembered_start(&mut lane, || chosen_ms).unwrap()
    };
    assert_eq!([1, 2].map(|chosen_ms| start(&settings(50), chosen_ms)), [1, 1]);
    assert_eq!(start(&Settings { start_ms: 7, ..settings(50) }, 3), 1);
    let others = [
        Settings { seed: 43, ..settings(50) },
        settings(51),
        Settings { duplicates: Rate::NONE, ..settings(50) },
        Settings { disorder: Rate::NONE, ..settings(50) },
        Settings { late: Rate::NONE, ..settings(50) },
        Settings { lost: Rate::NONE, ..settings(50) },
        Settings { poison: Rate::NONE, ..settings(50) },
    ];
    assert_eq!(others.map(|settings| start(&settings, 4)), [4; 7]);
}

#[test]
fn the_log_refuses_the_future() {
    let log = log();
    let refused = run(&log, &SimulateOptions { settings: Settings { start_ms: NOW_MS, ..settings(5) }, ..options() });
    assert!(matches!(refused, Err(SimulateError::Log(_))), "{refused:?}");
    assert!(all(&log).is_empty());
}
