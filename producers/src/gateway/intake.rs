//! The way of accepted events into the log: requests that wait share a transaction, and each is answered once its events are durable.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use pipeline::{Log, LogError, OutputTopic, Outputs};

use crate::ingest::Accepted;

/// Bytes of values that are worth a transaction of their own.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Why a request's events were not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The log does not keep up: later it may.
    #[error("the log does not keep up")]
    Busy,
    /// The log has failed, or the intake has ended.
    #[error("the log does not take anything any more")]
    Stopped,
}

/// Told what became of a request's events: durable in the log, or not known to be.
type OnDone = Box<dyn FnOnce(Result<(), NotTaken>) + Send>;

struct Waiting {
    events: Vec<Accepted>,
    on_done: OnDone,
}

/// Where requests hand over their events; clones share it.
#[derive(Clone)]
pub struct Intake {
    sender: SyncSender<Waiting>,
}

/// The other end, for [`run_intake`].
pub struct IntakeQueue {
    waiting: Receiver<Waiting>,
}

/// An intake where at most `capacity` requests wait.
#[must_use]
pub fn intake(capacity: usize) -> (Intake, IntakeQueue) {
    let (sender, waiting) = sync_channel(capacity);
    (Intake { sender }, IntakeQueue { waiting })
}

impl Intake {
    /// Hands over the events of a request, without waiting. `on_done` is called once they are durable, on another thread.
    ///
    /// # Errors
    /// Where too many wait, or the intake has ended: `on_done` is not called then.
    pub fn offer(&self, events: Vec<Accepted>, on_done: impl FnOnce(Result<(), NotTaken>) + Send + 'static) -> Result<(), NotTaken> {
        self.sender.try_send(Waiting { events, on_done: Box::new(on_done) }).map_err(|error| match error {
            TrySendError::Full(_) => NotTaken::Busy,
            TrySendError::Disconnected(_) => NotTaken::Stopped,
        })
    }
}

/// Writes what is handed over to the one topic of `topics`, the output of `log`, until every [`Intake`] is gone.
///
/// # Errors
/// Where the log fails: whoever waits is told, and so is whoever comes later.
pub fn run_intake<L: Log>(queue: &IntakeQueue, log: &mut L, topics: &[OutputTopic; 1]) -> Result<(), LogError> {
    let mut out = Outputs::new(topics);
    while let Ok(first) = queue.waiting.recv() {
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(Waiting { events, on_done }) = next {
            events.iter().for_each(|event| event.push_to(&mut out));
            done.push(on_done);
            next = if out.byte_len() < BATCH_BYTES { queue.waiting.try_recv().ok() } else { None };
        }
        let written = log.send(&mut out).and_then(|()| log.commit(&[]));
        let told = if written.is_ok() { Ok(()) } else { Err(NotTaken::Stopped) };
        done.into_iter().for_each(|on_done| on_done(told));
        written?;
    }
    Ok(())
}
