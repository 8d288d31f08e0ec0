//! An object store as plain threads use it: each request is waited for, so long and no longer; and one that did not answer is left alone for
//! a while, so that a run that saves many partitions does not wait for each.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use pipeline::Found;
use tokio::runtime::{Builder, Runtime};

/// How long a request is waited for, with all its tries.
pub(super) const WAIT: Duration = Duration::from_secs(30);
/// How long a store that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(60);
/// What one request carries at most, bytes; parts of an upload must have 5 MiB. From 420 kB/s on it comes through in one try.
pub(super) const PART_BYTES: u64 = 8 << 20;
/// Of what a server says of an error, characters that are repeated.
const TOLD: usize = 500;

/// See the module's documentation. Must not be used in asynchronous code.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    store: Arc<dyn ObjectStore>,
    address: String,
    wait: Duration,
    /// One thread, which looks after the connections.
    runtime: Arc<Runtime>,
    /// When it last did not answer, and in what words; shared by all clones.
    silence: Arc<Mutex<Option<Silence>>>,
    is_insisting: bool,
}

#[derive(Debug)]
struct Silence {
    since: Instant,
    kind: ErrorKind,
    words: String,
}

impl Remote {
    /// `address` is what errors name it by.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub(super) fn new(store: Arc<dyn ObjectStore>, address: String, wait: Duration) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("snapshot store").enable_all().build()?;
        Ok(Self { store, address, wait, runtime: Arc::new(runtime), silence: Arc::default(), is_insisting: false })
    }

    /// Asks even where it has just not answered: for what a run cannot do without.
    pub(super) fn insisting(&self) -> Self {
        Self { is_insisting: true, ..self.clone() }
    }

    fn wait<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        let silence = || self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Silence { since, kind, words }) = &*silence()
            && !self.is_insisting
            && since.elapsed() < PAUSE
        {
            return Err(io::Error::new(*kind, format!("{words}; it is not asked again yet")));
        }
        // The timer needs the runtime when it is made.
        let error = match self.runtime.block_on(async { tokio::time::timeout(self.wait, request).await }) {
            Ok(Ok(done)) => {
                *silence() = None;
                return Ok(done);
            }
            Ok(Err(error)) if is_answer(&error) => return Err(self.error(&error)),
            Ok(Err(error)) => self.error(&error),
            Err(_) => io::Error::new(ErrorKind::TimedOut, format!("{} did not answer within {:?}", self.address, self.wait)),
        };
        *silence() = Some(Silence { since: Instant::now(), kind: error.kind(), words: error.to_string() });
        Err(error)
    }

    fn error(&self, error: &Error) -> io::Error {
        let cause = first_cause(error);
        match error {
            Error::NotFound { path, .. } => {
                let said = server_words(&cause).unwrap_or_else(|| format!("{path} is not there"));
                io::Error::new(ErrorKind::NotFound, format!("{}: {said}", self.address))
            }
            _ => io::Error::other(format!("{}: {}", self.address, server_words(&cause).unwrap_or(cause))),
        }
    }

    /// The objects right below a path, by the last part of their names.
    pub(super) fn list(&self, folder: &Path) -> io::Result<Vec<Found>> {
        let listed = self.wait(self.store.list_with_delimiter(Some(folder)))?;
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

/// Whether the store itself says so, and not what lies between.
fn is_answer(error: &Error) -> bool {
    let between = |cause: &HttpError| {
        matches!(cause.kind(), HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Timeout | HttpErrorKind::Interrupted)
    };
    !causes(error).any(|cause| cause.downcast_ref().is_some_and(between))
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&cause| cause.source())
}

/// What an error goes back to, in one line: this says it best.
pub(super) fn first_cause(error: &Error) -> String {
    let cause = causes(error).last().map_or_else(String::new, ToString::to_string);
    let line = cause.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TOLD) {
        None => line,
        Some((end, _)) => format!("{}...", &line[..end]),
    }
}

/// What a server of S3 says in the document that its errors are.
fn server_words(cause: &str) -> Option<String> {
    let (_, message) = cause.split_once("<Message>")?;
    Some(message.split_once("</Message>").map_or(message, |(message, _)| message).to_owned())
}

/// The next part of a file; the last is shorter, or empty.
fn part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut part)?;
    Ok(part)
}
