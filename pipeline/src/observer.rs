//! What a run tells whoever watches over it: at its turning points and with each commit, never per record.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::{TopicPartition, Unavailable};

/// Told what a run does, on the run's own thread: it counts and notes, and does not wait. Every method may be left out.
///
/// What was processed is told with the commit that makes it count, so a transaction that is lost is in no figure but its own.
pub trait Observer: Debug + Send + Sync {
    /// The log was polled, and what came of it was done.
    fn turned(&self) {}

    /// These partitions came, be it none: the lane is a member of its group. Their states are restored next.
    fn assigned(&self, sources: &[TopicPartition]) {
        let _ = sources;
    }

    /// These partitions went; `is_lost`: without a last commit.
    fn revoked(&self, sources: &[TopicPartition], is_lost: bool) {
        let _ = (sources, is_lost);
    }

    /// A restore goes on: so many records were replayed since this was last told of the partition. Told at least as often as the log hears
    /// of the lane meanwhile.
    fn replayed(&self, source: TopicPartition, records: u64) {
        let _ = (source, records);
    }

    /// The state of a partition is as it was at its committed position, and is read on from there. Of a sink: it has said where it stands.
    fn restored(&self, source: TopicPartition, restored: &Restored) {
        let _ = (source, restored);
    }

    /// A commit went through.
    fn committed(&self, commit: &Commit<'_>) {
        let _ = commit;
    }

    /// The open transaction is lost, or nobody knows: everything held is restored.
    fn lost_transaction(&self, why: &str) {
        let _ = why;
    }

    /// A partition waits for something that was asked for in vain; told again with each further try.
    fn waiting(&self, source: TopicPartition, unavailable: &Unavailable) {
        let _ = (source, unavailable);
    }

    /// What a partition waited for is there.
    fn available(&self, source: TopicPartition) {
        let _ = source;
    }

    /// The store of a sink did not take what it was sent, or was not to be reached; told again with each further try, and over with the next
    /// commit.
    fn store_unavailable(&self, why: &str) {
        let _ = why;
    }

    /// A state was saved.
    fn saved(&self, source: TopicPartition, saved: &SavedState) {
        let _ = (source, saved);
    }

    /// A save came to nothing. Why, `SnapshotOptions::on_problem` is told.
    fn save_failed(&self, source: TopicPartition) {
        let _ = source;
    }
}

/// How a state was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The committed position: offset of the next record to read.
    pub next_offset: i64,
    /// Log time there, ms since 1970 UTC.
    pub log_time_ms: Option<i64>,
    /// Offset of the snapshot that it began with, if any.
    pub from_snapshot: Option<i64>,
    /// How long it took.
    pub duration: Duration,
}

/// A commit, and what it made count.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'c> {
    /// How long it took.
    pub duration: Duration,
    /// Every partition held.
    pub partitions: &'c [Progress],
}

/// What became of a partition from the commit before to this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub source: TopicPartition,
    /// Offset of the next record to read.
    pub next_offset: i64,
    /// Log time, ms since 1970 UTC.
    pub log_time_ms: Option<i64>,
    /// When the newest heartbeat that came through was sent, ms since 1970 UTC: of a re-keyed partition, that of the input partition from
    /// which none came for the longest time. None before one has come.
    pub heartbeat_ms: Option<i64>,
    /// What was read and made.
    pub counts: Counts,
    /// What the state holds, where the processor can tell.
    pub size: Option<StateSize>,
}

/// What was read and made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read, heartbeats among them.
    pub records: u64,
    /// Records written, dead letters and heartbeats among them.
    pub outputs: u64,
    /// Records left out on purpose: duplicates.
    pub dropped: u64,
    /// Records refused, by reason.
    pub rejected: Vec<(&'static str, u64)>,
}

impl Counts {
    pub(crate) fn reject(&mut self, reason: &'static str) {
        match self.rejected.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.rejected.push((reason, 1)),
        }
    }
}

/// What a state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// Things at hand: sessions, contents.
    pub in_memory: u64,
    /// Things that were put away, of which memory keeps a place only.
    pub put_away: u64,
}

/// A state that was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedState {
    /// The position that it was saved at.
    pub offset: i64,
    /// Bytes written: the snapshot, and the segment beside it.
    pub bytes: u64,
    /// From its beginning until it was durable.
    pub duration: Duration,
}

/// Watches nothing.
#[derive(Clone, Copy, Debug)]
struct Unobserved;

impl Observer for Unobserved {}

/// For a run that nobody watches.
#[must_use]
pub fn unobserved() -> Arc<dyn Observer> {
    Arc::new(Unobserved)
}
