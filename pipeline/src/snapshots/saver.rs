//! Saves the states of a run's partitions, one after the other, while the run goes on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::file::{self, Of};
use super::writer::{Begin, Job, Report, Writer};
use super::{SavedPiece, SnapshotOptions};
use crate::step::Assigned;
use crate::{Log, LogError, Observer, Processor, SavedState, TopicPartition};

/// Bytes of a piece, about: what a lane gives its time to at a time.
const PIECE_BYTES: usize = 1 << 20;
/// How many of the things that were put away leave memory at a time.
const LET_GO_AT_A_TIME: usize = 2_000;

/// Records whose replay costs more than a save of the state that comes of them.
const MANY_REPLAYED: u64 = 20_000;
/// How often the log hears of a lane that waits for its saves.
const ALIVE: Duration = Duration::from_secs(1);

type AllAssigned<S> = BTreeMap<TopicPartition, Assigned<S>>;

/// A save under way.
struct Current {
    source: TopicPartition,
    id: u64,
    number: u32,
    offset: i64,
    began: Instant,
    stage: Stage,
}

enum Stage {
    /// The state gives this piece next.
    Saving(SavedPiece),
    /// All pieces are given; the writer has not said yet that they are durable.
    Written,
    /// What was put away leaves memory.
    LettingGo,
}

/// See the module's documentation.
pub(crate) struct Saver {
    options: SnapshotOptions,
    observer: Arc<dyn Observer>,
    state_format: u64,
    name: String,
    writer: Writer,
    /// Partitions that are due, after the one that is being saved.
    due: VecDeque<TopicPartition>,
    last_round: Instant,
    /// Records that the run had processed by then.
    records_by_then: u64,
    current: Option<Current>,
    /// A job that found no room yet.
    waiting: Option<Job>,
    /// What the newest snapshot of each partition is of.
    saved: BTreeMap<TopicPartition, i64>,
    saves_begun: u64,
    owner: u32,
    /// Partitions whose save was given up for another's: their states do not know it yet.
    given_up: Vec<TopicPartition>,
    is_told_dead: bool,
}

impl Saver {
    /// For a stage whose states can be saved.
    pub(crate) fn new(options: &SnapshotOptions, observer: Arc<dyn Observer>, name: &str, state_format: u64) -> Self {
        Self {
            options: options.clone(),
            observer,
            state_format,
            name: name.to_owned(),
            writer: Writer::start(&options.store),
            due: VecDeque::new(),
            last_round: Instant::now(),
            records_by_then: 0,
            current: None,
            waiting: None,
            saved: BTreeMap::new(),
            saves_begun: 0,
            owner: Uuid::new_v4().as_fields().0,
            given_up: Vec::new(),
            is_told_dead: false,
        }
    }

    /// Notes what a partition was restored from, if from anything, and after how many records that were replayed. After many its state is
    /// saved with the next commit: a process that dies more often than states are saved would have ever more to replay.
    pub(crate) fn restored(&mut self, source: TopicPartition, from: Option<i64>, replayed: u64) {
        if let Some(offset) = from {
            self.saved.insert(source, offset);
        }
        if replayed >= MANY_REPLAYED {
            self.due.push_back(source);
        }
    }

    /// Forgets a partition whose state was dropped.
    pub(crate) fn forget(&mut self, source: TopicPartition) {
        self.due.retain(|due| *due != source);
        self.given_up.retain(|given_up| *given_up != source);
        self.saved.remove(&source);
        if self.current.as_ref().is_some_and(|current| current.source == source) {
            self.current = None;
            self.waiting = Some(Job::GiveUp);
        }
    }

    /// Waits until nothing that was given to the writer is still to be written: a restore may look at a partition's files then.
    pub(crate) fn quiesce<L: Log>(&mut self, log: &mut L) -> Result<(), LogError> {
        let mut last_sign = Instant::now();
        while !self.writer.is_idle() && !self.writer.is_dead() {
            self.writer.wait(ALIVE);
            give_sign(log, &mut last_sign)?;
        }
        Ok(())
    }

    /// To be called right after a commit, with the records that the run has processed: every state is as its committed position says. Begins
    /// to save the next partition that is due.
    pub(crate) fn committed<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        assigned: &mut AllAssigned<P::State>,
        records: u64,
    ) -> Result<(), LogError> {
        let is_round_due = self.last_round.elapsed() >= self.options.interval || records - self.records_by_then >= self.options.records;
        if self.current.is_none() && self.due.is_empty() && is_round_due {
            self.last_round = Instant::now();
            self.records_by_then = records;
            self.due.extend(assigned.keys());
        }
        self.begin_next(processor, log, assigned)
    }

    fn begin_next<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        assigned: &mut AllAssigned<P::State>,
    ) -> Result<(), LogError> {
        if self.current.is_some() {
            return Ok(());
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
            self.begin(processor, source, of, assigned);
            break;
        }
        Ok(())
    }

    fn begin<P: Processor>(&mut self, processor: &P, source: TopicPartition, of: Of, assigned: &mut Assigned<P::State>) {
        let head = file::head(&of, assigned.last, assigned.beat(), &assigned.log_time);
        let folder = of.folder(&self.name);
        self.saves_begun += 1;
        self.saved.insert(source, of.offset);
        self.given_up.retain(|given_up| *given_up != source);
        let in_use = processor.segments(&assigned.state);
        let (number, named) = match &mut assigned.segments {
            None => (0, super::segment::Manifest::new()),
            Some(segments) => {
                segments.named.retain(|number, _| in_use.contains(number));
                (segments.unused_number(), segments.named.clone())
            }
        };
        processor.begin_save(&mut assigned.state);
        let (id, offset) = (self.saves_begun, of.offset);
        let begin = Begin { id, owner: self.owner, of, folder, head, number, named };
        self.current = Some(Current { source, id, number, offset, began: Instant::now(), stage: Stage::Saving(SavedPiece::first(number)) });
        self.waiting = Some(Job::Begin(begin));
    }

    /// Does a little more for the save under way, unless the writer is still busy with what it was given before.
    pub(crate) fn step<P: Processor>(&mut self, processor: &P, assigned: &mut AllAssigned<P::State>) {
        self.hear_writer(processor, assigned);
        for source in std::mem::take(&mut self.given_up) {
            if let Some(assigned) = assigned.get_mut(&source) {
                processor.give_up_save(&mut assigned.state);
            }
        }
        if let Some(job) = self.waiting.take() {
            self.waiting = self.writer.offer(job);
            return;
        }
        let Some(current) = &mut self.current else { return };
        let source = current.source;
        let Some(assigned) = assigned.get_mut(&source) else { return self.forget(source) };
        match &mut current.stage {
            Stage::Saving(piece) => {
                let is_last = processor.save_piece(&mut assigned.state, piece, PIECE_BYTES);
                let next = piece.next();
                let piece = std::mem::replace(piece, next);
                if is_last {
                    current.stage = Stage::Written;
                }
                self.waiting = self.writer.offer(Job::Piece { piece, is_last });
            }
            Stage::Written => {}
            Stage::LettingGo => {
                if processor.let_go(&mut assigned.state, LET_GO_AT_A_TIME) {
                    self.current = None;
                }
            }
        }
    }

    /// Saves every partition to its end, after the last commit of a run.
    pub(crate) fn finish<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        assigned: &mut AllAssigned<P::State>,
    ) -> Result<(), LogError> {
        self.settle(processor, log, assigned)?;
        self.due = assigned.keys().copied().collect();
        while !self.due.is_empty() {
            self.begin_next(processor, log, assigned)?;
            self.settle(processor, log, assigned)?;
        }
        Ok(())
    }

    /// Saves a partition to its end in the middle of its replay, when nothing else can go on anyway. A save under way of another one is
    /// given up: its turn comes again.
    pub(crate) fn save_in_replay<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        source: TopicPartition,
        assigned: Assigned<P::State>,
    ) -> Result<Assigned<P::State>, LogError> {
        if let Some(Current { source: other, .. }) = self.current.take() {
            self.waiting = None;
            self.saved.remove(&other);
            self.given_up.push(other);
            self.due.push_front(other);
        }
        let due = std::mem::take(&mut self.due);
        let given_up = std::mem::take(&mut self.given_up);
        let mut alone = BTreeMap::from([(source, assigned)]);
        self.finish(processor, log, &mut alone)?;
        self.due = due;
        self.given_up = given_up;
        Ok(alone.remove(&source).expect("a save takes no partition away"))
    }

    /// After so many records of a replay the state is worth saving.
    pub(crate) fn records_between_saves(&self) -> u64 {
        self.options.records
    }

    /// Saves what is begun to its end, and waits until it is written.
    pub(crate) fn settle<P: Processor, L: Log>(
        &mut self,
        processor: &P,
        log: &mut L,
        assigned: &mut AllAssigned<P::State>,
    ) -> Result<(), LogError> {
        let mut last_sign = Instant::now();
        while self.current.is_some() {
            self.step(processor, assigned);
            let is_written = matches!(&self.current, Some(Current { stage: Stage::Written, .. }));
            if self.waiting.is_some() || is_written {
                self.writer.wait(ALIVE);
            }
            give_sign(log, &mut last_sign)?;
        }
        Ok(())
    }

    fn hear_writer<P: Processor>(&mut self, processor: &P, assigned: &mut AllAssigned<P::State>) {
        while let Some(report) = self.writer.report() {
            match report {
                Report::Problem(problem) => (self.options.on_problem)(&problem),
                Report::Done { id, segment, bytes } => {
                    let Some(current) = self.current.as_mut().filter(|current| current.id == id) else { continue };
                    let Some(assigned) = assigned.get_mut(&current.source) else { continue };
                    if let (Some(segments), Some(segment)) = (&mut assigned.segments, segment) {
                        segments.named.insert(current.number, segment);
                    }
                    current.stage = Stage::LettingGo;
                    let saved = SavedState { offset: current.offset, bytes, duration: current.began.elapsed() };
                    self.observer.saved(current.source, &saved);
                }
                Report::Failed { id } => {
                    if self.current.as_ref().is_some_and(|current| current.id == id) {
                        self.fail(processor, assigned);
                    }
                }
                Report::Turn => {}
            }
        }
        if self.writer.is_dead() && self.current.is_some() {
            if !std::mem::replace(&mut self.is_told_dead, true) {
                (self.options.on_problem)("the thread that writes saved states has ended: nothing is saved any more");
            }
            self.fail(processor, assigned);
        }
    }

    /// The save under way came to nothing: the partition is saved anew when its turn comes, though it may not have moved.
    fn fail<P: Processor>(&mut self, processor: &P, assigned: &mut AllAssigned<P::State>) {
        let Some(current) = self.current.take() else { return };
        self.waiting = None;
        self.saved.remove(&current.source);
        self.observer.save_failed(current.source);
        if let Some(assigned) = assigned.get_mut(&current.source) {
            processor.give_up_save(&mut assigned.state);
        }
    }

    /// Whether each commit waits for its snapshot.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.options.interval.is_zero()
    }
}

/// Lets the log's group hear of the lane, where it has been waiting for a while.
fn give_sign<L: Log>(log: &mut L, last: &mut Instant) -> Result<(), LogError> {
    if last.elapsed() >= ALIVE {
        *last = Instant::now();
        log.keep_alive()?;
    }
    Ok(())
}
