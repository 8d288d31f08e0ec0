//! An object store as plain threads use it: each request is waited for, so long and no longer.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use pipeline::Found;
use tokio::runtime::{Builder, Runtime};

/// How long a request is waited for, with all its tries.
pub(super) const WAIT: Duration = Duration::from_secs(30);
/// What one request carries at most, bytes; parts of an upload must have 5 MiB. From 420 kB/s on it comes through in one try.
pub(super) const PART_BYTES: u64 = 8 << 20;
/// Of what a server says of an error, characters that are repeated.
const TOLD: usize = 300;

/// See the module's documentation. Must not be used in asynchronous code.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    store: Arc<dyn ObjectStore>,
    address: String,
    wait: Duration,
    /// One thread, which looks after the connections.
    runtime: Arc<Runtime>,
}

impl Remote {
    /// `address` is what errors name it by.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub(super) fn new(store: Arc<dyn ObjectStore>, address: String, wait: Duration) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("snapshot store").enable_all().build()?;
        Ok(Self { store, address, wait, runtime: Arc::new(runtime) })
    }

    fn wait<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        // The timer needs the runtime when it is made.
        match self.runtime.block_on(async { tokio::time::timeout(self.wait, request).await }) {
            Ok(done) => done.map_err(|error| self.error(&error)),
            Err(_) => Err(io::Error::new(ErrorKind::TimedOut, format!("{} did not answer within {:?}", self.address, self.wait))),
        }
    }

    /// In words: the first cause says it best.
    fn error(&self, error: &Error) -> io::Error {
        if let Error::NotFound { path, .. } = error {
            return io::Error::new(ErrorKind::NotFound, format!("{}: {path} is not there", self.address));
        }
        let mut cause: &dyn StdError = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let cause = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let end = cause.char_indices().nth(TOLD).map_or("", |_| "...");
        io::Error::other(format!("{}: {}{end}", self.address, cause.chars().take(TOLD).collect::<String>()))
    }

    /// The objects right below a path, by the last part of their names.
    pub(super) fn list(&self, folder: &Path) -> io::Result<Vec<Found>> {
        let listed = self.wait(self.store.list_with_delimiter(Some(folder))).map_err(|error| match error.kind() {
            // No such folder is an empty one, so what is missing is the bucket.
            ErrorKind::NotFound => io::Error::other(format!("{}: there is no such bucket", self.address)),
            _ => error,
        })?;
        let found = |object: ObjectMeta| Some(Found { name: object.location.filename()?.to_owned(), bytes: object.size });
        Ok(listed.objects.into_iter().filter_map(found).collect())
    }

    /// Hands out an object's bytes from `from` to `to`, or to its end where that comes first, in pieces.
    pub(super) fn read(&self, path: &Path, from: u64, to: u64, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let object = self.wait(self.store.head(path))?;
        let to = to.min(object.size);
        let mut at = from;
        while at < to {
            let range = at..to.min(at + PART_BYTES);
            let options = GetOptions {
                range: Some(GetRange::Bounded(range.clone())),
                // All pieces are of one object, also where it is replaced meanwhile.
                if_match: object.e_tag.clone(),
                ..GetOptions::default()
            };
            let piece = self.wait(async { self.store.get_opts(path, options).await?.bytes().await })?;
            if piece.len() as u64 != range.end - range.start {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("{}: {path} came cut short", self.address)));
            }
            take(&piece)?;
            at = range.end;
        }
        Ok(())
    }

    /// Makes an object of a whole file, all at once, in the place of the one of this name. What fails leaves nothing.
    pub(super) fn upload(&self, path: &Path, file: &mut File) -> io::Result<()> {
        let first = part(file)?;
        if (first.len() as u64) < PART_BYTES {
            return self.wait(self.store.put(path, first.into())).map(drop);
        }
        let mut upload = self.wait(self.store.put_multipart(path))?;
        let done = self.upload_parts(&mut *upload, first, file);
        if done.is_err() {
            // Where that fails too, the bucket's rule for unfinished uploads deletes the parts. They are seen by nobody.
            _ = self.wait(upload.abort());
        }
        done
    }

    fn upload_parts(&self, upload: &mut dyn MultipartUpload, first: Vec<u8>, file: &mut File) -> io::Result<()> {
        let mut next = first;
        while !next.is_empty() {
            self.wait(upload.put_part(next.into()))?;
            next = part(file)?;
        }
        self.wait(upload.complete()).map(drop)
    }

    /// Deletes an object; one that is gone is well.
    pub(super) fn delete(&self, path: &Path) -> io::Result<()> {
        match self.wait(self.store.delete(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// The next part of a file; the last is shorter, or empty.
fn part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut part)?;
    Ok(part)
}
