//! The thread that writes snapshots and segments.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3;

use super::file::{Of, Sum};
use super::segment::{self, Manifest, Segment};
use super::sweep::sweep;
use super::{SavedPiece, SnapshotStore, SnapshotWriter};

/// Pieces that may wait to be written.
const WAITING_PIECES: usize = 4;

/// A save that begins.
pub(super) struct Begin {
    pub(super) id: u64,
    /// Tells files that are not finished from those of another process, which may take this one for dead.
    pub(super) owner: u32,
    pub(super) of: Of,
    pub(super) folder: String,
    pub(super) head: Vec<u8>,
    /// Number of the segment that it may write.
    pub(super) number: u32,
    /// The segments that the state names already.
    pub(super) named: Manifest,
}

pub(super) enum Job {
    Begin(Begin),
    Piece { piece: SavedPiece, is_last: bool },
    GiveUp,
}

/// What the thread tells.
pub(super) enum Report {
    Problem(String),
    /// A save is durable, with the segment that it wrote, and the bytes of both.
    Done {
        id: u64,
        segment: Option<Segment>,
        bytes: u64,
    },
    /// A save came to nothing.
    Failed {
        id: u64,
    },
    /// A job is done.
    Turn,
}

/// See the module's documentation.
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    reports: Receiver<Report>,
    /// Reports that came while a turn was waited for.
    heard: VecDeque<Report>,
    thread: Option<JoinHandle<()>>,
    /// Jobs given, and of these done.
    given: u64,
    done: u64,
}

impl Writer {
    pub(super) fn start(store: &Arc<dyn SnapshotStore>) -> Self {
        let (jobs, taken) = mpsc::sync_channel(WAITING_PIECES);
        let (tell, reports) = mpsc::channel();
        let store = Arc::clone(store);
        let thread = thread::spawn(move || {
            let mut open = None;
            for job in taken {
                // Nobody listens to reports once the run is over.
                let tell = |report| _ = tell.send(report);
                write(&*store, &mut open, job, &tell);
                tell(Report::Turn);
            }
        });
        Self { jobs: Some(jobs), reports, heard: VecDeque::new(), thread: Some(thread), given: 0, done: 0 }
    }

    /// Gives the job back where there is no room for it.
    pub(super) fn offer(&mut self, job: Job) -> Option<Job> {
        match self.jobs.as_ref()?.try_send(job) {
            Err(TrySendError::Full(job)) => return Some(job),
            Ok(()) => self.given += 1,
            // It ended, which `is_dead` tells.
            Err(TrySendError::Disconnected(_)) => {}
        }
        None
    }

    /// Whether all jobs given are done.
    pub(super) fn is_idle(&self) -> bool {
        self.done == self.given
    }

    /// Whether the thread ended, as it does only where a store panics.
    pub(super) fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until the thread tells something, for so long at most.
    pub(super) fn wait(&mut self, most: Duration) {
        if let Ok(report) = self.reports.recv_timeout(most) {
            self.hear(report);
        }
    }

    /// The next report, if there is one. Turns are counted only.
    pub(super) fn report(&mut self) -> Option<Report> {
        while let Ok(report) = self.reports.try_recv() {
            self.hear(report);
        }
        self.heard.pop_front()
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Turn => self.done += 1,
            report => self.heard.push_back(report),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// A save that is being written.
struct Open {
    begin: Begin,
    snapshot: Box<dyn SnapshotWriter>,
    sum: Sum,
    segment: Option<OpenSegment>,
    /// Of the snapshot, so far.
    bytes: u64,
}

struct OpenSegment {
    writer: Box<dyn SnapshotWriter>,
    hash: Xxh3,
    bytes: u64,
}

impl OpenSegment {
    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        self.writer.append(piece)
    }
}

impl Open {
    fn begin(store: &dyn SnapshotStore, begin: Begin) -> io::Result<Self> {
        let snapshot = store.create(&begin.folder, &format!("{:020}.{:08x}.snapshot", begin.of.offset, begin.owner))?;
        let bytes = begin.head.len() as u64;
        let mut open = Self { begin, snapshot, sum: Sum::default(), segment: None, bytes };
        open.sum.add(&open.begin.head);
        open.snapshot.append(&open.begin.head)?;
        Ok(open)
    }

    fn append(&mut self, store: &dyn SnapshotStore, piece: &SavedPiece) -> io::Result<()> {
        self.sum.add(&piece.state);
        self.bytes += piece.state.len() as u64;
        self.snapshot.append(&piece.state)?;
        if piece.segment.is_empty() {
            return Ok(());
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => {
                let writer = store.create(&self.begin.folder, &format!("{:020}.{:08x}.segment", self.begin.of.offset, self.begin.owner))?;
                let segment = none.insert(OpenSegment { writer, hash: Xxh3::new(), bytes: 0 });
                segment.append(&segment::head(self.begin.of.state_format))?;
                segment
            }
        };
        segment.append(&piece.segment)
    }

    /// The segment first: no snapshot names what is not there. Where the snapshot then fails, the segment goes: the next save writes its
    /// sessions again.
    fn finish(self, store: &dyn SnapshotStore) -> io::Result<(Option<Segment>, u64)> {
        let Self { begin, mut snapshot, sum, segment, mut bytes } = self;
        let mut named = begin.named;
        let written = match segment {
            None => None,
            Some(OpenSegment { writer, hash, bytes }) => {
                let name = segment::name(begin.of.offset, hash.digest());
                writer.finish(&name)?;
                Some(Segment { name, bytes })
            }
        };
        named.extend(written.clone().map(|segment| (begin.number, segment)));
        bytes += written.as_ref().map_or(0, |segment| segment.bytes);
        let end = sum.end(&named);
        bytes += end.len() as u64;
        let finished = snapshot.append(&end).and_then(|()| snapshot.finish(&begin.of.name()));
        if let (Err(_), Some(segment)) = (&finished, &written) {
            // What it failed of is told; a segment that stays is swept away after the next save.
            _ = store.delete(&begin.folder, &segment.name);
        }
        finished.map(|()| (written, bytes))
    }
}

fn write(store: &dyn SnapshotStore, open: &mut Option<Open>, job: Job, tell: &dyn Fn(Report)) {
    let fail = |id, problem| {
        tell(Report::Problem(problem));
        tell(Report::Failed { id });
    };
    match job {
        Job::Begin(begin) => {
            let (id, path) = (begin.id, begin.of.path(&begin.folder));
            match Open::begin(store, begin) {
                Ok(begun) => *open = Some(begun),
                Err(error) => fail(id, format!("{path} was not begun: {error}")),
            }
        }
        Job::Piece { piece, is_last } => {
            // None: it was given up after an error.
            let Some(mut save) = open.take() else { return };
            let (id, offset, folder) = (save.begin.id, save.begin.of.offset, save.begin.folder.clone());
            let path = save.begin.of.path(&folder);
            let fail = |error| fail(id, format!("{path} was not written: {error}"));
            if let Err(error) = save.append(store, &piece) {
                return fail(error);
            }
            if !is_last {
                *open = Some(save);
                return;
            }
            match save.finish(store) {
                Ok((segment, bytes)) => {
                    if let Err(problem) = sweep(store, &folder, offset, offset) {
                        tell(Report::Problem(problem));
                    }
                    tell(Report::Done { id, segment, bytes });
                }
                Err(error) => fail(error),
            }
        }
        Job::GiveUp => *open = None,
    }
}
