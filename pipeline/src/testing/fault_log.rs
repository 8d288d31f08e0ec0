//! A log that fails at a given call.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::{Batch, Committed, Log, LogError, Outputs, Polled, Position, Record, TopicId, TopicPartition};

/// The calls of [`Log`] that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the calls of the trait")]
pub enum Call {
    Poll,
    KeepAlive,
    Read,
    ReadTopic,
    Bounds,
    LargestTimestamp,
    Committed,
    Send,
    Commit,
    Recover,
    Seek,
    Pause,
    Resume,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// [`LogError::Transaction`], and the call was not made: nothing is committed.
    Abort,
    /// [`LogError::Transaction`], but the call was made: a commit stands, and only its reply is lost.
    LostReply,
    /// [`LogError::Fatal`], and every later call fails too: the process is gone. Start another lane on the same log.
    Crash,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// At which call, counted from 1.
    pub at: u64,
    /// Which calls are counted; all without one.
    pub of: Option<Call>,
    /// What happens.
    pub kind: FaultKind,
}

/// Wraps a log, and fails as it was told.
#[derive(Debug)]
pub struct FaultLog<L> {
    inner: L,
    faults: Vec<Fault>,
    calls: Vec<Call>,
    fired: u64,
    has_crashed: bool,
}

impl<L: Log> FaultLog<L> {
    /// With these faults; none only counts.
    #[must_use]
    pub fn new(inner: L, faults: &[Fault]) -> Self {
        Self { inner, faults: faults.to_vec(), calls: Vec::new(), fired: 0, has_crashed: false }
    }

    /// Every call so far, in order.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Faults that have happened.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.fired
    }

    /// Counts a call. The fault that strikes it, unless the call is never made.
    fn enter(&mut self, call: Call) -> Result<Option<FaultKind>, LogError> {
        if self.has_crashed {
            return Err(LogError::Fatal("crash".into()));
        }
        self.calls.push(call);
        let (all, same) = (self.calls.len() as u64, self.calls.iter().filter(|&&made| made == call).count() as u64);
        let strikes = |fault: &&Fault| fault.of.map_or(fault.at == all, |of| of == call && fault.at == same);
        let Some(kind) = self.faults.iter().find(strikes).map(|fault| fault.kind) else { return Ok(None) };
        self.fired += 1;
        match kind {
            FaultKind::LostReply => Ok(Some(kind)),
            FaultKind::Abort => Err(LogError::Transaction(format!("abort at call {all}, {call:?}"))),
            FaultKind::Crash => {
                self.has_crashed = true;
                Err(LogError::Fatal("crash".into()))
            }
        }
    }

    fn through<T>(&mut self, call: Call, make: impl FnOnce(&mut L) -> Result<T, LogError>) -> Result<T, LogError> {
        let fault = self.enter(call)?;
        let made = make(&mut self.inner)?;
        match fault {
            None => Ok(made),
            Some(_) => Err(LogError::Transaction(format!("reply lost at {call:?}"))),
        }
    }
}

impl<L: Log> Log for FaultLog<L> {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        match self.enter(Call::Poll)? {
            None => self.inner.poll(timeout),
            // What a poll brought is not lost with it: a consumer hands it out again. So it is not made.
            Some(_) => Err(LogError::Transaction("reply lost at Poll".into())),
        }
    }

    fn keep_alive(&mut self) -> Result<(), LogError> {
        self.through(Call::KeepAlive, Log::keep_alive)
    }

    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.through(Call::Read, |log| log.read(source, from, to, each))
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        self.through(Call::ReadTopic, |log| log.read_topic(topic, partition, each))
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        self.inner.topic_id(source)
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        self.through(Call::Bounds, |log| log.bounds(source))
    }

    fn largest_timestamp_ms(&mut self, source: TopicPartition) -> Result<Option<i64>, LogError> {
        self.through(Call::LargestTimestamp, |log| log.largest_timestamp_ms(source))
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        self.through(Call::Committed, |log| log.committed(source))
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        self.through(Call::Send, |log| log.send(outputs))
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        self.through(Call::Commit, |log| log.commit(positions))
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        self.through(Call::Recover, Log::recover)
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.through(Call::Seek, |log| log.seek(source, offset))
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.through(Call::Pause, |log| log.pause(source))
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.through(Call::Resume, |log| log.resume(source))
    }
}
