//! Snapshots in a folder of the file system.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;

use super::{SnapshotStore, SnapshotWriter};

const UNFINISHED: &str = ".unfinished";

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Snapshots under `root`, which is made with the first.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

/// What was not found is not there; any other error is one.
fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl SnapshotStore for FolderStore {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let Some(entries) = unless_missing(fs::read_dir(self.root.join(folder)))? else { return Ok(Vec::new()) };
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        names.filter(|name| !name.as_ref().is_ok_and(|name| name.ends_with(UNFINISHED))).collect()
    }

    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(folder).join(name))
    }

    fn create(&self, folder: &str, name: &str) -> io::Result<Box<dyn SnapshotWriter>> {
        let folder = self.root.join(folder);
        fs::create_dir_all(&folder)?;
        // A process that died may have left one: it is written over.
        let unfinished = folder.join(format!("{name}{UNFINISHED}"));
        let file = File::create(&unfinished)?;
        Ok(Box::new(FolderWriter { file, unfinished, finished: folder.join(name), folder, is_finished: false }))
    }

    fn delete(&self, folder: &str, name: &str) -> io::Result<()> {
        unless_missing(fs::remove_file(self.root.join(folder).join(name))).map(|_| ())
    }
}

struct FolderWriter {
    file: File,
    folder: PathBuf,
    unfinished: PathBuf,
    finished: PathBuf,
    is_finished: bool,
}

impl SnapshotWriter for FolderWriter {
    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.unfinished, &self.finished)?;
        self.is_finished = true;
        File::open(&self.folder)?.sync_all()
    }
}

impl Drop for FolderWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nobody is left to be told, and the next of this name writes over it.
            _ = fs::remove_file(&self.unfinished);
        }
    }
}
