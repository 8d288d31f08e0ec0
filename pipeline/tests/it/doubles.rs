//! The doubles keep the promises of the trait.

use std::ops::ControlFlow;
use std::time::Duration;

use pipeline::testing::{Call, Fault, FaultKind, FaultLog, MemoryLane, MemoryLog};
use pipeline::{Committed, Log, LogError, Outputs, Polled, Position, Spread, TopicPartition};

const FIRST: TopicPartition = TopicPartition { topic: 0, partition: 0 };

fn at(next_offset: i64) -> Position {
    Position { source: FIRST, committed: Committed { next_offset, metadata: String::new() } }
}

fn two_topics() -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("in", 1);
    log.create_topic("out", 1);
    log.append("in", 0, 1, Some(b"key"), Some(b"value"), &[("name", b"x")]);
    log
}

fn lane(log: &MemoryLog) -> MemoryLane {
    let mut lane = MemoryLane::new(log, "stage", &["in"], &[log.output_topic("out", Spread::SamePartition)]);
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Assigned(sources)) if sources == [FIRST]));
    lane.seek(FIRST, 0).unwrap();
    lane
}

fn send(lane: &mut impl Log, log: &MemoryLog, value: &[u8]) {
    let mut out = Outputs::new(&[log.output_topic("out", Spread::SamePartition)]);
    out.push_to(0, 0, 5, b"key", |bytes| bytes.extend_from_slice(value));
    lane.send(&mut out).unwrap();
    assert!(out.is_empty());
}

#[test]
fn outputs_appear_with_the_commit_and_not_before() {
    let log = two_topics();
    let mut lane = lane(&log);
    send(&mut lane, &log, b"a");
    assert_eq!(log.bounds("out", 0), (0, 0));
    lane.commit(&[at(1)]).unwrap();
    assert_eq!(log.bounds("out", 0), (0, 1));
    send(&mut lane, &log, b"b");
    lane.recover().unwrap();
    lane.commit(&[at(1)]).unwrap();
    assert_eq!(log.bounds("out", 0), (0, 1), "what was sent before a recovery is gone");
}

#[test]
fn whoever_was_replaced_is_fenced() {
    let log = two_topics();
    let (mut old, mut new) = (lane(&log), lane(&log));
    new.commit(&[at(1)]).unwrap();
    send(&mut old, &log, b"a");
    assert!(matches!(old.commit(&[at(1)]), Err(LogError::Fenced(_))));
    assert_eq!(log.bounds("out", 0), (0, 0));
    assert_eq!(log.committed("stage", "in", 0), Some(at(1).committed));
}

#[test]
fn a_lost_reply_is_a_commit_and_an_abort_is_none() {
    for (kind, offset) in [(FaultKind::LostReply, Some(1)), (FaultKind::Abort, None), (FaultKind::Crash, None)] {
        let log = two_topics();
        let mut lane = FaultLog::new(lane(&log), &[Fault { at: 1, of: Some(Call::Commit), kind }]);
        send(&mut lane, &log, b"a");
        lane.commit(&[at(1)]).unwrap_err();
        assert_eq!(log.committed("stage", "in", 0).map(|at| at.next_offset), offset, "{kind:?}");
        assert_eq!(log.bounds("out", 0).1, offset.unwrap_or(0), "{kind:?}");
        assert_eq!(lane.recover().is_err(), kind == FaultKind::Crash, "after a crash every call fails");
    }
}

#[test]
fn where_reading_starts_is_for_the_caller_to_say() {
    let log = two_topics();
    let mut lane = lane(&log);
    lane.recover().unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Err(LogError::Fatal(_))));
    lane.seek(FIRST, 1).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Idle { caught_up: true })));
}

#[test]
fn a_read_reaches_from_one_offset_to_the_other_or_fails() {
    let log = two_topics();
    log.append("in", 0, 2, Some(b"key"), Some(b"value"), &[]);
    log.skip_offsets("in", 0, 2);
    log.delete_before("in", 0, 1);
    let mut lane = lane(&log);
    for (from, to, outside) in [(1, 4, None), (1, 1, None), (0, 2, Some(0)), (1, 5, Some(5))] {
        let mut offsets = Vec::new();
        let read = lane.read(FIRST, from, to, &mut |batch| {
            offsets.extend(batch.records.iter().map(|record| record.offset));
            ControlFlow::Continue(())
        });
        match (read, outside) {
            (Ok(()), None) => assert_eq!(offsets, (from..to.min(2)).collect::<Vec<_>>()),
            (Err(LogError::OutOfRange { position, .. }), Some(outside)) => assert_eq!((position, offsets.len()), (outside, 0)),
            (read, _) => panic!("{from}..{to}: {read:?}"),
        }
    }
}

#[test]
fn a_batch_carries_what_was_appended() {
    let log = two_topics();
    log.skip_offsets("in", 0, 3);
    let mut lane = lane(&log);
    let Ok(Polled::Batch(batch)) = lane.poll(Duration::ZERO) else { panic!("a batch") };
    assert_eq!((batch.records.len(), batch.next_offset), (1, 1));
    assert_eq!(batch.records[0].header("name"), Some(&b"x"[..]));
    let Ok(Polled::Batch(batch)) = lane.poll(Duration::ZERO) else { panic!("a step past the gap at the end") };
    assert_eq!((batch.records.len(), batch.next_offset), (0, 4));
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Idle { caught_up: true })));
    lane.seek(FIRST, 9).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Err(LogError::OutOfRange { position: 9, first: 0, end: 4, .. })));
    lane.pause(FIRST).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Idle { .. })), "a paused partition is not read");
}
