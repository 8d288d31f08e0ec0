//! A sink: records in, rows out, and the truth about how far it got.

use crate::{Batch, Committed, Position, TopicPartition};

/// Why a store did not take what it was sent.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Down, slow or overloaded: the runner pauses, backs off and reads again from the sink's own position.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It will never take it: stop and say so.
    #[error("{0}")]
    Fatal(String),
}

/// Writes records to a store: batches are staged in memory, then flushed together. Its writes are idempotent, or it keeps its position
/// beside its rows, so that whatever was staged may be sent again.
pub trait Sink {
    /// Name of the stage: consumer group and metrics' label.
    fn name(&self) -> &str;

    /// Where to read on, given what the log has committed for this stage (position, and the intent stored with it). A sink that keeps its
    /// position beside its rows answers with that one. None: from the log's beginning.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Option<i64>, SinkError>;

    /// Takes a batch into its buffers.
    ///
    /// # Errors
    /// Where the store's own client fails while it builds rows; nothing of what is staged has then been written.
    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError>;

    /// True when what is staged is worth a flush of its own.
    fn is_full(&self) -> bool;

    /// What to commit before [`Sink::flush`], with the position as it is: the exact ranges about to be sent. Most sinks need no such step.
    fn intents(&self) -> Vec<Position> {
        Vec::new()
    }

    /// Writes what is staged, with the positions after it where the sink keeps them; returns only when that is durable.
    ///
    /// # Errors
    /// What was written then is unknown: the position tells.
    fn flush(&mut self) -> Result<(), SinkError>;

    /// Forgets what is staged.
    fn discard(&mut self);
}
