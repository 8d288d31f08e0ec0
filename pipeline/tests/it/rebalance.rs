//! Partitions that move between lanes, at every poll and under every fault.

use pipeline::TopicPartition;
use pipeline::testing::{Call, Fault, FaultKind, FaultLog, MemoryLane, MemoryLog, Rebalance};

use crate::counter::STAGE;
use crate::scene::{self, INPUT, Outcome, PARTITIONS, memory_log, options, output_topics, run, undisturbed};

pub(crate) const MOVED: TopicPartition = TopicPartition { topic: 0, partition: 1 };

pub(crate) fn all() -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition { topic: 0, partition }).collect()
}

pub(crate) fn scripted(log: &MemoryLog, script: Vec<(u64, Rebalance)>) -> MemoryLane {
    MemoryLane::with_assignments(log, STAGE, &[INPUT], &output_topics(), script).with_batch_sizes(&[3, 2])
}

/// Has all partitions, and gives one away at this poll.
fn first_lane(log: &MemoryLog, revoke_at: u64) -> MemoryLane {
    scripted(log, vec![(1, Rebalance::Assign(all())), (revoke_at, Rebalance::Revoke(vec![MOVED]))])
}

fn lane_of_moved(log: &MemoryLog) -> MemoryLane {
    scripted(log, vec![(1, Rebalance::Assign(vec![MOVED]))])
}

#[test]
fn a_partition_moves_at_any_poll() {
    let inputs = scene::inputs(20, 80);
    let expected = undisturbed(&inputs);
    for revoke_at in 2..40 {
        let log = memory_log(&inputs);
        run(&mut first_lane(&log, revoke_at), &options(7)).unwrap();
        run(&mut lane_of_moved(&log), &options(4)).unwrap();
        assert_eq!(Outcome::of_memory(&log), expected, "revoked at poll {revoke_at}");
    }
}

#[test]
fn a_partition_goes_and_comes_back() {
    let inputs = scene::inputs(21, 80);
    let expected = undisturbed(&inputs);
    for gone in 1..6 {
        for revoke_at in [2, 5, 9, 14] {
            let log = memory_log(&inputs);
            let script = vec![
                (1, Rebalance::Assign(all())),
                (revoke_at, Rebalance::Revoke(vec![MOVED])),
                (revoke_at + gone, Rebalance::Assign(vec![MOVED])),
            ];
            run(&mut scripted(&log, script), &options(7)).unwrap();
            assert_eq!(Outcome::of_memory(&log), expected, "revoked at poll {revoke_at} for {gone} polls");
        }
    }
}

#[test]
fn every_fault_at_every_call_around_a_move() {
    let inputs = scene::inputs(22, 40);
    let expected = undisturbed(&inputs);
    let log = memory_log(&inputs);
    let mut counted = FaultLog::new(first_lane(&log, 7), &[]);
    run(&mut counted, &options(7)).unwrap();
    let calls = counted.calls().to_vec();
    assert!(calls.iter().filter(|call| **call == Call::Commit).count() > 2);
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for at in 1..=calls.len() as u64 {
            let log = memory_log(&inputs);
            let mut first = FaultLog::new(first_lane(&log, 7), &[Fault { at, of: None, kind }]);
            if run(&mut first, &options(7)).is_err() {
                assert_eq!(kind, FaultKind::Crash);
                run(&mut scene::lane(&log), &options(7)).unwrap();
            }
            run(&mut lane_of_moved(&log), &options(7)).unwrap();
            assert_eq!(Outcome::of_memory(&log), expected, "{kind:?} at call {at}, {:?}", calls[usize::try_from(at).unwrap() - 1]);
        }
    }
}

#[test]
fn a_partition_is_lost_at_any_poll() {
    let inputs = scene::inputs(23, 80);
    let expected = undisturbed(&inputs);
    let mut lost_transactions = 0;
    for lost_at in 2..40 {
        let log = memory_log(&inputs);
        let script = vec![(1, Rebalance::Assign(all())), (lost_at, Rebalance::Lose(vec![MOVED]))];
        let mut first = FaultLog::new(scripted(&log, script), &[]);
        let totals = run(&mut first, &options(7)).unwrap();
        lost_transactions += totals.lost_transactions;
        let polled = first.calls().iter().enumerate().filter(|(_, call)| **call == Call::Poll).nth(lost_at as usize - 1).unwrap().0;
        let next = first.calls()[polled + 1];
        assert!(matches!((totals.lost_transactions, next), (1, Call::Recover) | (0, Call::Poll)), "{next:?} after poll {lost_at}");
        run(&mut lane_of_moved(&log), &options(4)).unwrap();
        assert_eq!(Outcome::of_memory(&log), expected, "lost at poll {lost_at}");
    }
    assert!((1..38).contains(&lost_transactions), "{lost_transactions}: with an open transaction, and without");
}
