//! The one runner of all sinks: poll, stage, flush, note the position; where the store fails, pause and read on from the sink's own one.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{
    Batch, Commit, Committed, Counts, Log, LogError, LogTime, LogTimeRule, Observer, Polled, Position, Progress, Restored, Resume,
    Shutdown, Sink, SinkError, TopicId, TopicPartition, heartbeat,
};

/// How a sink is run.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// Flush at least this often while records come.
    pub flush_interval: Duration,
    /// How long to wait before a store that failed is tried again.
    pub retry_interval: Duration,
    /// Told why the store did not take what it was sent, each time: says so, and breaks where the run is not to wait for it.
    pub on_unavailable: fn(&str) -> ControlFlow<()>,
    /// Return once all input has been written, instead of waiting for more.
    pub stop_when_caught_up: bool,
    /// How its input topics tell the time, as [`TopicPartition::topic`] numbers them: by this freshness is measured.
    pub log_times: Vec<LogTimeRule>,
    /// Told what the run does.
    pub observer: Arc<dyn Observer>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkTotals {
    /// Records written.
    pub records: u64,
    /// Flushes that the store took.
    pub flushes: u64,
    /// Times that the store was not available.
    pub retries: u64,
}

/// Why a sink's run ended early.
#[derive(Debug, thiserror::Error)]
pub enum SinkRunError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed for good.
    #[error("sink {name}: {message}")]
    Store {
        /// The sink's name.
        name: String,
        /// What it said.
        message: String,
    },
}

/// Runs `sink` on `log` until `shutdown`, or until all input is written where the options say so.
///
/// # Errors
/// Where the log fails, or the store says that it will never take what it was sent.
pub fn run_sink<S: Sink, L: Log>(
    sink: &mut S,
    log: &mut L,
    options: &SinkOptions,
    shutdown: &Shutdown,
) -> Result<SinkTotals, SinkRunError> {
    let mut run = SinkRun {
        sink,
        log,
        options,
        shutdown,
        held: BTreeMap::new(),
        staged: BTreeMap::new(),
        unflushed: 0,
        is_store_behind: false,
        is_log_behind: false,
        last_flush: Instant::now(),
        totals: SinkTotals::default(),
    };
    let mut next = Next::Turn;
    loop {
        // A log that is away would keep the run waiting, and a store that is away has what it has.
        if !matches!(next, Next::Turn) && shutdown.is_requested() {
            return Ok(run.totals);
        }
        let step = match next {
            Next::Turn => run.turn(),
            Next::Retry => run.wait_for_store(),
            Next::StartOver => run.start_over(),
        };
        next = match step {
            Ok(true) => return Ok(run.totals),
            Ok(false) => Next::Turn,
            Err(Failure::Store(SinkError::Unavailable(message))) => {
                options.observer.store_unavailable(&message);
                if (options.on_unavailable)(&message).is_break() {
                    return Err(SinkRunError::Store { name: run.sink.name().to_owned(), message });
                }
                Next::Retry
            }
            Err(Failure::Store(SinkError::Fatal(message))) => {
                return Err(SinkRunError::Store { name: run.sink.name().to_owned(), message });
            }
            Err(Failure::Log(LogError::Transaction(why))) => {
                options.observer.lost_transaction(&why);
                // A log that cannot even start over is given time.
                if matches!(next, Next::StartOver) && shutdown.wait(options.retry_interval) {
                    return Ok(run.totals);
                }
                Next::StartOver
            }
            Err(Failure::Log(error)) => return Err(error.into()),
        };
    }
}

/// What the loop does next.
enum Next {
    Turn,
    /// The store is down.
    Retry,
    /// The log lost a commit.
    StartOver,
}

enum Failure {
    Log(LogError),
    Store(SinkError),
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self::Store(error)
    }
}

struct SinkRun<'r, S, L> {
    sink: &'r mut S,
    log: &'r mut L,
    options: &'r SinkOptions,
    shutdown: &'r Shutdown,
    /// The position after what was staged, by partition; none before the sink has said where it stands.
    held: BTreeMap<TopicPartition, Option<i64>>,
    /// What was staged since the last flush, by partition.
    staged: BTreeMap<TopicPartition, Staged>,
    /// Records staged.
    unflushed: u64,
    /// A position moved since the last flush, be it past a gap.
    is_store_behind: bool,
    /// The store's position is not the one that the log knows.
    is_log_behind: bool,
    last_flush: Instant,
    totals: SinkTotals,
}

/// What was staged of a partition.
struct Staged {
    records: u64,
    log_time: LogTime,
}

impl<S: Sink, L: Log> SinkRun<'_, S, L> {
    /// One poll and what follows from it. True when the run is over.
    fn turn(&mut self) -> Result<bool, Failure> {
        if self.shutdown.is_requested() {
            self.flush()?;
            return Ok(true);
        }
        let caught_up = match self.log.poll(self.options.flush_interval)? {
            Polled::Assigned(sources) => {
                self.options.observer.assigned(&sources);
                self.held.extend(sources.iter().map(|&source| (source, None)));
                // Nothing may be staged while a position is asked for: an intent is settled alone.
                self.flush()?;
                self.find_positions()?;
                false
            }
            Polled::Revoked { sources, is_lost: true } => {
                // Another lane may be writing it by now. The others read on from where the store stands.
                self.forget();
                self.leave(&sources, true);
                self.find_positions()?;
                false
            }
            Polled::Revoked { sources, is_lost: false } => {
                let flushed = self.flush();
                // Theirs no more, whether or not the store took it.
                self.leave(&sources, false);
                flushed?;
                false
            }
            Polled::Batch(batch) => {
                self.sink.stage(&batch)?;
                note(&mut self.staged, &self.options.log_times, &batch);
                self.unflushed += batch.records.len() as u64;
                self.is_store_behind = true;
                self.held.insert(batch.source, Some(batch.next_offset));
                false
            }
            Polled::Idle { caught_up } => {
                self.flush()?;
                caught_up
            }
        };
        if self.sink.is_full() || self.last_flush.elapsed() >= self.options.flush_interval {
            self.flush()?;
        }
        self.options.observer.turned();
        Ok(caught_up && self.options.stop_when_caught_up)
    }

    /// Intent, store, position: in this order, each durable before the next. Nothing where no position moved.
    fn flush(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        self.last_flush = started;
        if self.is_store_behind {
            let intents = self.sink.intents();
            if !intents.is_empty() {
                self.log.commit(&intents)?;
            }
            self.write_staged()?;
            self.is_log_behind = true;
        }
        if self.is_log_behind {
            let positions: Vec<Position> = self.held.iter().filter_map(|(&source, &next)| Some(position(source, next?))).collect();
            self.log.commit(&positions)?;
            self.is_log_behind = false;
            self.tell_of_commit(&positions, started.elapsed());
        }
        Ok(())
    }

    /// What the flush made count, partition by partition.
    fn tell_of_commit(&mut self, positions: &[Position], duration: Duration) {
        let progress = |position: &Position| {
            let staged = self.staged.get_mut(&position.source);
            let records = staged.as_ref().map_or(0, |staged| staged.records);
            let log_time = staged.as_ref().map(|staged| &staged.log_time);
            let progress = Progress {
                source: position.source,
                next_offset: position.committed.next_offset,
                log_time_ms: log_time.and_then(LogTime::now_ms),
                heartbeat_ms: log_time.and_then(LogTime::heartbeat_ms),
                counts: Counts { records, ..Counts::default() },
                size: None,
            };
            if let Some(staged) = staged {
                staged.records = 0;
            }
            progress
        };
        let partitions: Vec<Progress> = positions.iter().map(progress).collect();
        self.options.observer.committed(&Commit { duration, partitions: &partitions });
    }

    fn leave(&mut self, sources: &[TopicPartition], is_lost: bool) {
        self.held.retain(|source, _| !sources.contains(source));
        self.staged.retain(|source, _| !sources.contains(source));
        self.options.observer.revoked(sources, is_lost);
    }

    fn write_staged(&mut self) -> Result<(), SinkError> {
        self.sink.flush()?;
        self.is_store_behind = false;
        self.totals.records += std::mem::take(&mut self.unflushed);
        self.totals.flushes += 1;
        Ok(())
    }

    /// Reads on from where the sink says that it stands, in every partition held that it has not been asked for.
    fn find_positions(&mut self) -> Result<(), Failure> {
        let unknown: Vec<TopicPartition> = self.held.iter().filter(|(_, next)| next.is_none()).map(|(&source, _)| source).collect();
        for source in unknown {
            let started = Instant::now();
            // The store may be slow to answer.
            self.log.keep_alive()?;
            let committed = self.log.committed(source)?;
            let next_offset = match self.sink.position(source, committed.as_ref())? {
                Resume::Beginning => self.log.bounds(source)?.0,
                Resume::At(next_offset) => {
                    self.is_log_behind |= committed != Some(position(source, next_offset).committed);
                    next_offset
                }
                Resume::Settle(range) => {
                    if self.settle(source, &range)?.is_break() {
                        return Ok(());
                    }
                    range.end
                }
            };
            self.log.seek(source, next_offset)?;
            self.held.insert(source, Some(next_offset));
            self.options
                .observer
                .restored(source, &Restored { next_offset, log_time_ms: None, from_snapshot: None, duration: started.elapsed() });
        }
        Ok(())
    }

    /// Reads exactly the records of an intent again and writes them as one. Break where a stop was asked for: the intent still stands.
    fn settle(&mut self, source: TopicPartition, range: &Range<i64>) -> Result<ControlFlow<()>, Failure> {
        let mut staged = Ok(());
        let mut reached: Option<(TopicId, i64)> = None;
        self.log.read(source, range.start, range.end, &mut |batch| {
            if self.shutdown.is_requested() {
                return ControlFlow::Break(());
            }
            let batch = within(batch, range);
            reached = Some((batch.topic_id, batch.next_offset));
            self.unflushed += batch.records.len() as u64;
            note(&mut self.staged, &self.options.log_times, &batch);
            staged = self.sink.stage(&batch);
            if staged.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        staged?;
        if self.shutdown.is_requested() {
            self.forget();
            return Ok(ControlFlow::Break(()));
        }
        // The range ends where it ended then, be it behind a gap.
        if let Some((topic_id, next_offset)) = reached
            && next_offset < range.end
        {
            self.sink.stage(&Batch { source, topic_id, records: Vec::new(), next_offset: range.end })?;
        }
        self.log.keep_alive()?;
        self.write_staged()?;
        self.log.commit(&[position(source, range.end)])?;
        Ok(ControlFlow::Continue(()))
    }

    /// Forgets what was staged; where to read on is asked anew.
    fn forget(&mut self) {
        self.sink.discard();
        self.unflushed = 0;
        self.staged.clear();
        self.is_store_behind = false;
        self.held.values_mut().for_each(|next| *next = None);
    }

    /// The store is down: what was staged is forgotten, nothing is read, and the sink is asked where it stands. True at shutdown.
    fn wait_for_store(&mut self) -> Result<bool, Failure> {
        self.forget();
        for &source in self.held.keys() {
            self.log.pause(source)?;
        }
        self.totals.retries += 1;
        if self.shutdown.wait(self.options.retry_interval) {
            return Ok(true);
        }
        self.poll_paused()?;
        self.find_positions()?;
        self.resume()?;
        Ok(false)
    }

    /// Stays in the group while nothing is read, or it would take us for dead.
    fn poll_paused(&mut self) -> Result<(), Failure> {
        match self.log.poll(Duration::ZERO)? {
            Polled::Assigned(sources) => {
                self.options.observer.assigned(&sources);
                for source in sources {
                    self.held.insert(source, None);
                    self.log.pause(source)?;
                }
            }
            Polled::Revoked { sources, is_lost } => self.leave(&sources, is_lost),
            // Should records come all the same: they are read again from the position that is asked for next.
            Polled::Batch(_) | Polled::Idle { .. } => {}
        }
        Ok(())
    }

    /// The log lost a commit: the store knows better than the log what it holds.
    fn start_over(&mut self) -> Result<bool, Failure> {
        self.forget();
        let lost = self.log.recover()?;
        if !lost.is_empty() {
            self.leave(&lost, true);
        }
        self.find_positions()?;
        self.resume()?;
        Ok(false)
    }

    fn resume(&mut self) -> Result<(), Failure> {
        for &source in self.held.keys() {
            self.log.resume(source)?;
        }
        Ok(())
    }
}

/// Reading on from `next_offset`, without an intent.
fn position(source: TopicPartition, next_offset: i64) -> Position {
    Position { source, committed: Committed { next_offset, metadata: String::new() } }
}

/// Counts a batch, and takes note of the time that it tells.
fn note(staged: &mut BTreeMap<TopicPartition, Staged>, log_times: &[LogTimeRule], batch: &Batch<'_>) {
    let staged = staged.entry(batch.source).or_insert_with(|| {
        let rule = log_times.get(usize::from(batch.source.topic)).unwrap_or(&LogTimeRule::Records);
        Staged { records: 0, log_time: LogTime::new(rule) }
    });
    staged.records += batch.records.len() as u64;
    for record in batch.records.iter() {
        staged.log_time.observe(record, heartbeat::is_heartbeat(record));
    }
}

/// What of a batch lies inside a range.
fn within<'a>(batch: &Batch<'a>, range: &Range<i64>) -> Batch<'a> {
    let records = batch.records.iter().filter(|record| range.contains(&record.offset)).copied().collect();
    Batch { records, next_offset: batch.next_offset.min(range.end), ..*batch }
}
