//! A log: batches of records out; outputs and input positions in, in one atomic step.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::{Batch, Outputs, Record, TopicId, TopicPartition};

/// A committed position.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Committed {
    /// Offset of the next record to read.
    pub next_offset: i64,
    /// What was stored with it: a sink's intent.
    pub metadata: String,
}

/// How far a stage got in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub source: TopicPartition,
    /// Offset of the next record to read, and what is stored with it.
    pub committed: Committed,
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled<'a> {
    /// Records of one partition, borrowed until the next poll. It may carry none, and only a position that passes a gap at the end
    /// (control markers, compaction): such a position is committed like any other, or it would fall out of the log with the gap.
    Batch(Batch<'a>),
    /// These partitions are now ours, and the log has taken them over. Nothing of them is handed out before the next poll: until then the
    /// caller restores what it has to, and says by [`Log::seek`] where reading starts. None of them: the group has nothing (more) for us.
    Assigned(Vec<TopicPartition>),
    /// These partitions go.
    Revoked {
        /// Which of them; the others stay.
        sources: Vec<TopicPartition>,
        /// They are gone already and may be read by another lane: what is not committed is discarded, for a commit is doomed. Otherwise
        /// they are about to be taken away: commit now, drop their state, then poll again, which hands them over.
        is_lost: bool,
    },
    /// Nothing came in time. `caught_up`: all assigned, unpaused partitions have been read to their ends.
    Idle {
        /// All that could be read has been.
        caught_up: bool,
    },
}

/// Why a log could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The open transaction is lost, or nobody knows whether it was committed; for a sink, also a plain commit of positions that did not
    /// go through. [`Log::recover`], read the committed positions, restore.
    #[error("the transaction did not go through: {0}")]
    Transaction(String),
    /// Another instance has taken over: stop.
    #[error("another instance has taken over: {0}")]
    Fenced(String),
    /// The position lies outside the log: records were lost or the topic was made anew. Stop loudly, never skip silently.
    #[error("position {position} of {topic}-{partition} lies outside the log, which holds {first}..{end}")]
    OutOfRange {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: u32,
        /// The position asked for.
        position: i64,
        /// First offset held.
        first: i64,
        /// Offset after the last record.
        end: i64,
    },
    /// Anything else: stop and say so.
    #[error("{0}")]
    Fatal(String),
}

/// A log as one lane sees it: a consumer, a transactional producer, and what is assigned to it. One thread, no sharing.
pub trait Log {
    /// Waits up to `timeout` for something to happen.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] where the position to read on from lies outside the log.
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError>;

    /// Tells the group that this lane lives; reads nothing, and changes nothing that the caller has been told: what happens to the
    /// assignment meanwhile is for the next poll to say. A member that is silent for too long is evicted, even while it restores.
    ///
    /// # Errors
    /// Where the log fails.
    fn keep_alive(&mut self) -> Result<(), LogError>;

    /// Reads the records of `source` from offset `from` up to before `to`, outside of the assignment, until `each` breaks off. What
    /// restores use, which often read on from where they broke off.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] where the log does not reach from `from` to `to`: nothing is read then.
    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError>;

    /// Reads a whole partition of any topic by name, up to the end that it has now or until `each` breaks off. It cannot be read on from
    /// there, so a log that must show signs of life sees to them itself meanwhile.
    ///
    /// # Errors
    /// Where the log cannot be read.
    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError>;

    /// The identity of a source's topic.
    ///
    /// # Errors
    /// Where the log cannot be asked.
    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError>;

    /// The first offset held and the offset after the last record of a partition.
    ///
    /// # Errors
    /// Where the log cannot be asked.
    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError>;

    /// The largest timestamp of a partition's records, ms since 1970 UTC; none where it holds none. A log that knows it without reading all
    /// of them says so itself; it may count records whose transaction is still open, and the markers at the ends of transactions.
    ///
    /// # Errors
    /// Where the log cannot be asked.
    fn largest_timestamp_ms(&mut self, source: TopicPartition) -> Result<Option<i64>, LogError> {
        let (first, end) = self.bounds(source)?;
        let mut largest = None;
        self.read(source, first, end, &mut |batch| {
            largest = largest.max(batch.records.iter().map(|record| record.timestamp_ms).max());
            ControlFlow::Continue(())
        })?;
        Ok(largest)
    }

    /// The committed position of this stage in a partition.
    ///
    /// # Errors
    /// Where the log cannot be asked.
    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError>;

    /// Puts outputs into the open transaction (opening one where none is) and empties `outputs`.
    ///
    /// # Errors
    /// After an error the transaction is lost.
    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError>;

    /// Commits what was sent together with these positions: all of it or nothing.
    ///
    /// # Errors
    /// [`LogError::Transaction`] also where the reply was lost: the committed positions tell.
    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError>;

    /// Throws away what was sent, and makes the log usable after [`LogError::Transaction`]: a new producer. Says which partitions the lane
    /// no longer has; the caller drops and restores the state of every other one that it holds, and seeks them afterwards.
    ///
    /// # Errors
    /// Where that fails too.
    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError>;

    /// Reads on from `offset`, whether or not the partition is paused.
    ///
    /// # Errors
    /// Where the partition is not assigned.
    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError>;

    /// Stops reading a partition, but keeps it.
    ///
    /// # Errors
    /// Where the partition is not assigned.
    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError>;

    /// Goes on reading a paused partition. Harmless where it is not paused.
    ///
    /// # Errors
    /// Where the partition is not assigned.
    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError>;
}
