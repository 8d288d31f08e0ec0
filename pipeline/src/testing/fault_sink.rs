//! A sink whose store fails at a given call.

use crate::{Batch, Committed, Position, Resume, Sink, SinkError, TopicPartition};

/// The calls of [`Sink`] that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the calls of the trait")]
pub enum SinkCall {
    Position,
    Stage,
    Flush,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkFaultKind {
    /// [`SinkError::Unavailable`], and nothing was done.
    Down,
    /// [`SinkError::Unavailable`], but it was done: only the reply is lost.
    LostReply,
    /// [`SinkError::Fatal`], and every later call fails too: the process is gone. Start another sink on the same store.
    Crash,
}

/// One fault, which lasts for `times` calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkFault {
    /// From which call on, counted from 1.
    pub at: u64,
    /// Which calls are counted; all without one.
    pub of: Option<SinkCall>,
    /// For how many of the counted calls.
    pub times: u64,
    /// What happens.
    pub kind: SinkFaultKind,
}

/// Wraps a sink, and fails as it was told.
#[derive(Debug)]
pub struct FaultSink<S> {
    inner: S,
    faults: Vec<SinkFault>,
    calls: Vec<SinkCall>,
    has_crashed: bool,
}

impl<S: Sink> FaultSink<S> {
    /// With these faults; none only counts.
    #[must_use]
    pub fn new(inner: S, faults: &[SinkFault]) -> Self {
        Self { inner, faults: faults.to_vec(), calls: Vec::new(), has_crashed: false }
    }

    /// Every call that can fail so far, in order.
    #[must_use]
    pub fn calls(&self) -> &[SinkCall] {
        &self.calls
    }

    fn through<T>(&mut self, call: SinkCall, make: impl FnOnce(&mut S) -> Result<T, SinkError>) -> Result<T, SinkError> {
        if self.has_crashed {
            return Err(SinkError::Fatal("crash".into()));
        }
        self.calls.push(call);
        let (all, same) = (self.calls.len() as u64, self.calls.iter().filter(|&&made| made == call).count() as u64);
        let lasts = |fault: &SinkFault, count: u64| (fault.at..fault.at + fault.times).contains(&count);
        let strikes = |fault: &&SinkFault| fault.of.map_or(lasts(fault, all), |of| of == call && lasts(fault, same));
        match self.faults.iter().find(strikes).map(|fault| fault.kind) {
            None => make(&mut self.inner),
            Some(SinkFaultKind::Down) => Err(SinkError::Unavailable(format!("down at {call:?}"))),
            Some(SinkFaultKind::LostReply) => {
                make(&mut self.inner)?;
                Err(SinkError::Unavailable(format!("reply lost at {call:?}")))
            }
            Some(SinkFaultKind::Crash) => {
                self.has_crashed = true;
                Err(SinkError::Fatal("crash".into()))
            }
        }
    }
}

impl<S: Sink> Sink for FaultSink<S> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Resume, SinkError> {
        self.through(SinkCall::Position, |sink| sink.position(source, committed))
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        self.through(SinkCall::Stage, |sink| sink.stage(batch))
    }

    fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    fn intents(&self) -> Vec<Position> {
        self.inner.intents()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.through(SinkCall::Flush, Sink::flush)
    }

    fn discard(&mut self) {
        self.inner.discard();
    }
}
