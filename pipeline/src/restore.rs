//! Rebuilding the state of a partition: a replay of the log up to the committed position, with outputs suppressed.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::snapshots::Saver;
use crate::step::{Assigned, LastRecord, Step};
use crate::{
    Batch, Blocked, DeadLetters, Judgement, Log, LogError, LogTime, Moment, Outputs, Processor, RunOptions, Shutdown, TopicPartition,
    Unavailable, Verdicts, heartbeat, snapshots,
};

/// A partition, and the offset of the snapshot that it was restored from, if any.
type Restored<S> = (Assigned<S>, Option<i64>);
/// A partition as a snapshot holds it, if any; and the segments of one without.
type FromSnapshot<S> = (Option<Assigned<S>>, Option<snapshots::Segments>);

/// What a restore needs. Whatever it waits for, the group hears of it and a stop is heard.
pub(crate) struct Restore<'r, P: Processor> {
    pub(crate) processor: &'r mut P,
    pub(crate) dead_letters: &'r dyn DeadLetters,
    pub(crate) options: &'r RunOptions,
    pub(crate) shutdown: &'r Shutdown,
    pub(crate) saver: Option<&'r mut Saver>,
    /// Records replayed.
    pub(crate) replayed: &'r mut u64,
}

/// Why a read of the log was broken off.
enum Halt {
    /// A stop was asked for.
    Stop,
    /// The group is due a sign of life, for which the log must be free.
    SignOfLife,
    /// The next record lacks something.
    Blocked(Blocked),
    /// A dead letter cannot be read.
    Unavailable(Unavailable),
    /// The state cannot be brought to where it was.
    Failed(LogError),
}

impl<P: Processor> Restore<'_, P> {
    /// A partition as it was at its committed position, and the offset of the snapshot that it was restored from, if any. None where a stop
    /// was asked for: nobody will look at its state.
    pub(crate) fn partition<L: Log>(&mut self, log: &mut L, source: TopicPartition) -> Result<Option<Restored<P::State>>, LogError> {
        // In this order: a log that knows the position waits for an end that is not known to reach it yet.
        let committed = log.committed(source)?;
        let (first, end) = log.bounds(source)?;
        let committed = committed.map_or(first, |committed| committed.next_offset);
        // Behind the log's beginning records were lost, above its end it is another log.
        if !(first..=end).contains(&committed) {
            let topic = self.options.inputs[usize::from(source.topic)].clone();
            return Err(LogError::OutOfRange { topic, partition: source.partition, position: committed, first, end });
        }
        let (snapshot, segments) = self.snapshot(log, source, (first, committed))?;
        let from_snapshot = snapshot.as_ref().map(|assigned| assigned.next_offset);
        let mut assigned = snapshot
            .unwrap_or_else(|| Assigned::new(self.processor.new_state(source), LogTime::new(&self.options.log_time), first, segments));
        if assigned.next_offset == committed {
            return Ok(Some((assigned, from_snapshot)));
        }
        let Some(verdicts) = self.read_verdicts(log, source)? else { return Ok(None) };
        loop {
            let most =
                self.saver.as_ref().map_or(i64::MAX, |saver| i64::try_from(saver.records_between_saves()).unwrap_or(i64::MAX).max(1));
            let to = committed.min(assigned.next_offset.saturating_add(most));
            if self.replay(log, source, to, &verdicts, &mut assigned)?.is_break() {
                return Ok(None);
            }
            assigned.next_offset = to;
            if to == committed {
                return Ok(Some((assigned, from_snapshot)));
            }
            if let Some(saver) = self.saver.as_deref_mut() {
                assigned = saver.save_in_replay(&*self.processor, log, source, assigned)?;
            }
        }
    }

    /// A partition as the newest usable snapshot holds it, and the segments that it has without one.
    fn snapshot<L: Log>(&self, log: &mut L, source: TopicPartition, bounds: (i64, i64)) -> Result<FromSnapshot<P::State>, LogError> {
        let (Some(options), Some(state_format)) = (&self.options.snapshots, self.processor.state_format()) else { return Ok((None, None)) };
        let of = (state_format, log.topic_id(source)?, source.partition);
        let new_log_time = LogTime::new(&self.options.log_time);
        let load = |saved: &[u8]| {
            let state = self.processor.load(source, saved)?;
            let segments = self.processor.segments(&state);
            Ok((state, segments))
        };
        let is_ours = |last: LastRecord| {
            // What it saw last may be gone by now: then only the offset speaks for it.
            if last.offset < bounds.0 {
                return Ok(true);
            }
            let mut found = LastRecord::NONE;
            log.read(source, last.offset, last.offset + 1, &mut |batch| {
                found = batch.records.first().map_or(LastRecord::NONE, LastRecord::of);
                ControlFlow::Break(())
            })?;
            Ok(found == last)
        };
        let saved = snapshots::newest_usable(options, self.processor.name(), of, bounds, &new_log_time, is_ours, load)?;
        Ok((saved.map(Assigned::saved), Some(snapshots::no_segments(options, self.processor.name(), of))))
    }

    /// What was refused in a partition. None where a stop was asked for.
    fn read_verdicts<L: Log>(&self, log: &mut L, source: TopicPartition) -> Result<Option<Verdicts>, LogError> {
        let mut verdicts = Verdicts::default();
        if self.dead_letters.topic().is_empty() {
            return Ok(Some(verdicts));
        }
        let (topic, partition) = (self.dead_letters.topic(), self.dead_letters.partition(source));
        loop {
            log.keep_alive()?;
            let mut halt = None;
            let mut last_sign = Instant::now();
            log.read_topic(topic, partition, &mut |letter| {
                if last_sign.elapsed() >= self.options.keep_alive_interval {
                    last_sign = Instant::now();
                    self.options.observer.replayed(source, 0);
                }
                if self.shutdown.is_requested() {
                    halt = Some(Halt::Stop);
                    return ControlFlow::Break(());
                }
                match self.dead_letters.refused(self.processor.name(), letter) {
                    Ok(Some((topic_id, partition, offset))) if partition == source.partition => verdicts.refuse(topic_id, offset),
                    Ok(_) => {}
                    Err(unavailable) => halt = Some(Halt::Unavailable(unavailable)),
                }
                flow(halt.as_ref())
            })?;
            match halt {
                None => return Ok(Some(verdicts)),
                // The letters read so far are refusals when they are read again.
                Some(Halt::Unavailable(unavailable)) => {
                    self.options.tell(source, &unavailable)?;
                    if self.shutdown.wait(self.options.retry_interval) {
                        return Ok(None);
                    }
                }
                Some(_) => return Ok(None),
            }
        }
    }

    /// Lets `assigned` see the records up to before the offset `to`. Break where a stop was asked for.
    fn replay<L: Log>(
        &mut self,
        log: &mut L,
        source: TopicPartition,
        to: i64,
        verdicts: &Verdicts,
        assigned: &mut Assigned<P::State>,
    ) -> Result<ControlFlow<()>, LogError> {
        let mut out = Outputs::suppressed(self.processor.outputs());
        while assigned.next_offset < to {
            log.keep_alive()?;
            let started = Instant::now();
            let before = *self.replayed;
            let mut halt = None;
            log.read(source, assigned.next_offset, to, &mut |batch| {
                halt = self.replay_batch(batch, to, verdicts, assigned, &mut out);
                if halt.is_none() && started.elapsed() >= self.options.keep_alive_interval {
                    halt = Some(Halt::SignOfLife);
                }
                flow(halt.as_ref())
            })?;
            self.options.observer.replayed(source, *self.replayed - before);
            match halt {
                None => break,
                Some(Halt::SignOfLife) => {}
                Some(Halt::Blocked(what)) if self.wait_for(log, source, &what)?.is_continue() => {}
                Some(Halt::Failed(error)) => return Err(error),
                Some(_) => return Ok(ControlFlow::Break(())),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Replays a batch up to the first record that something is missing for.
    fn replay_batch(
        &mut self,
        batch: &Batch<'_>,
        to: i64,
        verdicts: &Verdicts,
        assigned: &mut Assigned<P::State>,
        out: &mut Outputs,
    ) -> Option<Halt> {
        if self.shutdown.is_requested() {
            return Some(Halt::Stop);
        }
        let step = Step { processor: &*self.processor, options: self.options };
        let mut last = None;
        let mut halt = None;
        for record in batch.records.iter().filter(|record| record.offset < to) {
            if verdicts.is_refused(batch.topic_id, record.offset) {
                step.pass_time(assigned, record, batch.source, out);
            } else {
                if !heartbeat::is_heartbeat(record)
                    && let Err(blocked) = self.processor.ready(record)
                {
                    halt = Some(Halt::Blocked(blocked));
                    break;
                }
                if let Err(error) = step.take(assigned, record, Moment::new(batch, Judgement::Accepted), out) {
                    return Some(Halt::Failed(error));
                }
            }
            assigned.next_offset = record.offset + 1;
            *self.replayed += 1;
            last = Some(record);
        }
        assigned.last = last.map_or(assigned.last, LastRecord::of);
        if halt.is_none() {
            assigned.next_offset = batch.next_offset.min(to);
        }
        halt
    }

    /// A dependency that is down is waited for. Break where a stop was asked for.
    fn wait_for<L: Log>(&mut self, log: &mut L, source: TopicPartition, what: &Blocked) -> Result<ControlFlow<()>, LogError> {
        while let Err(unavailable) = self.processor.unblock(what) {
            self.options.tell(source, &unavailable)?;
            if self.shutdown.wait(self.options.retry_interval) {
                return Ok(ControlFlow::Break(()));
            }
            log.keep_alive()?;
        }
        self.options.observer.available(source);
        Ok(ControlFlow::Continue(()))
    }
}

fn flow(halt: Option<&Halt>) -> ControlFlow<()> {
    if halt.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
