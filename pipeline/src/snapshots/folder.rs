//! Snapshots in a folder of the file system.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::{Found, SnapshotStore, SnapshotWriter, UNFINISHED};

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
    fn list(&self, folder: &str) -> io::Result<Vec<Found>> {
        let Some(entries) = unless_missing(fs::read_dir(self.root.join(folder)))? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            // One that was deleted or renamed meanwhile is no longer there.
            if let Some(of) = unless_missing(entry.metadata())? {
                found.push(Found { name: entry.file_name().to_string_lossy().into_owned(), bytes: of.len() });
            }
        }
        Ok(found)
    }

    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(folder).join(name))
    }

    fn read_at(&self, folder: &str, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.root.join(folder).join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut read = Vec::with_capacity(bytes);
        file.take(bytes as u64).read_to_end(&mut read)?;
        Ok(read)
    }

    fn create(&self, folder: &str, label: &str) -> io::Result<Box<dyn SnapshotWriter>> {
        let folder = self.root.join(folder);
        fs::create_dir_all(&folder)?;
        // A process that died may have left one: it is written over.
        let unfinished = folder.join(format!("{label}{UNFINISHED}"));
        let file = File::create(&unfinished)?;
        Ok(Box::new(FolderWriter { file, unfinished, folder, is_finished: false }))
    }

    fn delete(&self, folder: &str, name: &str) -> io::Result<()> {
        unless_missing(fs::remove_file(self.root.join(folder).join(name))).map(|_| ())
    }
}

struct FolderWriter {
    file: File,
    folder: PathBuf,
    unfinished: PathBuf,
    is_finished: bool,
}

impl SnapshotWriter for FolderWriter {
    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    fn finish(mut self: Box<Self>, name: &str) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.unfinished, self.folder.join(name))?;
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
