//! Saves the states of a run's partitions, one after the other, while the run goes on.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::file::{self, Of, Sum};
use super::{KEPT, SnapshotOptions, SnapshotStore, SnapshotWriter};
use crate::step::Assigned;
use crate::{Log, LogError, Processor, TopicPartition};

/// Bytes of a piece, about: what a lane gives its time to at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces that may wait to be written.
const WAITING_PIECES: usize = 4;

/// See the module's documentation.
pub(crate) struct Saver {
    options: SnapshotOptions,
    state_format: u64,
    stage: String,
    writer: Writer,
    /// Partitions that are due, after the one that is being saved.
    due: VecDeque<TopicPartition>,
    last_round: Instant,
    current: Option<TopicPartition>,
    /// A piece that found no room yet.
    waiting: Option<Job>,
    /// What the newest snapshot of each partition is of.
    saved: BTreeMap<TopicPartition, i64>,
}

impl Saver {
    /// For a stage whose states can be saved.
    pub(crate) fn new(options: &SnapshotOptions, stage: &str, state_format: u64) -> Self {
        Self {
            options: options.clone(),
            state_format,
            stage: stage.to_owned(),
            writer: Writer::start(options),
            due: VecDeque::new(),
            last_round: Instant::now(),
            current: None,
            waiting: None,
            saved: BTreeMap::new(),
        }
    }

    /// Notes what a partition was restored from.
    pub(crate) fn restored(&mut self, source: TopicPartition, offset: i64) {
        self.saved.insert(source, offset);
    }

    /// Forgets a partition whose state was dropped.
    pub(crate) fn forget(&mut self, source: TopicPartition) {
        self.due.retain(|due| *due != source);
        self.saved.remove(&source);
        if self.current == Some(source) {
            self.current = None;
            self.waiting = Some(Job::GiveUp);
        }
    }

    /// To be called right after a commit: every state is as its committed position says. Begins to save the next partition that is due.
    pub(crate) fn committed<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        assigned: &mut BTreeMap<TopicPartition, Assigned<P::State>>,
    ) -> Result<(), LogError> {
        if self.current.is_some() || self.waiting.is_some() {
            return Ok(());
        }
        if self.due.is_empty() && self.last_round.elapsed() >= self.options.interval {
            self.last_round = Instant::now();
            self.due.extend(assigned.keys());
        }
        while let Some(source) = self.due.pop_front() {
            let Some(assigned) = assigned.get_mut(&source) else { continue };
            if self.saved.get(&source) == Some(&assigned.next_offset) {
                continue;
            }
            let of = Of {
                state_format: self.state_format,
                topic_id: log.topic_id(source)?,
                partition: source.partition,
                offset: assigned.next_offset,
            };
            processor.begin_save(&mut assigned.state);
            let head = file::head(&of, assigned.beat(), &assigned.log_time);
            self.waiting = Some(Job::Begin { folder: of.folder(&self.stage), name: of.name(), head });
            self.current = Some(source);
            self.saved.insert(source, of.offset);
            break;
        }
        Ok(())
    }

    /// Saves one more piece, unless the writer is still busy with those before.
    pub(crate) fn step<P: Processor>(&mut self, processor: &P, assigned: &mut BTreeMap<TopicPartition, Assigned<P::State>>) {
        self.tell_problems();
        if let Some(job) = self.waiting.take() {
            self.waiting = self.writer.offer(job);
            return;
        }
        let Some(source) = self.current else { return };
        let Some(assigned) = assigned.get_mut(&source) else { return self.forget(source) };
        let mut bytes = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        let is_last = processor.save_piece(&mut assigned.state, &mut bytes, PIECE_BYTES);
        if is_last {
            self.current = None;
        }
        self.waiting = self.writer.offer(Job::Piece { bytes, is_last });
    }

    /// Saves every partition to its end, after the last commit of a run.
    pub(crate) fn finish<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        assigned: &mut BTreeMap<TopicPartition, Assigned<P::State>>,
    ) -> Result<(), LogError> {
        self.settle(processor, assigned);
        self.due = assigned.keys().copied().collect();
        while !self.due.is_empty() {
            self.committed(processor, log, assigned)?;
            self.settle(processor, assigned);
        }
        Ok(())
    }

    /// Saves what is begun to its end, and waits until it is written.
    pub(crate) fn settle<P: Processor>(&mut self, processor: &P, assigned: &mut BTreeMap<TopicPartition, Assigned<P::State>>) {
        while self.current.is_some() || self.waiting.is_some() {
            match self.waiting.take() {
                Some(job) => self.writer.give(job),
                None => self.step(processor, assigned),
            }
        }
        self.writer.wait();
        self.tell_problems();
    }

    fn tell_problems(&self) {
        while let Some(problem) = self.writer.problem() {
            (self.options.on_problem)(&problem);
        }
    }

    /// Whether each commit waits for its snapshot.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.options.interval.is_zero()
    }
}

enum Job {
    Begin { folder: String, name: String, head: Vec<u8> },
    Piece { bytes: Vec<u8>, is_last: bool },
    GiveUp,
    Answer(SyncSender<()>),
}

/// The thread that writes.
struct Writer {
    jobs: Option<SyncSender<Job>>,
    problems: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(options: &SnapshotOptions) -> Self {
        let (jobs, taken) = mpsc::sync_channel(WAITING_PIECES);
        let (tell, problems) = mpsc::channel();
        let store = options.store.clone();
        let thread = thread::spawn(move || {
            let mut open = None;
            for job in taken {
                if let Err(problem) = write(&*store, &mut open, job) {
                    open = None;
                    if tell.send(problem).is_err() {
                        return;
                    }
                }
            }
        });
        Self { jobs: Some(jobs), problems, thread: Some(thread) }
    }

    /// Gives the job back where there is no room for it.
    fn offer(&self, job: Job) -> Option<Job> {
        match self.jobs.as_ref()?.try_send(job) {
            Err(TrySendError::Full(job)) => Some(job),
            // A writer that is gone writes nothing: a snapshot is worth no more than time.
            Ok(()) | Err(TrySendError::Disconnected(_)) => None,
        }
    }

    fn give(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            _ = jobs.send(job);
        }
    }

    fn wait(&self) {
        let (answer, answered) = mpsc::sync_channel(1);
        self.give(Job::Answer(answer));
        _ = answered.recv();
    }

    fn problem(&self) -> Option<String> {
        self.problems.try_recv().ok()
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

/// A snapshot that is being written.
struct Open {
    folder: String,
    name: String,
    writer: Box<dyn SnapshotWriter>,
    sum: Sum,
}

impl Open {
    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.sum.add(piece);
        self.writer.append(piece)
    }
}

fn write(store: &dyn SnapshotStore, open: &mut Option<Open>, job: Job) -> Result<(), String> {
    match job {
        Job::Begin { folder, name, head } => {
            let told = |error: io::Error| format!("snapshot {folder}/{name} was not begun: {error}");
            let writer = store.create(&folder, &name).map_err(told)?;
            let mut begun = Open { folder: folder.clone(), name: name.clone(), writer, sum: Sum::default() };
            begun.append(&head).map_err(told)?;
            *open = Some(begun);
        }
        Job::Piece { bytes, is_last } => {
            // None: it was given up after an error.
            let Some(snapshot) = open else { return Ok(()) };
            let place = format!("{}/{}", snapshot.folder, snapshot.name);
            let told = |error: io::Error| format!("snapshot {place} was not written: {error}");
            snapshot.append(&bytes).map_err(told)?;
            if is_last && let Some(Open { folder, name, mut writer, sum }) = open.take() {
                writer.append(&sum.trailer()).and_then(|()| writer.finish()).map_err(told)?;
                delete_old(store, &folder, &name).map_err(|error| format!("an old snapshot in {folder} was not deleted: {error}"))?;
            }
        }
        Job::GiveUp => *open = None,
        Job::Answer(answer) => _ = answer.send(()),
    }
    Ok(())
}

/// Keeps the newest ones up to the one that was just written.
fn delete_old(store: &dyn SnapshotStore, folder: &str, newest: &str) -> io::Result<()> {
    let mut names: Vec<String> = store.list(folder)?.into_iter().filter(|name| name.as_str() <= newest).collect();
    names.sort_unstable();
    let old = names.len().saturating_sub(KEPT);
    names[..old].iter().try_for_each(|name| store.delete(folder, name))
}
