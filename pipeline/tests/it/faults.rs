//! A fault at every call of a run: the outputs and positions in the end are those of the undisturbed run.

use pipeline::testing::{Call, Fault, FaultKind, FaultLog};
use pipeline::{LogError, Totals};

use crate::counter::{Counter, Letters};
use crate::scene::{self, Input, Outcome, lane, memory_log, options, output_topics, run, run_with, undisturbed};

const BATCHES: [usize; 4] = [3, 1, 5, 2];

/// Runs to the end over `faults`; a crash is followed by a new process on the same log.
fn run_disturbed(inputs: &[Input], faults: &[Fault]) -> (Outcome, u64, Totals) {
    let log = memory_log(inputs);
    let mut disturbed = FaultLog::new(lane(&log).with_batch_sizes(&BATCHES), faults);
    let mut last = run(&mut disturbed, &options(7));
    if let Err(LogError::Fatal(message)) = &last
        && message == "crash"
    {
        last = run(&mut lane(&log).with_batch_sizes(&BATCHES), &options(7));
    }
    (Outcome::of_memory(&log), disturbed.fired(), last.unwrap())
}

fn calls_of_a_run(inputs: &[Input]) -> Vec<Call> {
    let log = memory_log(inputs);
    let mut counted = FaultLog::new(lane(&log).with_batch_sizes(&BATCHES), &[]);
    run(&mut counted, &options(7)).unwrap();
    counted.calls().to_vec()
}

#[test]
fn every_fault_at_every_call() {
    let inputs = scene::inputs(1, 70);
    let expected = undisturbed(&inputs);
    let calls = calls_of_a_run(&inputs);
    for call in [Call::Poll, Call::Bounds, Call::Committed, Call::Send, Call::Commit] {
        assert!(calls.contains(&call), "{call:?} is never made");
    }
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for at in 1..=calls.len() as u64 {
            let (outcome, fired, totals) = run_disturbed(&inputs, &[Fault { at, of: None, kind }]);
            assert_eq!(fired, 1, "{kind:?} at call {at}");
            assert_eq!(outcome, expected, "{kind:?} at call {at}, {:?}", calls[usize::try_from(at).unwrap() - 1]);
            assert_eq!(totals.lost_transactions, u64::from(kind != FaultKind::Crash), "{kind:?} at call {at}");
        }
    }
}

#[test]
fn a_second_fault_while_starting_over() {
    let inputs = scene::inputs(2, 40);
    let expected = undisturbed(&inputs);
    for first in [FaultKind::Abort, FaultKind::LostReply] {
        // The third commit fails, then each of the calls by which the runner starts over.
        let third = Fault { at: 3, of: Some(Call::Commit), kind: first };
        let log = memory_log(&inputs);
        let mut counted = FaultLog::new(lane(&log).with_batch_sizes(&BATCHES), &[third]);
        run(&mut counted, &options(7)).unwrap();
        let failed = counted.calls().iter().enumerate().filter(|(_, call)| **call == Call::Commit).nth(2).unwrap().0 as u64 + 1;
        for second in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
            for after in 1..=24 {
                let faults = [third, Fault { at: failed + after, of: None, kind: second }];
                let (outcome, fired, _) = run_disturbed(&inputs, &faults);
                assert_eq!(fired, 2, "{first:?}, then {second:?} {after} calls later");
                assert_eq!(outcome, expected, "{first:?}, then {second:?} {after} calls later");
            }
        }
    }
}

#[test]
fn a_log_that_aborts_again_and_again_gets_there() {
    let inputs = scene::inputs(3, 60);
    let expected = undisturbed(&inputs);
    let faults: Vec<Fault> = (1..40).map(|number| Fault { at: number * 2, of: Some(Call::Commit), kind: FaultKind::Abort }).collect();
    let (outcome, fired, _) = run_disturbed(&inputs, &faults);
    assert!(fired > 3, "{fired}");
    assert_eq!(outcome, expected);
}

#[test]
fn a_crash_while_a_schema_is_missing_loses_nothing() {
    let inputs = scene::inputs(4, 50);
    let expected = undisturbed(&inputs);
    let blocking = |unblocks_needed| Counter { unblocks_needed, ..Counter::new(output_topics()) };
    let log = memory_log(&inputs);
    let mut counted = FaultLog::new(lane(&log), &[]);
    run_with(&mut blocking(3), &mut counted, &Letters, &options(7)).unwrap();
    assert_eq!(Outcome::of_memory(&log), expected);
    assert!(counted.calls().contains(&Call::Pause) && counted.calls().contains(&Call::Resume));
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for at in 1..=counted.calls().len() as u64 {
            let log = memory_log(&inputs);
            let mut disturbed = FaultLog::new(lane(&log), &[Fault { at, of: None, kind }]);
            if run_with(&mut blocking(3), &mut disturbed, &Letters, &options(7)).is_err() {
                assert_eq!(kind, FaultKind::Crash);
                run_with(&mut blocking(3), &mut lane(&log), &Letters, &options(7)).unwrap();
            }
            assert_eq!(Outcome::of_memory(&log), expected, "{kind:?} at call {at}");
        }
    }
}
