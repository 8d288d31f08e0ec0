//! The one runner of all processors: poll, process, commit; restore at assignment and after every lost transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::restore::Restore;
use crate::snapshots::Saver;
use crate::step::{Assigned, LastRecord, Step};
use crate::{
    AHEAD, Batch, Blocked, Commit, Committed, DeadLetters, Judgement, Log, LogError, LogTimeRule, Moment, Observer, Outcome, Outputs,
    Polled, Position, Processor, Progress, Restored, Shutdown, SnapshotOptions, TopicPartition, Unavailable, heartbeat,
};

/// How a processor is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How its input partitions tell the time.
    pub log_time: LogTimeRule,
    /// Names of its input topics, as [`TopicPartition::topic`] numbers them.
    pub inputs: Vec<String>,
    /// Commit at least this often while records come.
    pub commit_interval: Duration,
    /// Commit after this many records at the latest.
    pub commit_records: u64,
    /// How long to wait before asking again for something that is not available.
    pub retry_interval: Duration,
    /// How often a replay makes way for a sign of life: well within the time after which the log's group gives a silent member up.
    pub keep_alive_interval: Duration,
    /// Told what is not available, each time that it was asked for in vain: says so, and breaks where the run is not to wait for it.
    pub on_unavailable: fn(&Unavailable) -> ControlFlow<()>,
    /// Return once all input has been read and committed, instead of waiting for more.
    pub stop_when_caught_up: bool,
    /// Where states are saved; none: a restore replays the whole input.
    pub snapshots: Option<SnapshotOptions>,
    /// Told what the run does.
    pub observer: Arc<dyn Observer>,
}

impl RunOptions {
    /// Tells of something that is not available, and that a partition waits for.
    ///
    /// # Errors
    /// Where the run is not to wait for it.
    pub(crate) fn tell(&self, source: TopicPartition, unavailable: &Unavailable) -> Result<(), LogError> {
        self.observer.waiting(source, unavailable);
        match (self.on_unavailable)(unavailable) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(LogError::Fatal(unavailable.to_string())),
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records processed, heartbeats among them.
    pub records: u64,
    /// Records left out on purpose: duplicates.
    pub dropped: u64,
    /// Records refused.
    pub rejected: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Transactions lost.
    pub lost_transactions: u64,
    /// Records replayed to restore state.
    pub replayed: u64,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.dropped += other.dropped;
        self.rejected += other.rejected;
        self.commits += other.commits;
        self.lost_transactions += other.lost_transactions;
        self.replayed += other.replayed;
    }
}

/// A processor on a log, from assignment to shutdown.
pub struct ProcessorRun<'r, P: Processor> {
    processor: &'r mut P,
    dead_letters: &'r dyn DeadLetters,
    options: &'r RunOptions,
    assigned: BTreeMap<TopicPartition, Assigned<P::State>>,
    /// Assigned too, but without state as yet.
    unrestored: BTreeSet<TopicPartition>,
    /// Paused partitions, and what their next record waits for. The others go on.
    blocked: BTreeMap<TopicPartition, Blocked>,
    last_retry: Instant,
    out: Outputs,
    /// Records processed since the last commit.
    uncommitted: u64,
    /// A position moved since the last commit, be it past a gap.
    has_moved: bool,
    last_commit: Instant,
    /// Transactions lost in a row.
    losses: u32,
    saver: Option<Saver>,
    totals: Totals,
}

/// Runs `processor` on `log` until `shutdown`, or until all input is read where the options say so.
///
/// # Errors
/// Where the log fails in a way that starting over from the committed positions cannot mend.
pub fn run_processor<P: Processor, L: Log>(
    processor: &mut P,
    log: &mut L,
    dead_letters: &dyn DeadLetters,
    options: &RunOptions,
    shutdown: &Shutdown,
) -> Result<Totals, LogError> {
    let out = Outputs::new(processor.outputs());
    let saver = match (&options.snapshots, processor.state_format()) {
        (Some(snapshots), Some(state_format)) => Some(Saver::new(snapshots, Arc::clone(&options.observer), processor.name(), state_format)),
        _ => None,
    };
    let mut run = ProcessorRun {
        processor,
        dead_letters,
        options,
        assigned: BTreeMap::new(),
        unrestored: BTreeSet::new(),
        blocked: BTreeMap::new(),
        last_retry: Instant::now(),
        out,
        uncommitted: 0,
        has_moved: false,
        last_commit: Instant::now(),
        losses: 0,
        saver,
        totals: Totals::default(),
    };
    run.run(log, shutdown)?;
    Ok(run.totals)
}

/// What the loop does next.
enum Next {
    Turn,
    /// The open transaction is lost, for this reason.
    StartOver(String),
    End,
}

impl<P: Processor> ProcessorRun<'_, P> {
    fn run<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<(), LogError> {
        let mut next = Next::Turn;
        loop {
            // What was not committed is done again by the next run; a log that is away would keep this one waiting.
            if matches!(next, Next::StartOver(_)) && shutdown.is_requested() {
                return Ok(());
            }
            let step = match &next {
                Next::Turn => self.turn(log, shutdown),
                Next::StartOver(why) => self.start_over(log, shutdown, why).map(|()| Next::Turn),
                Next::End => return self.save_all(log),
            };
            next = match step {
                Ok(next) => next,
                Err(LogError::Transaction(why)) => {
                    // A log that cannot even start over is given time, and so is one that takes nothing afterwards.
                    self.losses += 1;
                    if self.losses > 1 && shutdown.wait(self.options.retry_interval) {
                        return Ok(());
                    }
                    Next::StartOver(why)
                }
                Err(error) => return Err(error),
            };
        }
    }

    /// One poll and what follows from it.
    fn turn<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<Next, LogError> {
        if shutdown.is_requested() {
            self.commit(log)?;
            return Ok(Next::End);
        }
        self.retry_blocked(log)?;
        if let Some(saver) = &mut self.saver {
            saver.step(&*self.processor, &mut self.assigned);
        }
        let mut blocked = None;
        match log.poll(self.poll_timeout())? {
            Polled::Assigned(sources) => {
                self.options.observer.assigned(&sources);
                self.unrestored.extend(sources);
                // A restore may take long, and a transaction must not stay open meanwhile.
                self.commit(log)?;
                self.restore_all(log, shutdown)?;
            }
            Polled::Revoked { sources, is_lost: false } => {
                let committed = self.commit(log);
                // Theirs no more, whether or not the commit went through.
                self.drop_partitions(&sources);
                self.options.observer.revoked(&sources, false);
                committed?;
            }
            Polled::Revoked { sources, is_lost: true } => {
                self.drop_partitions(&sources);
                self.options.observer.revoked(&sources, true);
                // The transaction holds outputs of theirs.
                if self.uncommitted > 0 {
                    return Ok(Next::StartOver("partitions were lost that it holds outputs of".to_owned()));
                }
            }
            Polled::Batch(batch) => blocked = self.process(&batch)?.map(|what| (batch.source, what)),
            Polled::Idle { caught_up } => {
                self.commit(log)?;
                if caught_up && self.blocked.is_empty() && self.options.stop_when_caught_up {
                    return Ok(Next::End);
                }
            }
        }
        if !self.out.is_empty() {
            log.send(&mut self.out)?;
        }
        if self.uncommitted >= self.options.commit_records || self.last_commit.elapsed() >= self.options.commit_interval {
            self.commit(log)?;
        }
        if let Some((source, what)) = blocked {
            self.block(log, source, what)?;
        }
        self.options.observer.turned();
        Ok(Next::Turn)
    }

    fn poll_timeout(&self) -> Duration {
        let interval = self.options.commit_interval;
        if self.blocked.is_empty() { interval } else { interval.min(self.options.retry_interval) }
    }

    /// Processes a batch, up to the first record that something is missing for.
    fn process(&mut self, batch: &Batch<'_>) -> Result<Option<Blocked>, LogError> {
        let assigned = self.assigned.get_mut(&batch.source).expect("a log hands out records of assigned partitions only");
        let step = Step { processor: &*self.processor, options: self.options };
        let (before, made_before) = (self.totals, self.out.len());
        let mut last = None;
        let mut blocked = None;
        'batch: for chunk in batch.records.chunks(AHEAD) {
            self.processor.prepare(&assigned.state, chunk);
            for record in chunk {
                if !heartbeat::is_heartbeat(record)
                    && let Err(what) = self.processor.ready(record)
                {
                    blocked = Some(what);
                    break 'batch;
                }
                let moment = Moment::new(batch, Judgement::Open);
                match step.take(assigned, record, moment, &mut self.out)? {
                    Outcome::Done => {}
                    Outcome::PutAway(_) => unreachable!("a step brings back what a record needs"),
                    Outcome::Drop(_) => self.totals.dropped += 1,
                    Outcome::Reject(rejection) => {
                        self.totals.rejected += 1;
                        assigned.counts.reject(rejection.reason);
                        let moment = Moment { log_time_ms: assigned.log_time.now_ms(), ..moment };
                        self.dead_letters.write(self.processor.name(), record, &moment, &rejection, &mut self.out);
                    }
                }
                assigned.next_offset = record.offset + 1;
                self.totals.records += 1;
                self.uncommitted += 1;
                self.has_moved = true;
                last = Some(record);
            }
        }
        assigned.counts.records += self.totals.records - before.records;
        assigned.counts.dropped += self.totals.dropped - before.dropped;
        assigned.counts.outputs += (self.out.len() - made_before) as u64;
        // Of each batch the last one is enough: a state is saved between batches.
        assigned.last = last.map_or(assigned.last, LastRecord::of);
        if blocked.is_none() {
            self.has_moved |= assigned.next_offset != batch.next_offset;
            assigned.next_offset = batch.next_offset;
        }
        Ok(blocked)
    }

    fn drop_partitions(&mut self, sources: &[TopicPartition]) {
        for source in sources {
            self.assigned.remove(source);
            self.unrestored.remove(source);
            self.blocked.remove(source);
            if let Some(saver) = &mut self.saver {
                saver.forget(*source);
            }
        }
    }

    /// Saves every state as it is in the end.
    fn save_all<L: Log>(&mut self, log: &mut L) -> Result<(), LogError> {
        match &mut self.saver {
            Some(saver) => saver.finish(&*self.processor, log, &mut self.assigned),
            None => Ok(()),
        }
    }

    /// Commits what was sent with the position of every partition held, where any of them moved.
    fn commit<L: Log>(&mut self, log: &mut L) -> Result<(), LogError> {
        let started = Instant::now();
        self.last_commit = started;
        if !self.has_moved {
            return Ok(());
        }
        if !self.out.is_empty() {
            log.send(&mut self.out)?;
        }
        let positions: Vec<Position> = self
            .assigned
            .iter()
            .map(|(&source, assigned)| Position {
                source,
                committed: Committed { next_offset: assigned.next_offset, metadata: String::new() },
            })
            .collect();
        log.commit(&positions)?;
        self.losses = 0;
        self.uncommitted = 0;
        self.has_moved = false;
        self.totals.commits += 1;
        self.tell_of_commit(started.elapsed());
        if let Some(saver) = &mut self.saver {
            saver.committed(&*self.processor, log, &mut self.assigned, self.totals.records)?;
            if saver.is_waited_for() {
                saver.settle(&*self.processor, log, &mut self.assigned)?;
            }
        }
        Ok(())
    }

    /// What the commit made count, partition by partition.
    fn tell_of_commit(&mut self, duration: Duration) {
        let processor = &*self.processor;
        let partitions: Vec<Progress> = self
            .assigned
            .iter_mut()
            .map(|(&source, assigned)| Progress {
                source,
                next_offset: assigned.next_offset,
                log_time_ms: assigned.log_time.now_ms(),
                heartbeat_ms: assigned.log_time.heartbeat_ms(),
                counts: std::mem::take(&mut assigned.counts),
                size: processor.size(&assigned.state),
            })
            .collect();
        self.options.observer.committed(&Commit { duration, partitions: &partitions });
    }

    /// After a lost transaction the state of every partition is dropped and restored, of those whose records it held and of all others:
    /// their uncommitted events would look like duplicates.
    fn start_over<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown, why: &str) -> Result<(), LogError> {
        self.totals.lost_transactions += 1;
        self.options.observer.lost_transaction(why);
        self.out.clear();
        self.uncommitted = 0;
        self.has_moved = false;
        self.blocked.clear();
        let dropped: Vec<_> = std::mem::take(&mut self.assigned).into_keys().collect();
        if let Some(saver) = &mut self.saver {
            dropped.iter().for_each(|&source| saver.forget(source));
        }
        self.unrestored.extend(dropped);
        let lost = log.recover()?;
        if !lost.is_empty() {
            self.drop_partitions(&lost);
            self.options.observer.revoked(&lost, true);
        }
        self.restore_all(log, shutdown)?;
        for &source in self.assigned.keys() {
            log.resume(source)?;
        }
        Ok(())
    }

    /// Restores what is still to be restored, until a stop is asked for. A partition counts as assigned from here on, and is read from its
    /// position on.
    fn restore_all<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<(), LogError> {
        while let Some(&source) = self.unrestored.first() {
            if let Some(saver) = &mut self.saver {
                saver.quiesce(log)?;
            }
            let (dead_letters, options, replayed) = (self.dead_letters, self.options, &mut self.totals.replayed);
            let saver = self.saver.as_mut();
            let mut restore = Restore { processor: &mut *self.processor, dead_letters, options, shutdown, saver, replayed };
            let started = Instant::now();
            let replayed_before = *restore.replayed;
            let Some((assigned, from_snapshot)) = restore.partition(log, source)? else { return Ok(()) };
            log.seek(source, assigned.next_offset)?;
            if let Some(saver) = &mut self.saver {
                saver.restored(source, from_snapshot, self.totals.replayed - replayed_before);
            }
            self.options.observer.restored(
                source,
                &Restored {
                    next_offset: assigned.next_offset,
                    log_time_ms: assigned.log_time.now_ms(),
                    from_snapshot,
                    duration: started.elapsed(),
                },
            );
            self.assigned.insert(source, assigned);
            self.unrestored.remove(&source);
        }
        Ok(())
    }

    /// Asks for what a record is blocked by, and reads on from that record; its partition is paused where there is no answer.
    fn block<L: Log>(&mut self, log: &mut L, source: TopicPartition, what: Blocked) -> Result<(), LogError> {
        // Asking may take long, and a transaction must not stay open meanwhile.
        self.commit(log)?;
        if let Err(unavailable) = self.processor.unblock(&what) {
            self.options.tell(source, &unavailable)?;
            log.pause(source)?;
            self.blocked.insert(source, what);
            self.last_retry = Instant::now();
        }
        log.seek(source, self.assigned[&source].next_offset)
    }

    /// Asks again for what paused partitions wait for. The log is polled all the while, or the group would take us for dead.
    fn retry_blocked<L: Log>(&mut self, log: &mut L) -> Result<(), LogError> {
        if self.blocked.is_empty() || self.last_retry.elapsed() < self.options.retry_interval {
            return Ok(());
        }
        self.commit(log)?;
        for (source, what) in std::mem::take(&mut self.blocked) {
            log.keep_alive()?;
            match self.processor.unblock(&what) {
                Ok(()) => {
                    self.options.observer.available(source);
                    log.resume(source)?;
                }
                Err(unavailable) => {
                    self.options.tell(source, &unavailable)?;
                    self.blocked.insert(source, what);
                }
            }
        }
        self.last_retry = Instant::now();
        Ok(())
    }
}
