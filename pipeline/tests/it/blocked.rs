//! A dependency that is down pauses the partition that needs it; the others go on, and nothing is refused.

use std::ops::ControlFlow;
use std::time::Duration;

use pipeline::testing::{Call, FaultLog};
use pipeline::{Batch, Committed, Log, LogError, Outputs, Polled, Position, Record, Shutdown, TopicId, TopicPartition, run_processor};

use crate::counter::{Counter, Letters};
use crate::scene::{self, INPUT, Outcome, lane, memory_log, options, output_topics, run_with, undisturbed};

fn blocked_for(unblocks_needed: u64) -> Counter {
    Counter { unblocks_needed, ..Counter::new(output_topics()) }
}

#[test]
fn the_outputs_are_those_of_a_run_without_it() {
    let inputs = scene::inputs(30, 60);
    let expected = undisturbed(&inputs);
    for unblocks_needed in [1, 2, 5, 40] {
        let log = memory_log(&inputs);
        let mut counter = blocked_for(unblocks_needed);
        let totals = run_with(&mut counter, &mut lane(&log).with_batch_sizes(&[2]), &Letters, &options(7)).unwrap();
        assert_eq!(Outcome::of_memory(&log), expected);
        assert_eq!(totals.records, inputs.len() as u64, "no record was processed twice");
        assert!(counter.unblocks >= unblocks_needed);
    }
}

/// Asks for a stop at a given poll.
struct StopAt<L> {
    inner: L,
    polls_left: u32,
    shutdown: Shutdown,
}

impl<L: Log> Log for StopAt<L> {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        self.polls_left = self.polls_left.saturating_sub(1);
        if self.polls_left == 0 {
            self.shutdown.request();
        }
        self.inner.poll(timeout)
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        self.inner.topic_id(source)
    }

    fn keep_alive(&mut self) -> Result<(), LogError> {
        self.inner.keep_alive()
    }

    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.inner.read(source, from, to, each)
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        self.inner.read_topic(topic, partition, each)
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        self.inner.bounds(source)
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        self.inner.committed(source)
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        self.inner.send(outputs)
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.inner.commit(positions)
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        self.inner.recover()
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.inner.seek(source, offset)
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.inner.pause(source)
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.inner.resume(source)
    }
}

#[test]
fn the_other_partitions_go_on_and_the_log_is_polled() {
    let log = memory_log(&[]);
    log.append(INPUT, 0, 1_000, Some(b"key"), Some(b"?a"), &[]);
    for number in 0..20 {
        log.append(INPUT, 1, 1_000, Some(b"key"), Some(format!("{number}").as_bytes()), &[]);
    }
    let shutdown = Shutdown::default();
    let inner = FaultLog::new(lane(&log).with_batch_sizes(&[1]), &[]);
    let mut lane = StopAt { inner, polls_left: 200, shutdown: shutdown.clone() };
    run_processor(&mut blocked_for(u64::MAX), &mut lane, &Letters, &options(5), &shutdown).unwrap();
    assert_eq!(log.committed(crate::counter::STAGE, INPUT, 1).map(|at| at.next_offset), Some(20));
    assert_eq!(log.committed(crate::counter::STAGE, INPUT, 0).map(|at| at.next_offset), Some(0));
    let polls = lane.inner.calls().iter().filter(|call| **call == Call::Poll).count();
    assert_eq!(polls, 200, "it waits with its eyes open, and stops when asked");
}

#[test]
fn a_stop_during_a_replay_is_heard() {
    let inputs = scene::inputs(31, 60);
    let log = memory_log(&inputs);
    scene::run(&mut lane(&log), &options(7)).unwrap();
    let before = Outcome::of_memory(&log);
    // The registry is gone for good, and the stop comes with the first poll, before the replay.
    let shutdown = Shutdown::default();
    let mut stopping = StopAt { inner: lane(&log), polls_left: 1, shutdown: shutdown.clone() };
    let totals = run_processor(&mut blocked_for(u64::MAX), &mut stopping, &Letters, &options(7), &shutdown).unwrap();
    assert_eq!((totals.replayed, totals.records), (0, 0));
    assert_eq!(Outcome::of_memory(&log), before);
}
