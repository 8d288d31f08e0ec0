//! The one runner of all sinks: poll, stage, flush, note the position; where the store fails, pause and read on from the sink's own one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::{Committed, Log, LogError, Polled, Position, Shutdown, Sink, SinkError, TopicPartition};

/// How a sink is run.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// Flush at least this often while records come.
    pub flush_interval: Duration,
    /// How long to wait before a store that failed is tried again.
    pub retry_interval: Duration,
    /// Return once all input has been written, instead of waiting for more.
    pub stop_when_caught_up: bool,
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
        held: BTreeMap::new(),
        unflushed: 0,
        is_log_behind: false,
        last_flush: Instant::now(),
        totals: SinkTotals::default(),
    };
    let mut next = Next::Turn;
    loop {
        let step = match next {
            Next::Turn => run.turn(shutdown),
            Next::Retry => run.wait_for_store(shutdown),
            Next::StartOver => run.start_over(),
        };
        next = match step {
            Ok(true) => return Ok(run.totals),
            Ok(false) => Next::Turn,
            Err(Failure::Store(SinkError::Unavailable(_))) => Next::Retry,
            Err(Failure::Store(SinkError::Fatal(message))) => {
                return Err(SinkRunError::Store { name: run.sink.name().to_owned(), message });
            }
            Err(Failure::Log(LogError::Transaction(_))) => {
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
    /// The position after what was staged, by partition; none before the sink has said where it stands.
    held: BTreeMap<TopicPartition, Option<i64>>,
    unflushed: u64,
    /// The store holds more than the log knows: the commit after a flush was lost.
    is_log_behind: bool,
    last_flush: Instant,
    totals: SinkTotals,
}

impl<S: Sink, L: Log> SinkRun<'_, S, L> {
    /// One poll and what follows from it. True when the run is over.
    fn turn(&mut self, shutdown: &Shutdown) -> Result<bool, Failure> {
        if shutdown.is_requested() {
            self.flush()?;
            return Ok(true);
        }
        let caught_up = match self.log.poll(self.options.flush_interval)? {
            Polled::Assigned(sources) => {
                self.held.extend(sources.iter().map(|&source| (source, None)));
                self.find_positions()?;
                false
            }
            Polled::Revoked(sources) => {
                let flushed = self.flush();
                // Theirs no more, whether or not the store took it.
                self.held.retain(|source, _| !sources.contains(source));
                flushed?;
                false
            }
            Polled::Batch(batch) => {
                self.sink.stage(&batch)?;
                self.unflushed += batch.records.len() as u64;
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
        Ok(caught_up && self.options.stop_when_caught_up)
    }

    /// Intent, store, position: in this order, each durable before the next.
    fn flush(&mut self) -> Result<(), Failure> {
        self.last_flush = Instant::now();
        if self.unflushed > 0 {
            let intents = self.sink.intents();
            if !intents.is_empty() {
                self.log.commit(&intents)?;
            }
            self.sink.flush()?;
            self.totals.records += std::mem::take(&mut self.unflushed);
            self.totals.flushes += 1;
        } else if !self.is_log_behind {
            return Ok(());
        }
        let positions: Vec<Position> = self
            .held
            .iter()
            .filter_map(|(&source, &next)| Some(Position { source, committed: Committed { next_offset: next?, metadata: String::new() } }))
            .collect();
        self.log.commit(&positions)?;
        self.is_log_behind = false;
        Ok(())
    }

    /// Reads on from where the sink says that it stands, in every partition held that it has not been asked for.
    fn find_positions(&mut self) -> Result<(), Failure> {
        for (&source, next) in self.held.iter_mut().filter(|(_, next)| next.is_none()) {
            let committed = self.log.committed(source)?;
            let position = match self.sink.position(source, committed.as_ref())? {
                Some(position) => {
                    self.is_log_behind |= committed.is_none_or(|committed| committed.next_offset != position);
                    position
                }
                None => self.log.bounds(source)?.0,
            };
            self.log.seek(source, position)?;
            *next = Some(position);
        }
        Ok(())
    }

    /// Forgets what was staged; where to read on is asked anew.
    fn forget(&mut self) {
        self.sink.discard();
        self.unflushed = 0;
        self.held.values_mut().for_each(|next| *next = None);
    }

    /// The store is down: what was staged is forgotten, nothing is read, and the sink is asked where it stands. True at shutdown.
    fn wait_for_store(&mut self, shutdown: &Shutdown) -> Result<bool, Failure> {
        self.forget();
        for &source in self.held.keys() {
            self.log.pause(source)?;
        }
        self.totals.retries += 1;
        if shutdown.wait(self.options.retry_interval) {
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
                for source in sources {
                    self.held.insert(source, None);
                    self.log.pause(source)?;
                }
            }
            Polled::Revoked(sources) => self.held.retain(|source, _| !sources.contains(source)),
            // Should records come all the same: they are read again from the position that is asked for next.
            Polled::Batch(_) | Polled::Idle { .. } => {}
        }
        Ok(())
    }

    /// The log lost a commit: the store knows better than the log what it holds.
    fn start_over(&mut self) -> Result<bool, Failure> {
        self.forget();
        self.log.recover()?;
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
