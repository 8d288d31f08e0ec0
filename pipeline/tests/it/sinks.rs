//! Sinks: the store knows how far it got, and whatever fails, every record is in it once.

use std::time::Duration;

use pipeline::testing::{
    Call, Fault, FaultKind, FaultLog, FaultSink, MemoryLane, MemoryLog, MemorySink, MemoryStore, PositionOwner, Rebalance, SinkCall,
    SinkFault, SinkFaultKind, SinkRow,
};
use pipeline::{
    Batch, Committed, Log, LogError, Position, Resume, Shutdown, Sink, SinkError, SinkOptions, SinkRunError, SinkTotals, TopicPartition,
    run_sink,
};

use crate::scene::{self, INPUT, PARTITIONS, memory_log};

pub(crate) const NAME: &str = "store";

pub(crate) fn options() -> SinkOptions {
    SinkOptions {
        flush_interval: Duration::from_hours(1),
        retry_interval: Duration::ZERO,
        on_unavailable: |_| std::ops::ControlFlow::Continue(()),
        stop_when_caught_up: true,
        log_times: vec![pipeline::LogTimeRule::Records],
        observer: pipeline::unobserved(),
    }
}

pub(crate) fn all() -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition { topic: 0, partition }).collect()
}

pub(crate) fn lane(log: &MemoryLog) -> MemoryLane {
    MemoryLane::new(log, NAME, &[INPUT], &[]).with_batch_sizes(&[3, 1, 4])
}

pub(crate) fn run(sink: &mut impl Sink, log: &mut impl Log) -> Result<SinkTotals, SinkRunError> {
    run_sink(sink, log, &options(), &Shutdown::default())
}

/// Every record of the input, in order.
fn expected(log: &MemoryLog) -> Vec<SinkRow> {
    let of_partition = |source: TopicPartition| {
        let records = log.records(INPUT, source.partition).into_iter();
        records.map(move |record| SinkRow { source, offset: record.offset, key: record.key, value: record.value })
    };
    all().into_iter().flat_map(of_partition).collect()
}

fn sorted(store: &MemoryStore) -> Vec<SinkRow> {
    let mut rows = store.rows();
    rows.sort();
    rows
}

pub(crate) fn assert_complete(log: &MemoryLog, store: &MemoryStore, context: &str) {
    assert_eq!(sorted(store), expected(log), "{context}");
    for source in all() {
        let committed = log.committed(NAME, INPUT, source.partition).map(|committed| committed.next_offset);
        assert_eq!(committed, Some(log.bounds(INPUT, source.partition).1), "{context}");
    }
}

pub(crate) const OWNERS: [PositionOwner; 3] = [PositionOwner::Store, PositionOwner::Log, PositionOwner::Intents];

#[test]
fn a_log_that_fails_at_any_call_costs_and_doubles_nothing() {
    let inputs = scene::inputs(40, 60);
    for owner in OWNERS {
        let (log, store) = (memory_log(&inputs), MemoryStore::default());
        let mut counted = FaultLog::new(lane(&log), &[]);
        let totals = run(&mut MemorySink::new(NAME, &store, owner, 10), &mut counted).unwrap();
        assert_eq!((totals.records, totals.retries), (60, 0));
        assert!(totals.flushes >= 5, "{totals:?}");
        assert_complete(&log, &store, "undisturbed");
        let calls = counted.calls().to_vec();
        for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
            for at in 1..=calls.len() as u64 {
                let context = format!("{owner:?}, {kind:?} at call {at}, {:?}", calls[usize::try_from(at).unwrap() - 1]);
                let (log, store) = (memory_log(&inputs), MemoryStore::default());
                let mut disturbed = FaultLog::new(lane(&log), &[Fault { at, of: None, kind }]);
                if run(&mut MemorySink::new(NAME, &store, owner, 10), &mut disturbed).is_err() {
                    assert_eq!(kind, FaultKind::Crash, "{context}");
                    run(&mut MemorySink::new(NAME, &store, owner, 10), &mut lane(&log)).unwrap();
                }
                assert_eq!(disturbed.fired(), 1, "{context}");
                assert_complete(&log, &store, &context);
            }
        }
    }
}

#[test]
fn a_store_that_fails_at_any_call_costs_and_doubles_nothing() {
    let inputs = scene::inputs(41, 50);
    for owner in OWNERS {
        let (log, store) = (memory_log(&inputs), MemoryStore::default());
        let mut counted = FaultSink::new(MemorySink::new(NAME, &store, owner, 7), &[]);
        run(&mut counted, &mut lane(&log)).unwrap();
        let calls = counted.calls().to_vec();
        for call in [SinkCall::Position, SinkCall::Stage, SinkCall::Flush] {
            assert!(calls.contains(&call));
        }
        for (kind, times) in [(SinkFaultKind::Down, 1), (SinkFaultKind::Down, 9), (SinkFaultKind::LostReply, 1), (SinkFaultKind::Crash, 1)]
        {
            for at in 1..=calls.len() as u64 {
                let context = format!("{owner:?}, {kind:?} for {times} calls at call {at}, {:?}", calls[usize::try_from(at).unwrap() - 1]);
                let (log, store) = (memory_log(&inputs), MemoryStore::default());
                let mut sink = FaultSink::new(MemorySink::new(NAME, &store, owner, 7), &[SinkFault { at, of: None, times, kind }]);
                match run(&mut sink, &mut lane(&log)) {
                    Ok(totals) => assert!(totals.retries >= 1, "{context}"),
                    Err(error) => {
                        assert_eq!(error.to_string(), "sink store: crash", "{context}");
                        run(&mut MemorySink::new(NAME, &store, owner, 7), &mut lane(&log)).unwrap();
                    }
                }
                assert_complete(&log, &store, &context);
            }
        }
    }
}

#[test]
fn both_fail_at_once() {
    let inputs = scene::inputs(42, 40);
    for owner in OWNERS {
        for commit in 1..4 {
            for position in 4..9 {
                // The log loses a commit, and while the runner starts over the store is down.
                let (log, store) = (memory_log(&inputs), MemoryStore::default());
                let fault = Fault { at: commit, of: Some(Call::Commit), kind: FaultKind::LostReply };
                let down = SinkFault { at: position, of: Some(SinkCall::Position), times: 2, kind: SinkFaultKind::Down };
                let mut sink = FaultSink::new(MemorySink::new(NAME, &store, owner, 7), &[down]);
                run(&mut sink, &mut FaultLog::new(lane(&log), &[fault])).unwrap();
                assert_complete(&log, &store, &format!("{owner:?}, commit {commit}, position {position}"));
            }
        }
    }
}

#[test]
fn while_the_store_is_down_nothing_is_read_and_the_log_is_polled() {
    let inputs = scene::inputs(43, 40);
    let (log, store) = (memory_log(&inputs), MemoryStore::default());
    let down = SinkFault { at: 1, of: Some(SinkCall::Flush), times: 1, kind: SinkFaultKind::Down };
    let still_down = SinkFault { at: 4, of: Some(SinkCall::Position), times: 30, kind: SinkFaultKind::Down };
    let mut sink = FaultSink::new(MemorySink::new(NAME, &store, PositionOwner::Store, 5), &[down, still_down]);
    let mut counted = FaultLog::new(lane(&log), &[]);
    let totals = run(&mut sink, &mut counted).unwrap();
    assert_eq!(totals.retries, 31);
    assert_complete(&log, &store, "after the outage");
    let calls = sink.calls();
    let failed = calls.iter().position(|call| *call == SinkCall::Flush).unwrap();
    assert!(calls[failed + 1..failed + 31].iter().all(|call| *call == SinkCall::Position), "{calls:?}");
    let paused = counted.calls().iter().position(|call| *call == Call::Pause).unwrap();
    let resumed = counted.calls().iter().position(|call| *call == Call::Resume).unwrap();
    assert!(counted.calls()[paused..resumed].iter().filter(|call| **call == Call::Poll).count() >= 30);
}

#[test]
fn a_stop_during_an_outage_is_heard_and_loses_nothing() {
    let inputs = scene::inputs(44, 30);
    let (log, store) = (memory_log(&inputs), MemoryStore::default());
    let down = SinkFault { at: 1, of: Some(SinkCall::Flush), times: u64::MAX / 2, kind: SinkFaultKind::Down };
    let mut sink = FaultSink::new(MemorySink::new(NAME, &store, PositionOwner::Store, 5), &[down]);
    let shutdown = Shutdown::default();
    shutdown.request();
    let options = SinkOptions { retry_interval: Duration::from_hours(1), ..options() };
    run_sink(&mut sink, &mut lane(&log), &options, &shutdown).unwrap();
    assert_eq!(store.rows(), []);
    run(&mut MemorySink::new(NAME, &store, PositionOwner::Store, 5), &mut lane(&log)).unwrap();
    assert_complete(&log, &store, "after the stop");
}

#[test]
fn a_partition_moves_while_the_store_is_down() {
    let inputs = scene::inputs(45, 50);
    let moved = TopicPartition { topic: 0, partition: 1 };
    for owner in OWNERS {
        for revoke_at in 2..14 {
            for flush in 1..4 {
                for kind in [SinkFaultKind::Down, SinkFaultKind::LostReply] {
                    let (log, store) = (memory_log(&inputs), MemoryStore::default());
                    let script = vec![(1, Rebalance::Assign(all())), (revoke_at, Rebalance::Revoke(vec![moved]))];
                    let mut first = MemoryLane::with_assignments(&log, NAME, &[INPUT], &[], script).with_batch_sizes(&[3]);
                    let fault = SinkFault { at: flush, of: Some(SinkCall::Flush), times: 1, kind };
                    let mut sink = FaultSink::new(MemorySink::new(NAME, &store, owner, 8), &[fault]);
                    run(&mut sink, &mut first).unwrap();
                    let script = vec![(1, Rebalance::Assign(vec![moved]))];
                    let mut second = MemoryLane::with_assignments(&log, NAME, &[INPUT], &[], script);
                    run(&mut MemorySink::new(NAME, &store, owner, 8), &mut second).unwrap();
                    assert_complete(&log, &store, &format!("{owner:?}, revoked at poll {revoke_at}, {kind:?} at flush {flush}"));
                }
            }
        }
    }
}

#[test]
fn a_partition_that_is_lost_is_neither_written_nor_committed() {
    let inputs = scene::inputs(48, 50);
    let moved = TopicPartition { topic: 0, partition: 1 };
    for owner in OWNERS {
        let mut discarded = 0;
        for lost_at in 2..20 {
            let (log, store) = (memory_log(&inputs), MemoryStore::default());
            let script = vec![(1, Rebalance::Assign(all())), (lost_at, Rebalance::Lose(vec![moved]))];
            let mut first = MemoryLane::with_assignments(&log, NAME, &[INPUT], &[], script).with_batch_sizes(&[3]);
            let mut sink = FaultSink::new(MemorySink::new(NAME, &store, owner, 8), &[]);
            run(&mut sink, &mut first).unwrap();
            discarded += u32::from(sink.calls().iter().filter(|call| **call == SinkCall::Position).count() > all().len());
            let script = vec![(1, Rebalance::Assign(vec![moved]))];
            let mut second = MemoryLane::with_assignments(&log, NAME, &[INPUT], &[], script);
            run(&mut MemorySink::new(NAME, &store, owner, 8), &mut second).unwrap();
            assert_complete(&log, &store, &format!("{owner:?}, lost at poll {lost_at}"));
        }
        assert_eq!(discarded, 18, "the partitions kept are asked for again");
    }
}

#[test]
fn a_position_outside_the_log_stops_the_sink() {
    let source = TopicPartition { topic: 0, partition: 0 };
    for (position, trim) in [(99, 0), (1, 5)] {
        let (log, store) = (memory_log(&scene::inputs(46, 40)), MemoryStore::default());
        log.delete_before(INPUT, 0, trim);
        store.set_position(source, position);
        let error = run(&mut MemorySink::new(NAME, &store, PositionOwner::Store, 5), &mut lane(&log)).unwrap_err();
        assert!(matches!(error, SinkRunError::Log(LogError::OutOfRange { position: at, .. }) if at == position), "{error:?}");
    }
}

/// Looks in the log whether each intent was kept before it writes.
struct Declaring {
    inner: MemorySink,
    log: MemoryLog,
    flushes: u32,
}

impl Sink for Declaring {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Resume, SinkError> {
        self.inner.position(source, committed)
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        self.inner.stage(batch)
    }

    fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    fn intents(&self) -> Vec<Position> {
        self.inner.intents()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        for Position { source, committed } in self.inner.intents() {
            assert!(!committed.metadata.is_empty());
            assert_eq!(self.log.committed(NAME, INPUT, source.partition), Some(committed), "the intent comes first");
            self.flushes += 1;
        }
        self.inner.flush()
    }

    fn discard(&mut self) {
        self.inner.discard();
    }
}

#[test]
fn intent_then_store_then_position() {
    let inputs = scene::inputs(47, 60);
    for fault in [None, Some(FaultKind::Abort), Some(FaultKind::LostReply)] {
        for at in 1..8 {
            let (log, store) = (memory_log(&inputs), MemoryStore::default());
            let inner = MemorySink::new(NAME, &store, PositionOwner::Intents, 9);
            let mut sink = Declaring { inner, log: log.clone(), flushes: 0 };
            let faults: Vec<Fault> = fault.iter().map(|&kind| Fault { at, of: Some(Call::Commit), kind }).collect();
            run(&mut sink, &mut FaultLog::new(lane(&log), &faults)).unwrap();
            assert!(sink.flushes > 3);
            assert_complete(&log, &store, &format!("{fault:?} at commit {at}"));
            assert!((0..PARTITIONS).all(|partition| log.committed(NAME, INPUT, partition).unwrap().metadata.is_empty()));
        }
    }
}
