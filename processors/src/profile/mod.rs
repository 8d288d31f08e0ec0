//! The profile processor: where each profile resumes each content.
//!
//! The viewing with the largest effective end wins. The winner is kept for H of log time; a viewing that is older than that and finds no
//! winner is published under a key of its own, so that compaction can't replace a newer winner by it. The latest full view is
//! published likewise. Stores keep the largest effective end of whatever they are given.

mod state;
mod view;

use std::sync::Arc;

use pipeline::{
    Blocked, Moment, NotAState, Outcome, OutputTopic, Outputs, Processor, Record, SavedPiece, Spread, StateSize, TopicPartition,
    Unavailable,
};
use schemas::{Decoder, Record as _, ResumeState, SchemaSource, SourceError, ViewingProgress, wire};
use xxhash_rust::xxh3::xxh3_64;

pub use state::ProfileState;

use crate::completed;
use crate::rejection;
use state::Place;

/// Raised with every change of what [`ProfileState`] saves.
const SAVED_FORMAT: i64 = 1;

const RESUME_STATE: u16 = 0;
/// Last part of the key of a content's latest full view.
const FULL: &[u8] = b"full";

/// Settings of the profile processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileConfig {
    /// H: how long the winner of a content is kept after it was last set, in log time.
    pub state_horizon_ms: i64,
    /// Partitions of `viewing_progress` and `resume_state`.
    pub partitions: u32,
    /// Partitions of `dead_letters`.
    pub dead_letters_partitions: u32,
}

impl ProfileConfig {
    /// The usual horizon, with the same number of partitions for every topic.
    #[must_use]
    pub fn with_partitions(partitions: u32) -> Self {
        Self { state_horizon_ms: 78 * 3_600_000, partitions, dead_letters_partitions: partitions }
    }
}

/// See the module's documentation.
pub struct Profile {
    config: ProfileConfig,
    outputs: [OutputTopic; 2],
    decoder: Decoder,
    schema_id: u32,
}

impl Profile {
    /// Name of the stage.
    pub const NAME: &'static str = "profile";

    /// Index of `dead_letters` among the outputs.
    pub const DEAD_LETTERS: u16 = 1;

    /// A processor with these settings, its schemas registered.
    ///
    /// # Errors
    /// Where the registry does not take them.
    pub fn new(config: ProfileConfig, source: Arc<dyn SchemaSource>) -> Result<Self, SourceError> {
        let schema_id = source.register("resume_state-value", ResumeState::SCHEMA)?;
        let outputs = [
            OutputTopic { name: "resume_state".into(), partitions: config.partitions, spread: Spread::SamePartition },
            OutputTopic { name: "dead_letters".into(), partitions: config.dead_letters_partitions, spread: Spread::Unmarked },
        ];
        Ok(Self { config, outputs, decoder: Decoder::new::<ViewingProgress<'static>>(source), schema_id })
    }

    fn publish(&self, progress: &ViewingProgress<'_>, place: Place, moment: &Moment, record: &Record<'_>, out: &mut Outputs) {
        let resume = ResumeState {
            profile_id: progress.profile_id,
            title_id: progress.title_id,
            episode_id: progress.episode_id,
            session_id: progress.session_id,
            opened_at: progress.opened_at,
            sequence: progress.sequence,
            position_ms: progress.position_ms,
            runtime_ms: progress.runtime_ms,
            media_ms: progress.media_ms,
            completed: completed(progress.position_ms, progress.runtime_ms),
            updated_at: progress.at,
            device_type: progress.device_type,
            preview: progress.preview,
        };
        let content = progress.episode_id.unwrap_or(progress.title_id).as_bytes();
        let profile = progress.profile_id.as_bytes();
        let own = progress.session_id.as_bytes();
        let key: &[&[u8]] = match place {
            Place::Latest => &[profile, content],
            Place::Full => &[profile, content, FULL],
            // An empty part is no id, so a session that is called so is not taken for the full view.
            Place::OfItsOwn if own == FULL => &[profile, content, b"", own],
            Place::OfItsOwn => &[profile, content, own],
        };
        let log_time_ms = moment.log_time_ms.unwrap_or(record.timestamp_ms).max(record.timestamp_ms);
        out.push_keyed(RESUME_STATE, log_time_ms, key, |value| {
            wire::frame(self.schema_id, value);
            resume.encode(value);
        });
    }
}

impl Processor for Profile {
    type State = ProfileState;

    fn name(&self) -> &str {
        Self::NAME
    }

    fn outputs(&self) -> &[OutputTopic] {
        &self.outputs
    }

    fn new_state(&self, _: TopicPartition) -> ProfileState {
        ProfileState::new(self.config.state_horizon_ms)
    }

    fn advance(&self, state: &mut ProfileState, log_time_ms: i64, _: &mut Outputs) {
        state.forget_old(log_time_ms);
    }

    fn size(&self, state: &Self::State) -> Option<StateSize> {
        Some(StateSize { in_memory: state.contents() as u64, put_away: 0 })
    }

    fn state_format(&self) -> Option<u64> {
        let format = [SAVED_FORMAT, self.config.state_horizon_ms].map(i64::to_le_bytes);
        Some(xxh3_64(format.as_flattened()))
    }

    fn begin_save(&self, state: &mut ProfileState) {
        state.begin_save();
    }

    fn save_piece(&self, state: &mut ProfileState, piece: &mut SavedPiece, bytes: usize) -> bool {
        state.save_piece(&mut piece.state, bytes)
    }

    fn give_up_save(&self, state: &mut ProfileState) {
        state.end_save();
    }

    fn load(&self, source: TopicPartition, saved: &[u8]) -> Result<ProfileState, NotAState> {
        let mut state = self.new_state(source);
        state.load(saved)?;
        Ok(state)
    }

    fn ready(&self, record: &Record<'_>) -> Result<(), Blocked> {
        match record.value.and_then(|value| self.decoder.missing(value)) {
            None => Ok(()),
            Some(id) => Err(Blocked { what: format!("schema {id}"), id }),
        }
    }

    fn unblock(&mut self, blocked: &Blocked) -> Result<(), Unavailable> {
        self.decoder.learn(blocked.id).map_err(|error| Unavailable { what: blocked.what.clone(), cause: error.to_string() })
    }

    fn process(&self, state: &mut ProfileState, record: &Record<'_>, moment: &Moment, out: &mut Outputs) -> Outcome {
        let progress: ViewingProgress<'_> = match self.decoder.decode(record.value.unwrap_or_default()) {
            Ok(progress) => progress,
            Err(refused) => return rejection::outcome(refused),
        };
        for place in state.take(&progress, moment.log_time_ms, record.timestamp_ms).into_iter().flatten() {
            self.publish(&progress, place, moment, record, out);
        }
        Outcome::Done
    }
}
