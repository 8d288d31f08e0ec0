//! Who redrives: one run at a time. The log knows it: a position of the group `redrive`, which moves with every transaction of the run.
//!
//! On Kafka the transactional id fences whoever redrove before. That says nothing to a run that was fenced and starts over: it would fence the
//! other in turn. By the position it knows that another has begun since, and stops. On a log without fencing the position itself fences.

use pipeline::{Committed, Log, LogError, Position, TopicPartition};
use serde::{Deserialize, Serialize};

use super::sources::LETTERS_INPUT;

/// Under which the position is kept: a position needs a partition. Nothing is read from it.
const KEPT_AT: TopicPartition = TopicPartition { topic: LETTERS_INPUT, partition: 0 };

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The run.
    run: String,
    /// Transactions of the run.
    transaction: u64,
    /// Topics that got records and no closing heartbeats yet.
    open: Vec<String>,
}

/// A run's claim to be the one that redrives.
#[derive(Debug)]
pub(super) struct Claim {
    /// As it is committed.
    known: Option<Committed>,
    kept: Kept,
}

impl Claim {
    /// Claims the redrive: from here on every earlier run stops.
    pub(super) fn begin<L: Log>(log: &mut L, run: &str, attempts: u32) -> Result<Self, LogError> {
        let mut attempt = 1;
        loop {
            match Self::try_begin(log, run) {
                Err(LogError::Transaction(_)) if attempt < attempts => {
                    attempt += 1;
                    log.recover()?;
                }
                claimed => return claimed,
            }
        }
    }

    fn try_begin<L: Log>(log: &mut L, run: &str) -> Result<Self, LogError> {
        let known = log.committed(KEPT_AT)?;
        let open = known.as_ref().map_or_else(Vec::new, |committed| read(committed).map(|kept| kept.open).unwrap_or_default());
        let mut claim = Self { known, kept: Kept { run: run.to_owned(), transaction: 0, open } };
        let position = claim.next(&[]);
        log.commit(std::slice::from_ref(&position))?;
        claim.committed(position);
        Ok(claim)
    }

    /// Topics that got records and no closing heartbeats yet, from this run or one that was cut off.
    pub(super) fn open(&self) -> &[String] {
        &self.kept.open
    }

    /// The position that goes with a transaction which writes to these topics.
    pub(super) fn next(&self, touched: &[&str]) -> Position {
        let mut kept = self.kept.clone();
        kept.transaction += 1;
        for topic in touched {
            if !kept.open.iter().any(|open| open == topic) {
                kept.open.push((*topic).to_owned());
            }
        }
        position(&kept)
    }

    /// The position that goes with the closing heartbeats.
    pub(super) fn closing(&self) -> Position {
        let mut kept = self.kept.clone();
        kept.transaction += 1;
        kept.open.clear();
        position(&kept)
    }

    /// The transaction with this position went through.
    pub(super) fn committed(&mut self, position: Position) {
        if let Ok(kept) = read(&position.committed) {
            self.kept = kept;
        }
        self.known = Some(position.committed);
    }

    /// After a transaction with this position that was lost, or of which nobody knows: makes the log usable again. True where it went through.
    ///
    /// # Errors
    /// [`LogError::Fenced`] where another run has begun, which is left alone.
    pub(super) fn recover<L: Log>(&mut self, log: &mut L, tried: &Position) -> Result<bool, LogError> {
        // Asked before it is recovered: that would fence the other run.
        match log.committed(KEPT_AT) {
            Ok(found) => self.check(found.as_ref(), tried)?,
            Err(LogError::Transaction(_)) => {}
            Err(error) => return Err(error),
        }
        log.recover()?;
        let found = log.committed(KEPT_AT)?;
        self.check(found.as_ref(), tried)?;
        let is_through = found.as_ref() == Some(&tried.committed);
        if is_through {
            self.committed(tried.clone());
        }
        Ok(is_through)
    }

    fn check(&self, found: Option<&Committed>, tried: &Position) -> Result<(), LogError> {
        if found == self.known.as_ref() || found == Some(&tried.committed) {
            return Ok(());
        }
        let other = found.and_then(|found| read(found).ok()).map_or_else(|| "an unknown run".to_owned(), |kept| kept.run);
        Err(LogError::Fenced(format!("{other} redrives now; run this again when it has ended")))
    }
}

fn position(kept: &Kept) -> Position {
    let metadata = serde_json::to_string(kept).expect("numbers and texts are JSON");
    Position { source: KEPT_AT, committed: Committed { next_offset: 0, metadata } }
}

fn read(committed: &Committed) -> Result<Kept, serde_json::Error> {
    serde_json::from_str(&committed.metadata)
}
