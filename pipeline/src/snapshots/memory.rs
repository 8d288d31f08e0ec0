//! Snapshots in memory: the double for tests. Clones share what they hold.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Found, SnapshotStore, SnapshotWriter};

type Held = BTreeMap<(String, String), Vec<u8>>;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    held: Arc<Mutex<Held>>,
}

impl MemoryStore {
    /// Does something to all snapshots, by folder and name.
    pub fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>) -> T) -> T {
        act(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SnapshotStore for MemoryStore {
    fn list(&self, folder: &str) -> io::Result<Vec<Found>> {
        let of = |((_, name), bytes): (&(String, String), &Vec<u8>)| Found { name: name.clone(), bytes: bytes.len() as u64 };
        Ok(self.with(|held| held.iter().filter(|((held_in, _), _)| held_in == folder).map(of).collect()))
    }

    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>> {
        let found = self.with(|held| held.get(&(folder.to_owned(), name.to_owned())).cloned());
        found.ok_or_else(|| io::Error::from(ErrorKind::NotFound))
    }

    fn read_at(&self, folder: &str, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        self.with(|held| {
            let whole = held.get(&(folder.to_owned(), name.to_owned())).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
            let from = whole.get(offset..).unwrap_or_default();
            Ok(from[..from.len().min(bytes)].to_vec())
        })
    }

    fn create(&self, folder: &str, _: &str) -> io::Result<Box<dyn SnapshotWriter>> {
        Ok(Box::new(MemoryWriter { store: self.clone(), folder: folder.to_owned(), bytes: Vec::new() }))
    }

    fn delete(&self, folder: &str, name: &str) -> io::Result<()> {
        self.with(|held| held.remove(&(folder.to_owned(), name.to_owned())));
        Ok(())
    }
}

struct MemoryWriter {
    store: MemoryStore,
    folder: String,
    bytes: Vec<u8>,
}

impl SnapshotWriter for MemoryWriter {
    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn finish(self: Box<Self>, name: &str) -> io::Result<()> {
        let Self { store, folder, bytes } = *self;
        store.with(|held| held.insert((folder, name.to_owned()), bytes));
        Ok(())
    }
}
