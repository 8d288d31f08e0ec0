//! A processor: state and record in, outputs out. No clock, no I/O, no randomness.

use std::collections::BTreeSet;

use crate::{Batch, NotAState, OutputTopic, Outputs, Record, SavedPiece, SegmentPlace, StateSize, TopicId, TopicPartition};

/// Why a record was refused. It goes to the dead letters with its raw bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Code, from a closed list.
    pub reason: &'static str,
    /// The field at fault, where it is one.
    pub field: Option<&'static str>,
    /// The value at fault and what is wrong with it, for a person.
    pub detail: String,
}

/// Something outside the processor is missing that [`Processor::unblock`] can fetch, such as a schema that was not seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// What is missing, for a person.
    pub what: String,
    /// Its number, where it has one (a schema id).
    pub id: u32,
}

/// The dependency did not answer; try again later.
#[derive(Debug, thiserror::Error)]
#[error("{what} is not available: {cause}")]
pub struct Unavailable {
    /// What was asked for.
    pub what: String,
    /// What went wrong.
    pub cause: String,
}

/// What became of a record.
#[derive(Debug)]
pub enum Outcome {
    /// Processed.
    Done,
    /// Left out on purpose; the reason is a metric's label (`duplicate`).
    Drop(&'static str),
    /// Refused: becomes a dead letter.
    Reject(Box<Rejection>),
    /// It needs what lies there: nothing was changed; it is brought back, and the record is processed again.
    PutAway(SegmentPlace),
}

/// Whether a record is still to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Seen for the first time: today's rules say whether it is accepted.
    Open,
    /// Replayed, and accepted then: a verdict is given once, so it is accepted again whatever today's rules say.
    Accepted,
}

/// When and where a record is processed.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The record's partition.
    pub source: TopicPartition,
    /// The identity of its topic.
    pub topic_id: TopicId,
    /// Log time after this record, ms since 1970 UTC; none before a re-keyed partition has heard from all its inputs.
    pub log_time_ms: Option<i64>,
    /// Whether it is still to be judged.
    pub judgement: Judgement,
}

impl Moment {
    /// Of the records of a batch, before log time is known.
    pub(crate) fn new(batch: &Batch<'_>, judgement: Judgement) -> Self {
        Self { source: batch.source, topic_id: batch.topic_id, log_time_ms: None, judgement }
    }
}

/// How many records [`Processor::prepare`] is told of at a time.
pub const AHEAD: usize = 32;

/// A pure stream processor. Its state is a function of its input partition, and lives exactly as long as the assignment.
pub trait Processor {
    /// State of one assigned partition.
    type State;

    /// Name of the stage: consumer group, metrics' label, dead letters' `stage`.
    fn name(&self) -> &str;

    /// The topics it writes; records name them by index.
    fn outputs(&self) -> &[OutputTopic];

    /// The state of a partition before its first record.
    fn new_state(&self, source: TopicPartition) -> Self::State;

    /// Fires, in order of (due time, key) and at its due time, every timer due at or before `log_time_ms`. Called whenever log time
    /// moves, before the record that moved it is processed.
    fn advance(&self, state: &mut Self::State, log_time_ms: i64, out: &mut Outputs);

    /// Tells which records come next, up to [`AHEAD`] of them: a processor with much state brings theirs into the caches. It changes nothing.
    fn prepare(&self, state: &Self::State, upcoming: &[Record<'_>]) {
        let _ = (state, upcoming);
    }

    /// Whether everything that [`Processor::process`] needs for this record is at hand. Asked before the record moves log time, so that a
    /// blocked record leaves no trace.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self, record: &Record<'_>) -> Result<(), Blocked> {
        let _ = record;
        Ok(())
    }

    /// Processes one record; never a heartbeat.
    fn process(&self, state: &mut Self::State, record: &Record<'_>, moment: &Moment, out: &mut Outputs) -> Outcome;

    /// What a state holds, where that is known without looking: it is asked with each commit.
    fn size(&self, state: &Self::State) -> Option<StateSize> {
        let _ = state;
        None
    }

    /// A hash of the format in which states are saved, and of whatever in the configuration a state depends on: a snapshot with another one
    /// is not used. None: states are not saved, a restore replays the whole input.
    fn state_format(&self) -> Option<u64> {
        None
    }

    /// Begins to save a state as it is now. It may be given records before all pieces have been taken: what they change must be saved as it
    /// was before. What was begun and not ended is forgotten.
    fn begin_save(&self, state: &mut Self::State) {
        let _ = state;
    }

    /// Fills the next piece of what is being saved with about so many bytes; true for the last one.
    fn save_piece(&self, state: &mut Self::State, piece: &mut SavedPiece, bytes: usize) -> bool {
        let _ = (state, piece, bytes);
        true
    }

    /// What was saved is durable: of what it put away, and that has not changed since, some leaves memory, about `most` things; true once
    /// nothing is left to do.
    fn let_go(&self, state: &mut Self::State, most: usize) -> bool {
        let _ = (state, most);
        true
    }

    /// What was saved came to nothing.
    fn give_up_save(&self, state: &mut Self::State) {
        let _ = state;
    }

    /// Numbers of the segments that the state points to.
    fn segments(&self, state: &Self::State) -> BTreeSet<u32> {
        let _ = state;
        BTreeSet::new()
    }

    /// Takes back what it put away at a place.
    ///
    /// # Errors
    /// Where the bytes are not what was put there.
    fn bring_back(&self, state: &mut Self::State, place: SegmentPlace, saved: &[u8]) -> Result<(), NotAState> {
        let _ = (state, place, saved);
        Err(NotAState("this processor puts nothing away".to_owned()))
    }

    /// The state that was saved, from all of its pieces.
    ///
    /// # Errors
    /// Where the bytes are none: the restore goes on without them.
    fn load(&self, source: TopicPartition, saved: &[u8]) -> Result<Self::State, NotAState> {
        let _ = (source, saved);
        Err(NotAState("this processor saves no state".to_owned()))
    }

    /// Fetches what a record was blocked by. The only place where a processor may wait for something.
    ///
    /// # Errors
    /// Where the dependency does not answer: the runner backs off and calls again.
    fn unblock(&mut self, blocked: &Blocked) -> Result<(), Unavailable> {
        Err(Unavailable { what: blocked.what.clone(), cause: "this processor has nothing to fetch it with".into() })
    }
}
