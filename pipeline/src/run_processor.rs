//! The one runner of all processors: poll, process, commit; restore at assignment and after every lost transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::heartbeat::{self, Beat};
use crate::{
    AHEAD, Batch, Blocked, Committed, DeadLetters, Judgement, Log, LogError, LogTime, LogTimeRule, Moment, Outcome, Outputs, Polled,
    Position, Processor, Record, Shutdown, Spread, TopicPartition, Verdicts,
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
    /// Return once all input has been read and committed, instead of waiting for more.
    pub stop_when_caught_up: bool,
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

struct Assigned<S> {
    state: S,
    log_time: LogTime,
    next_offset: i64,
    /// Number of the last [`heartbeat::INTERVAL_MS`] for which a heartbeat was passed on.
    beat: i64,
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
    last_commit: Instant,
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
        last_commit: Instant::now(),
        totals: Totals::default(),
    };
    run.run(log, shutdown)?;
    Ok(run.totals)
}

impl<P: Processor> ProcessorRun<'_, P> {
    fn run<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<(), LogError> {
        let mut is_lost = false;
        loop {
            let step = if is_lost { self.start_over(log, shutdown).map(|()| false) } else { self.turn(log, shutdown) };
            match step {
                Ok(true) => return Ok(()),
                Ok(false) => is_lost = false,
                Err(LogError::Transaction(_)) => {
                    // A log that cannot even start over is given time.
                    if is_lost && shutdown.wait(self.options.retry_interval) {
                        return Ok(());
                    }
                    is_lost = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One poll and what follows from it. True when the run is over.
    fn turn<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<bool, LogError> {
        if shutdown.is_requested() {
            self.commit(log)?;
            return Ok(true);
        }
        self.retry_blocked(log)?;
        let mut blocked = None;
        match log.poll(self.poll_timeout())? {
            Polled::Assigned(sources) => {
                self.unrestored.extend(sources);
                self.restore_all(log, shutdown)?;
            }
            Polled::Revoked(sources) => {
                let committed = self.commit(log);
                // Theirs no more, whether or not the commit went through.
                for source in &sources {
                    self.assigned.remove(source);
                    self.blocked.remove(source);
                }
                committed?;
            }
            Polled::Batch(batch) => blocked = self.process(&batch).map(|what| (batch.source, what)),
            Polled::Idle { caught_up } => {
                self.commit(log)?;
                if caught_up && self.blocked.is_empty() && self.options.stop_when_caught_up {
                    return Ok(true);
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
        Ok(false)
    }

    fn poll_timeout(&self) -> Duration {
        let interval = self.options.commit_interval;
        if self.blocked.is_empty() { interval } else { interval.min(self.options.retry_interval) }
    }

    /// Processes a batch, up to the first record that something is missing for.
    fn process(&mut self, batch: &Batch<'_>) -> Option<Blocked> {
        let assigned = self.assigned.get_mut(&batch.source).expect("a log hands out records of assigned partitions only");
        for chunk in batch.records.chunks(AHEAD) {
            self.processor.prepare(&assigned.state, chunk);
            for record in chunk {
                if !heartbeat::is_heartbeat(record)
                    && let Err(blocked) = self.processor.ready(record)
                {
                    return Some(blocked);
                }
                let moment = moment_of(batch, Judgement::Open);
                match step_of(self.processor, self.options).take(assigned, record, moment, &mut self.out) {
                    Outcome::Done => {}
                    Outcome::Drop(_) => self.totals.dropped += 1,
                    Outcome::Reject(rejection) => {
                        self.totals.rejected += 1;
                        let moment = Moment { log_time_ms: assigned.log_time.now_ms(), ..moment };
                        self.dead_letters.write(self.processor.name(), record, &moment, &rejection, &mut self.out);
                    }
                }
                assigned.next_offset = record.offset + 1;
                self.totals.records += 1;
                self.uncommitted += 1;
            }
        }
        assigned.next_offset = batch.next_offset;
        None
    }

    /// Commits what was sent with the position of every partition held.
    fn commit<L: Log>(&mut self, log: &mut L) -> Result<(), LogError> {
        self.last_commit = Instant::now();
        if self.uncommitted == 0 {
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
        self.uncommitted = 0;
        self.totals.commits += 1;
        Ok(())
    }

    /// After a lost transaction the state of every partition is dropped and restored, of those whose records it held and of all others:
    /// their uncommitted events would look like duplicates.
    fn start_over<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<(), LogError> {
        self.totals.lost_transactions += 1;
        self.out.clear();
        self.uncommitted = 0;
        self.blocked.clear();
        self.unrestored.extend(std::mem::take(&mut self.assigned).into_keys());
        log.recover()?;
        self.restore_all(log, shutdown)?;
        for (&source, assigned) in &self.assigned {
            log.seek(source, assigned.next_offset)?;
            log.resume(source)?;
        }
        Ok(())
    }

    /// A partition counts as assigned from here on; where a restore fails it is still to be restored.
    fn restore_all<L: Log>(&mut self, log: &mut L, shutdown: &Shutdown) -> Result<(), LogError> {
        while let Some(&source) = self.unrestored.first() {
            let assigned = self.restore(log, source, shutdown)?;
            self.assigned.insert(source, assigned);
            self.unrestored.remove(&source);
        }
        Ok(())
    }

    /// Rebuilds the state of a partition as it was at its committed position, from the log's beginning, with outputs suppressed.
    fn restore<L: Log>(&mut self, log: &mut L, source: TopicPartition, shutdown: &Shutdown) -> Result<Assigned<P::State>, LogError> {
        let (first, end) = log.bounds(source)?;
        let next_offset = log.committed(source)?.map_or(first, |committed| committed.next_offset);
        // Behind the log's beginning records were lost, above its end it is another log.
        if !(first..=end).contains(&next_offset) {
            let topic = self.options.inputs[usize::from(source.topic)].clone();
            return Err(LogError::OutOfRange { topic, partition: source.partition, position: next_offset, first, end });
        }
        let mut assigned = Assigned {
            state: self.processor.new_state(source),
            log_time: LogTime::new(&self.options.log_time),
            next_offset,
            beat: i64::MIN,
        };
        if first >= next_offset {
            return Ok(assigned);
        }
        let verdicts = self.read_verdicts(log, source)?;
        let mut out = Outputs::suppressed(self.processor.outputs());
        log.read(source, first, next_offset, &mut |batch| {
            // A replay may be long, a request to stop must not wait for its end.
            if shutdown.is_requested() {
                return;
            }
            for record in batch.records.iter().filter(|record| record.offset < next_offset) {
                if verdicts.is_refused(batch.topic_id, record.offset) {
                    step_of(self.processor, self.options).pass_time(&mut assigned, record, batch.source, &mut out);
                } else {
                    if !heartbeat::is_heartbeat(record) && !self.wait_until_ready(record, shutdown) {
                        // The run is over: nobody will look at this state.
                        return;
                    }
                    step_of(self.processor, self.options).take(&mut assigned, record, moment_of(batch, Judgement::Accepted), &mut out);
                }
                self.totals.replayed += 1;
            }
        })?;
        Ok(assigned)
    }

    fn read_verdicts<L: Log>(&self, log: &mut L, source: TopicPartition) -> Result<Verdicts, LogError> {
        let mut verdicts = Verdicts::default();
        if self.dead_letters.topic().is_empty() {
            return Ok(verdicts);
        }
        log.read_topic(self.dead_letters.topic(), self.dead_letters.partition(source), &mut |letter| {
            if let Some((topic_id, partition, offset)) = self.dead_letters.refused(self.processor.name(), letter)
                && partition == source.partition
            {
                verdicts.refuse(topic_id, offset);
            }
        })?;
        Ok(verdicts)
    }

    /// During a replay: a dependency that is down is waited for. False at shutdown.
    fn wait_until_ready(&mut self, record: &Record<'_>, shutdown: &Shutdown) -> bool {
        while let Err(blocked) = self.processor.ready(record) {
            if self.processor.unblock(&blocked).is_err() && shutdown.wait(self.options.retry_interval) {
                return false;
            }
        }
        true
    }

    /// Asks for what a record is blocked by, and reads on from that record; its partition is paused where there is no answer.
    fn block<L: Log>(&mut self, log: &mut L, source: TopicPartition, what: Blocked) -> Result<(), LogError> {
        // Asking may take long, and a transaction must not stay open meanwhile.
        self.commit(log)?;
        if self.processor.unblock(&what).is_err() {
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
            if self.processor.unblock(&what).is_ok() {
                log.resume(source)?;
            } else {
                self.blocked.insert(source, what);
            }
        }
        self.last_retry = Instant::now();
        Ok(())
    }
}

fn step_of<'r, P: Processor>(processor: &'r P, options: &'r RunOptions) -> Step<'r, P> {
    Step { processor, options }
}

fn moment_of(batch: &Batch<'_>, judgement: Judgement) -> Moment {
    Moment { source: batch.source, topic_id: batch.topic_id, log_time_ms: None, judgement }
}

/// What one record does to one partition, live and in replay alike.
struct Step<'r, P: Processor> {
    processor: &'r P,
    options: &'r RunOptions,
}

impl<P: Processor> Step<'_, P> {
    fn take(&self, assigned: &mut Assigned<P::State>, record: &Record<'_>, moment: Moment, out: &mut Outputs) -> Outcome {
        let is_heartbeat = self.pass_time(assigned, record, moment.source, out);
        if is_heartbeat {
            return Outcome::Done;
        }
        let moment = Moment { log_time_ms: assigned.log_time.now_ms(), ..moment };
        self.processor.process(&mut assigned.state, record, &moment, out)
    }

    /// Lets log time move: timers fire, and a heartbeat is passed on for each interval. True where the record is a heartbeat.
    fn pass_time(&self, assigned: &mut Assigned<P::State>, record: &Record<'_>, source: TopicPartition, out: &mut Outputs) -> bool {
        let is_heartbeat = heartbeat::is_heartbeat(record);
        if assigned.log_time.observe(record, is_heartbeat)
            && let Some(now_ms) = assigned.log_time.now_ms()
        {
            self.processor.advance(&mut assigned.state, now_ms, out);
            let beat = now_ms.div_euclid(heartbeat::INTERVAL_MS);
            if beat > assigned.beat {
                assigned.beat = beat;
                self.pass_on_heartbeat(source, Beat { sequence: beat, sent_ms: now_ms }, out);
            }
        }
        is_heartbeat
    }

    fn pass_on_heartbeat(&self, source: TopicPartition, beat: Beat, out: &mut Outputs) {
        let key = heartbeat::forwarded_key(&self.options.inputs[usize::from(source.topic)], source.partition);
        let text = beat.to_text();
        for (index, topic) in (0u16..).zip(self.processor.outputs()) {
            let partitions = match topic.spread {
                Spread::SamePartition => source.partition..source.partition + 1,
                Spread::Rekeyed => 0..topic.partitions,
                Spread::Unmarked => 0..0,
            };
            for partition in partitions {
                out.push_marker(index, partition, beat.sent_ms, key.as_bytes(), (heartbeat::HEADER, text.as_bytes()));
            }
        }
    }
}
