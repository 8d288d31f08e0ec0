//! A position that a writer keeps for itself and moves in each of its transactions. It tells whether a transaction went through of which
//! nobody knows, and that another writer of the same name has begun meanwhile.
//!
//! On Kafka the transactional id fences whoever wrote before. That says nothing to a writer that was fenced, or too slow, and starts over: it
//! would fence the other in turn. By the position it knows better. On a log without fencing the position itself fences.

use pipeline::{Committed, Log, LogError, Position, TopicPartition};

/// What was known of the position last.
#[derive(Debug)]
pub(crate) struct OwnPosition {
    kept_at: TopicPartition,
    known: Option<Committed>,
}

impl OwnPosition {
    /// As the log knows it under a partition of the lane's inputs, of which nothing need be read.
    pub(crate) fn read<L: Log>(log: &mut L, kept_at: TopicPartition) -> Result<Self, LogError> {
        Ok(Self { kept_at, known: log.committed(kept_at)? })
    }

    pub(crate) const fn known(&self) -> Option<&Committed> {
        self.known.as_ref()
    }

    /// As it goes with a transaction.
    pub(crate) const fn at(&self, committed: Committed) -> Position {
        Position { source: self.kept_at, committed }
    }

    /// The transaction with this position went through.
    pub(crate) fn moved(&mut self, to: Position) {
        self.known = Some(to.committed);
    }

    /// After a transaction with this position that was lost, or of which nobody knows: makes the log usable again. True where it went through.
    ///
    /// # Errors
    /// [`LogError::Fenced`] where another writer has begun, which is left alone; it says where that one stands.
    pub(crate) fn recover<L: Log>(&mut self, log: &mut L, tried: &Position) -> Result<bool, LogError> {
        // Asked before it is recovered: that would fence the other one.
        match log.committed(self.kept_at) {
            Ok(found) => self.check(found.as_ref(), tried)?,
            Err(LogError::Transaction(_)) => {}
            Err(error) => return Err(error),
        }
        log.recover()?;
        let found = log.committed(self.kept_at)?;
        self.check(found.as_ref(), tried)?;
        let is_through = found.as_ref() == Some(&tried.committed);
        if is_through {
            self.moved(tried.clone());
        }
        Ok(is_through)
    }

    fn check(&self, found: Option<&Committed>, tried: &Position) -> Result<(), LogError> {
        if found == self.known.as_ref() || found == Some(&tried.committed) {
            return Ok(());
        }
        Err(LogError::Fenced(found.map_or_else(|| "its position is gone".to_owned(), |found| found.metadata.clone())))
    }
}
