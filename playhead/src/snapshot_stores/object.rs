//! Snapshots in an object store, with local copies of segments.
//!
//! A file is written here first, and becomes an object, whole, when it is finished: until then its name is not known, and a lane that
//! saves its state never waits for the network. Segments stay here as copies, because a state reads in them a few kilobytes at a time, for
//! each late event of a closed session; one that is not here is fetched whole when it is first read.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use object_store::path::Path as ObjectPath;
use pipeline::{FolderStore, Found, SnapshotStore, SnapshotWriter, UNFINISHED};

use super::remote::Remote;

/// Ends the names of files that are read a little at a time, and never change.
const SEGMENT: &str = ".segment";

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct ObjectSnapshots {
    remote: Remote,
    prefix: String,
    here: PathBuf,
    copies: FolderStore,
}

impl ObjectSnapshots {
    /// Objects below `prefix`, and copies below `here`, where nobody else uses the folder `stage`: what an earlier process left unfinished
    /// there is deleted.
    ///
    /// # Errors
    /// Where the folder of copies can't be used.
    pub(super) fn open(remote: Remote, prefix: &str, here: PathBuf, stage: &str) -> io::Result<Self> {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", here.display()));
        delete_unfinished(&here.join(stage)).map_err(told)?;
        Ok(Self { remote, prefix: prefix.to_owned(), copies: FolderStore::new(here.clone()), here })
    }

    /// Names made here have nothing in them that a path of objects cannot have.
    fn path(&self, folder: &str, name: &str) -> ObjectPath {
        ObjectPath::from(format!("{}/{folder}/{name}", self.prefix))
    }

    /// Makes a copy of a segment, which is seen only when it is whole. A partition's segments are read by the one lane that has its state.
    fn fetch(&self, folder: &str, name: &str) -> io::Result<()> {
        let mut copy = self.copies.create(folder, name)?;
        self.remote.insisting().read(&self.path(folder, name), 0, u64::MAX, |piece| copy.append(piece))?;
        copy.finish(name)
    }

    fn upload(&self, folder: &str, name: &str) -> io::Result<()> {
        self.remote.upload(&self.path(folder, name), &mut File::open(self.here.join(folder).join(name))?)
    }

    /// Deletes copies of what is not among `found`: so many bytes are kept here as states name. One that stays costs space only.
    fn forget_others(&self, folder: &str, found: &[Found]) {
        for copy in self.copies.list(folder).unwrap_or_default() {
            if !copy.name.ends_with(UNFINISHED) && !found.contains(&copy) {
                _ = self.copies.delete(folder, &copy.name);
            }
        }
    }
}

impl SnapshotStore for ObjectSnapshots {
    fn list(&self, folder: &str) -> io::Result<Vec<Found>> {
        let found = self.remote.list(&self.path(folder, ""))?;
        self.forget_others(folder, &found);
        Ok(found)
    }

    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>> {
        self.remote_part(folder, name, 0, u64::MAX)
    }

    fn read_at(&self, folder: &str, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        if !name.ends_with(SEGMENT) {
            return self.remote_part(folder, name, offset, offset.saturating_add(bytes as u64));
        }
        match self.copies.read_at(folder, name, offset, bytes) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.fetch(folder, name)?;
                self.copies.read_at(folder, name, offset, bytes)
            }
            read => read,
        }
    }

    fn create(&self, folder: &str, label: &str) -> io::Result<Box<dyn SnapshotWriter>> {
        let spool = self.copies.create(folder, label)?;
        Ok(Box::new(ObjectWriter { store: self.clone(), folder: folder.to_owned(), spool }))
    }

    fn drop_copy(&self, folder: &str, name: &str) -> bool {
        self.copies.read_at(folder, name, 0, 1).is_ok() && self.copies.delete(folder, name).is_ok()
    }

    fn delete(&self, folder: &str, name: &str) -> io::Result<()> {
        self.remote.delete(&self.path(folder, name))?;
        self.copies.delete(folder, name)
    }
}

impl ObjectSnapshots {
    fn remote_part(&self, folder: &str, name: &str, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.remote.read(&self.path(folder, name), from, to, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }
}

struct ObjectWriter {
    store: ObjectSnapshots,
    folder: String,
    spool: Box<dyn SnapshotWriter>,
}

impl SnapshotWriter for ObjectWriter {
    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.spool.append(piece)
    }

    fn finish(self: Box<Self>, name: &str) -> io::Result<()> {
        let Self { store, folder, spool } = *self;
        // Under its name here before it is there: nobody asks for it yet, and what a dead process leaves is no copy of anything listed.
        spool.finish(name)?;
        let uploaded = store.upload(&folder, name);
        if uploaded.is_err() || !name.ends_with(SEGMENT) {
            // One that stays costs space until the folder is listed.
            _ = store.copies.delete(&folder, name);
        }
        uploaded
    }
}

/// Deletes what has not been finished below a folder.
fn delete_unfinished(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            delete_unfinished(&entry.path())?;
        } else if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::ObjectStore;
    use object_store::memory::InMemory;
    use object_store::throttle::{ThrottleConfig, ThrottledStore};

    use super::*;

    const FOLDER: &str = "stage/0123-1";
    const NAME: &str = "7-0123.segment";

    fn open(objects: &Arc<InMemory>, here: &Path) -> ObjectSnapshots {
        let objects = Arc::clone(objects) as Arc<dyn ObjectStore>;
        let remote = Remote::new(objects, "memory".to_owned(), super::super::remote::WAIT).unwrap();
        ObjectSnapshots::open(remote, "prefix", here.to_owned(), "stage").unwrap()
    }

    fn write(store: &ObjectSnapshots, name: &str, bytes: &[u8]) {
        let mut writer = store.create(FOLDER, name).unwrap();
        writer.append(bytes).unwrap();
        writer.finish(name).unwrap();
    }

    fn copies(here: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(here.join(FOLDER)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn segments_are_read_here_and_fetched_where_they_are_not_here() {
        let (objects, first, second) = (Arc::new(InMemory::new()), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let writer = open(&objects, first.path());
        write(&writer, NAME, b"put away");
        write(&writer, "7.snapshot", b"a state");
        assert_eq!(copies(first.path()), [NAME]);

        let reader = open(&objects, second.path());
        assert_eq!(reader.list(FOLDER).unwrap().len(), 2);
        assert_eq!(copies(second.path()), Vec::<String>::new());
        assert_eq!(reader.read_at(FOLDER, NAME, 4, 100).unwrap(), b"away");
        assert_eq!(reader.read_at(FOLDER, "7.snapshot", 2, 100).unwrap(), b"state");
        assert_eq!(copies(second.path()), [NAME]);

        // Deleted by the other: what was read stays at hand until it is known to be gone.
        writer.delete(FOLDER, NAME).unwrap();
        assert_eq!(copies(first.path()), Vec::<String>::new());
        assert_eq!(reader.read_at(FOLDER, NAME, 0, 3).unwrap(), b"put");
        assert_eq!(reader.list(FOLDER).unwrap().len(), 1);
        assert_eq!(copies(second.path()), Vec::<String>::new());
        assert_eq!(reader.read_at(FOLDER, NAME, 0, 3).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_copy_of_another_length_is_none() {
        let (objects, here) = (Arc::new(InMemory::new()), tempfile::tempdir().unwrap());
        let store = open(&objects, here.path());
        write(&store, NAME, b"put away");
        fs::write(here.path().join(FOLDER).join(NAME), b"put").unwrap();
        store.list(FOLDER).unwrap();
        assert_eq!(store.read_at(FOLDER, NAME, 0, 100).unwrap(), b"put away");
    }

    #[test]
    fn what_a_dead_process_left_unfinished_is_deleted() {
        let (objects, here) = (Arc::new(InMemory::new()), tempfile::tempdir().unwrap());
        write(&open(&objects, here.path()), NAME, b"put away");
        let left = format!("8.snapshot{UNFINISHED}");
        fs::write(here.path().join(FOLDER).join(&left), b"half").unwrap();
        let elsewhere = here.path().join("other-stage");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(&left), b"in use").unwrap();
        open(&objects, here.path());
        assert_eq!(copies(here.path()), [NAME]);
        assert!(elsewhere.join(left).exists());
    }

    #[test]
    fn a_store_that_does_not_answer_is_not_waited_for() {
        let here = tempfile::tempdir().unwrap();
        let forever = Duration::from_hours(1);
        let config = ThrottleConfig {
            wait_get_per_call: forever,
            wait_put_per_call: forever,
            wait_list_with_delimiter_per_call: forever,
            ..ThrottleConfig::default()
        };
        let objects = Arc::new(ThrottledStore::new(InMemory::new(), config));
        let remote = Remote::new(objects, "s3://bucket".to_owned(), Duration::from_millis(10)).unwrap();
        let store = ObjectSnapshots::open(remote, "", here.path().to_owned(), "stage").unwrap();
        let mut writer = store.create(FOLDER, NAME).unwrap();
        writer.append(b"put away").unwrap();
        let said = |error: io::Error| {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            error.to_string()
        };
        let silent = "s3://bucket did not answer within 10ms";
        assert_eq!(said(writer.finish(NAME).unwrap_err()), silent);
        // It is left alone for a while, but for what a run cannot go on without.
        assert_eq!(said(store.list(FOLDER).unwrap_err()), format!("{silent}; it is not asked again yet"));
        assert_eq!(said(store.read_at(FOLDER, NAME, 0, 1).unwrap_err()), silent);
        assert_eq!(copies(here.path()), Vec::<String>::new());
    }
}
