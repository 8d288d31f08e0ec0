//! A sink: records in, rows out, and the truth about how far it got.

use std::ops::Range;

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

/// Where a sink reads on in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// From the log's beginning.
    Beginning,
    /// From this offset.
    At(i64),
    /// Nobody knows whether these offsets, an intent, were written: exactly they are read, staged and flushed as one, before anything else
    /// of any partition is staged. Then the sink reads on behind them. A store that knows a block again by its range would take any other
    /// cut of these records for new ones.
    Settle(Range<i64>),
}

/// Writes records to a store: batches are staged in memory, then flushed together. Whatever was staged may be sent again, because the sink
/// keeps its position beside its rows, or its writes are idempotent: by row, or by block, and then it declares its [`Sink::intents`].
pub trait Sink {
    /// Name of the stage: consumer group and metrics' label.
    fn name(&self) -> &str;

    /// Where to read on, given what the log has committed for this stage (position, and the intent stored with it). A sink that keeps its
    /// position beside its rows answers with that one. Nothing is staged while it is asked.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Resume, SinkError>;

    /// Takes a batch into its buffers. One without records moves only the position.
    ///
    /// # Errors
    /// Where the store's own client fails while it builds rows; nothing of what is staged has then been written.
    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError>;

    /// True when what is staged is worth a flush of its own.
    fn is_full(&self) -> bool;

    /// What to commit before [`Sink::flush`]: for each partition about to be written the offset of its first record staged and, as
    /// metadata, the exact range. [`Sink::position`] makes a [`Resume::Settle`] of it where no position was committed after. Most sinks
    /// need no such step.
    fn intents(&self) -> Vec<Position> {
        Vec::new()
    }

    /// Writes what is staged, with the positions after it where the sink keeps them; returns only when that is durable. Without such
    /// positions there is nothing to do where no record is staged.
    ///
    /// # Errors
    /// What was written then is unknown: the position tells.
    fn flush(&mut self) -> Result<(), SinkError>;

    /// Forgets what is staged.
    fn discard(&mut self);
}
