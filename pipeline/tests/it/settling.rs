//! A store that knows a block again by its exact range of offsets: after a restart the range of an intent is sent again as it was, however
//! the records are cut from then on.

use pipeline::testing::{
    Call, Fault, FaultKind, FaultLog, FaultSink, MemoryLane, MemoryLog, MemorySink, MemoryStore, PositionOwner, Rebalance, SinkCall,
    SinkFault, SinkFaultKind,
};
use pipeline::{Batch, Committed, LogError, Position, Resume, Shutdown, Sink, SinkError, SinkRunError, TopicPartition, run_sink};

use crate::scene::{self, INPUT, PARTITIONS, memory_log};
use crate::sinks::{NAME, all, assert_complete, lane, options, run};

/// Flushes at so many rows.
fn sink(store: &MemoryStore, full_at: usize) -> MemorySink {
    MemorySink::new(NAME, store, PositionOwner::Intents, full_at)
}

/// Another cut than that of the first run: a flush after each record.
fn finish(log: &MemoryLog, store: &MemoryStore) -> Result<(), SinkRunError> {
    run(&mut sink(store, 1), &mut lane(log).with_batch_sizes(&[1])).map(drop)
}

fn crash_at(at: u64) -> [Fault; 1] {
    [Fault { at, of: None, kind: FaultKind::Crash }]
}

fn intents_standing(log: &MemoryLog) -> usize {
    (0..PARTITIONS).filter(|&partition| log.committed(NAME, INPUT, partition).is_some_and(|at| !at.metadata.is_empty())).count()
}

#[test]
fn a_crash_at_any_call_and_another_cut_after_it() {
    let inputs = scene::inputs(70, 60);
    let log = memory_log(&inputs);
    let mut counted = FaultLog::new(lane(&log), &[]);
    run(&mut sink(&MemoryStore::default(), 10), &mut counted).unwrap();
    let mut left = 0;
    for at in 1..=counted.calls().len() as u64 {
        let (log, store) = (memory_log(&inputs), MemoryStore::default());
        run(&mut sink(&store, 10), &mut FaultLog::new(lane(&log), &crash_at(at))).unwrap_err();
        left = left.max(intents_standing(&log));
        finish(&log, &store).unwrap();
        assert_complete(&log, &store, &format!("crash at call {at}, {:?}", counted.calls()[usize::try_from(at).unwrap() - 1]));
        assert_eq!(intents_standing(&log), 0);
    }
    assert!(left > 1, "intents of several partitions are left behind");
}

#[test]
fn a_crash_at_any_call_of_the_sink_and_another_cut_after_it() {
    let inputs = scene::inputs(71, 50);
    let mut counted = FaultSink::new(sink(&MemoryStore::default(), 10), &[]);
    run(&mut counted, &mut lane(&memory_log(&inputs))).unwrap();
    for at in 1..=counted.calls().len() as u64 {
        let (log, store) = (memory_log(&inputs), MemoryStore::default());
        let fault = SinkFault { at, of: None, times: 1, kind: SinkFaultKind::Crash };
        run(&mut FaultSink::new(sink(&store, 10), &[fault]), &mut lane(&log)).unwrap_err();
        finish(&log, &store).unwrap();
        assert_complete(&log, &store, &format!("crash at call {at}"));
    }
}

#[test]
fn a_second_crash_while_intents_are_settled() {
    let inputs = scene::inputs(72, 40);
    let mut settled = 0;
    // The first run dies with its intents committed: before a flush, or after it.
    for (flush, kind) in
        [(2, SinkFaultKind::Crash), (2, SinkFaultKind::LostReply), (3, SinkFaultKind::Crash), (3, SinkFaultKind::LostReply)]
    {
        for at in 1..60 {
            let (log, store) = (memory_log(&inputs), MemoryStore::default());
            let fault = SinkFault { at: flush, of: Some(SinkCall::Flush), times: 1, kind };
            let down = SinkFault { at: u64::from(PARTITIONS) + 1, of: Some(SinkCall::Position), times: 1, kind: SinkFaultKind::Crash };
            run(&mut FaultSink::new(sink(&store, 9), &[fault, down]), &mut lane(&log)).unwrap_err();
            assert!(intents_standing(&log) > 1);
            let mut second = FaultLog::new(lane(&log).with_batch_sizes(&[2]), &crash_at(at));
            let result = run(&mut sink(&store, 4), &mut second);
            settled += u32::from(result.is_err() && second.calls().contains(&Call::Read));
            finish(&log, &store).unwrap();
            assert_complete(&log, &store, &format!("{kind:?} at flush {flush}, then a crash at call {at}"));
        }
    }
    assert!(settled > 100, "{settled}");
}

#[test]
fn what_is_staged_of_others_is_written_before_an_intent_is_settled() {
    let inputs = scene::inputs(73, 60);
    let (early, late) = (vec![all()[0]], all()[1..].to_vec());
    let script = |assign_at| vec![(1, Rebalance::Assign(early.clone())), (assign_at, Rebalance::Assign(late.clone()))];
    for assign_at in 2..6 {
        for at in 1..50 {
            let (log, store) = (memory_log(&inputs), MemoryStore::default());
            // Intents of the late partitions are left behind by another lane.
            let fault = SinkFault { at: 1, of: Some(SinkCall::Flush), times: 1, kind: SinkFaultKind::Crash };
            let mut other = MemoryLane::with_assignments(&log, NAME, &[INPUT], &[], vec![(1, Rebalance::Assign(late.clone()))]);
            run(&mut FaultSink::new(sink(&store, 5), &[fault]), &mut other).unwrap_err();
            assert_eq!(intents_standing(&log), 1);
            let lane = MemoryLane::with_assignments(&log, NAME, &[INPUT], &[], script(assign_at)).with_batch_sizes(&[2]);
            run(&mut sink(&store, 100), &mut FaultLog::new(lane, &crash_at(at))).ok();
            finish(&log, &store).unwrap();
            assert_complete(&log, &store, &format!("assigned at poll {assign_at}, crash at call {at}"));
        }
    }
}

/// Keeps what it staged, and asks for a stop meanwhile where it has one to ask.
struct Watching {
    inner: MemorySink,
    stop: Option<Shutdown>,
    /// Of each batch the number of records and the next offset.
    staged: Vec<(usize, i64)>,
}

impl Sink for Watching {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Resume, SinkError> {
        self.inner.position(source, committed)
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        if let Some(stop) = &self.stop {
            stop.request();
        }
        self.staged.push((batch.records.len(), batch.next_offset));
        self.inner.stage(batch)
    }

    fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    fn intents(&self) -> Vec<Position> {
        self.inner.intents()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.inner.flush()
    }

    fn discard(&mut self) {
        self.inner.discard();
    }
}

/// Nine records, a gap, one more; and an intent of all but the first two and the last one, up to behind the gap.
fn with_intent() -> MemoryLog {
    let log = memory_log(&[]);
    for number in 0..9 {
        log.append(INPUT, 0, 1_000, Some(b"key"), Some(format!("{number}").as_bytes()), &[]);
    }
    log.skip_offsets(INPUT, 0, 4);
    log.append(INPUT, 0, 1_000, Some(b"key"), Some(b"9"), &[]);
    log.set_committed(NAME, INPUT, 0, Committed { next_offset: 2, metadata: "2..13".into() });
    log
}

#[test]
fn exactly_the_range_is_staged_to_its_end() {
    let (log, store) = (with_intent(), MemoryStore::default());
    let mut sink = Watching { inner: sink(&store, 100), stop: None, staged: Vec::new() };
    let mut counted = FaultLog::new(lane(&log), &[]);
    run(&mut sink, &mut counted).unwrap();
    let read = counted.calls().iter().position(|call| *call == Call::Read).unwrap();
    assert_eq!(counted.calls()[read..read + 4], [Call::Read, Call::KeepAlive, Call::Commit, Call::Seek]);
    assert_eq!(sink.staged, [(3, 5), (3, 8), (1, 9), (0, 13), (1, 14)]);
    assert_eq!(store.rows().iter().map(|row| row.offset).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8, 13]);
    assert_eq!(log.committed(NAME, INPUT, 0), Some(Committed { next_offset: 14, metadata: String::new() }));
}

#[test]
fn a_stop_while_an_intent_is_settled_leaves_it_standing() {
    let (log, store) = (with_intent(), MemoryStore::default());
    let shutdown = Shutdown::default();
    let mut stopped = Watching { inner: sink(&store, 100), stop: Some(shutdown.clone()), staged: Vec::new() };
    run_sink(&mut stopped, &mut lane(&log), &options(), &shutdown).unwrap();
    assert_eq!((stopped.staged.len(), store.rows()), (1, vec![]));
    assert_eq!(log.committed(NAME, INPUT, 0), Some(Committed { next_offset: 2, metadata: "2..13".into() }));
}

#[test]
fn an_intent_that_the_log_no_longer_holds_stops_the_sink() {
    for (metadata, outside) in [("2..13", 2), ("4..99", 99)] {
        let (log, store) = (with_intent(), MemoryStore::default());
        log.delete_before(INPUT, 0, 4);
        log.set_committed(NAME, INPUT, 0, Committed { next_offset: 4, metadata: metadata.into() });
        let error = run(&mut sink(&store, 5), &mut lane(&log)).unwrap_err();
        assert!(matches!(error, SinkRunError::Log(LogError::OutOfRange { position, .. }) if position == outside), "{error:?}");
        assert_eq!(store.rows(), []);
    }
}
