//! Saved states: what makes a restore quick. A snapshot is a cache of the log: lost, damaged or out of date it costs time, never a result.
//!
//! After a commit the state of one partition at a time is saved as it stands then, piece by piece between batches, while records go on
//! being processed: what they change is saved first as it was. A thread of its own writes the pieces. A restore takes the newest usable
//! one (log start <= its offset <= committed offset) and replays the input from there.
//!
//! What a state no longer needs at hand goes to a segment with the snapshot, leaves memory once that is durable, and is brought back when
//! a record needs it. Segments are never changed; a snapshot names those that its state points to, and one that no snapshot names is deleted.

mod file;
mod folder;
mod memory;
mod restore;
mod saver;
mod segment;
mod sweep;
mod writer;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use file::Fields;
pub use folder::FolderStore;
pub use memory::MemoryStore;
pub(crate) use restore::{Saved, newest_usable, no_segments};
pub(crate) use saver::Saver;
pub(crate) use segment::{NotRead, Segments};
pub use segment::{SavedPiece, SegmentPlace};

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
    /// They are saved sooner after so many records, in a replay too: what is closed leaves memory only with a snapshot, and a lane that
    /// catches up closes in a minute the sessions of hours.
    pub records: u64,
    /// Told in words of a snapshot that could not be written or used. The run goes on.
    pub on_problem: fn(&str),
}

/// A file of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name within its folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// Ends the names of files that are not finished.
pub const UNFINISHED: &str = ".unfinished";

/// A place for snapshots and segments that every host reaches which may have to restore from them. A folder, that of a partition, has few
/// files; none changes once it is finished.
pub trait SnapshotStore: Debug + Send + Sync {
    /// The files of a folder, in no particular order; none where there is no such folder. Those that are not finished may be among them.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    fn list(&self, folder: &str) -> io::Result<Vec<Found>>;

    /// A whole file.
    ///
    /// # Errors
    /// Where it cannot be read; [`io::ErrorKind::NotFound`] where there is none.
    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>>;

    /// So many bytes of a file from `offset` on; fewer where it ends before.
    ///
    /// # Errors
    /// As [`SnapshotStore::read`].
    fn read_at(&self, folder: &str, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>>;

    /// Begins a file. `label` tells it from others of the folder that are being written.
    ///
    /// # Errors
    /// Where it cannot be begun.
    fn create(&self, folder: &str, label: &str) -> io::Result<Box<dyn SnapshotWriter>>;

    /// Drops a copy that is kept nearer than the file itself, and may be damaged where that is not; false where there was none.
    fn drop_copy(&self, folder: &str, name: &str) -> bool {
        let _ = (folder, name);
        false
    }

    /// Deletes a file; one that is gone is well.
    ///
    /// # Errors
    /// Where that fails.
    fn delete(&self, folder: &str, name: &str) -> io::Result<()>;
}

/// A file that is being written. Dropped unfinished it leaves nothing that is taken for finished.
pub trait SnapshotWriter: Send {
    /// Appends a piece.
    ///
    /// # Errors
    /// Where that fails: the file is given up.
    fn append(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Makes it durable, and known by this name.
    ///
    /// # Errors
    /// Where that fails.
    fn finish(self: Box<Self>, name: &str) -> io::Result<()>;
}
