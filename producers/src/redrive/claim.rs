//! Who redrives: one run at a time. The log knows it: a position of the group `redrive`, which moves with every transaction of the run.

use pipeline::{Committed, Log, LogError, Position, TopicPartition};
use serde::{Deserialize, Serialize};

use super::sources::LETTERS_INPUT;
use crate::own_position::OwnPosition;

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
    position: OwnPosition,
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
        let position = OwnPosition::read(log, KEPT_AT)?;
        let open = position.known().map_or_else(Vec::new, |committed| read(committed).map(|kept| kept.open).unwrap_or_default());
        let mut claim = Self { position, kept: Kept { run: run.to_owned(), transaction: 0, open } };
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
        self.position(&kept)
    }

    /// The position that goes with the closing heartbeats.
    pub(super) fn closing(&self) -> Position {
        let mut kept = self.kept.clone();
        kept.transaction += 1;
        kept.open.clear();
        self.position(&kept)
    }

    fn position(&self, kept: &Kept) -> Position {
        let metadata = serde_json::to_string(kept).expect("numbers and texts are JSON");
        self.position.at(Committed { next_offset: 0, metadata })
    }

    /// The transaction with this position went through.
    pub(super) fn committed(&mut self, position: Position) {
        if let Ok(kept) = read(&position.committed) {
            self.kept = kept;
        }
        self.position.moved(position);
    }

    /// After a transaction with this position that was lost, or of which nobody knows: makes the log usable again. True where it went through.
    ///
    /// # Errors
    /// [`LogError::Fenced`] where another run has begun, which is left alone.
    pub(super) fn recover<L: Log>(&mut self, log: &mut L, tried: &Position) -> Result<bool, LogError> {
        let is_through = self.position.recover(log, tried).map_err(|error| match error {
            LogError::Fenced(other) => {
                let other = serde_json::from_str(&other).map_or_else(|_| "an unknown run".to_owned(), |kept: Kept| kept.run);
                LogError::Fenced(format!("{other} redrives now; run this again when it has ended"))
            }
            other => other,
        })?;
        if is_through {
            self.committed(tried.clone());
        }
        Ok(is_through)
    }
}

fn read(committed: &Committed) -> Result<Kept, serde_json::Error> {
    serde_json::from_str(&committed.metadata)
}
