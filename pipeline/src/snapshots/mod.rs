//! Saved states: what makes a restore quick. A snapshot is a cache of the log: lost, damaged or out of date it costs time, never a result.
//!
//! After a commit the state of one partition at a time is saved as it stands then, piece by piece between batches, while records go on
//! being processed: what they change is saved first as it was. A thread of its own writes the pieces. A restore takes the newest usable
//! one (log start <= its offset <= committed offset) and replays the input from there.

mod file;
mod folder;
mod memory;
mod restore;
mod saver;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use file::Fields;
pub use folder::FolderStore;
pub use memory::MemoryStore;
pub(crate) use restore::{Saved, newest_usable};
pub(crate) use saver::Saver;

/// Snapshots kept of a partition.
const KEPT: usize = 2;

/// Why saved bytes are no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAState(pub String);

/// Where and how often states are saved.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// Where to.
    pub store: Arc<dyn SnapshotStore>,
    /// How often each partition is saved, where it has moved. Zero: at each commit, and waited for; for tests.
    pub interval: Duration,
    /// Told in words of a snapshot that could not be written or used. The run goes on.
    pub on_problem: fn(&str),
}

/// A place for snapshots that every host reaches which may have to restore from them. A folder here has a handful of names.
pub trait SnapshotStore: Debug + Send + Sync {
    /// Names of the finished snapshots of a folder, in no particular order; none where there is no such folder.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// A whole snapshot.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>>;

    /// Begins a snapshot. Under its name there is nothing, or what was there before, until it is finished.
    ///
    /// # Errors
    /// Where it cannot be begun.
    fn create(&self, folder: &str, name: &str) -> io::Result<Box<dyn SnapshotWriter>>;

    /// Deletes a snapshot.
    ///
    /// # Errors
    /// Where that fails.
    fn delete(&self, folder: &str, name: &str) -> io::Result<()>;
}

/// A snapshot that is being written. Dropped unfinished it leaves nothing under its name.
pub trait SnapshotWriter: Send {
    /// Appends a piece.
    ///
    /// # Errors
    /// Where that fails: the snapshot is given up.
    fn append(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Makes it durable, and known by its name.
    ///
    /// # Errors
    /// Where that fails.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
