//! What can be set of the playback processor.

use pipeline::{OutputTopic, Spread};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Settings of the playback processor. All bounds are in log time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaybackConfig {
    /// H: how long a session is remembered after its last closing or its largest effective time.
    pub state_horizon_ms: i64,
    /// Silence after which an open session is closed.
    pub silence_ms: i64,
    /// Length of a row's day: after it the row is cut.
    pub cut_after_ms: i64,
    /// Distinct events of a row; the rest is refused (`session_too_long`). At most [`PlaybackConfig::MAX_SESSION_EVENTS`].
    pub max_session_events: u32,
    /// Partitions of `playback_events` and of the topics that keep its key.
    pub partitions: u32,
    /// Partitions of `viewing_progress`.
    pub progress_partitions: u32,
    /// Partitions of `active_streams`.
    pub active_streams_partitions: u32,
    /// Partitions of `dead_letters`.
    pub dead_letters_partitions: u32,
}

impl PlaybackConfig {
    /// The most that [`PlaybackConfig::max_session_events`] may be: texts of a session are numbered in 16 bits, two an event at most.
    pub const MAX_SESSION_EVENTS: u32 = 30_000;

    /// The usual bounds, with the same number of partitions for every topic.
    #[must_use]
    pub fn with_partitions(partitions: u32) -> Self {
        Self {
            state_horizon_ms: 78 * HOUR_MS,
            silence_ms: 30 * MINUTE_MS,
            cut_after_ms: 24 * HOUR_MS,
            max_session_events: 20_000,
            partitions,
            progress_partitions: partitions,
            active_streams_partitions: partitions,
            dead_letters_partitions: partitions,
        }
    }

    /// The topics written, as the constants below number them.
    pub(super) fn outputs(&self) -> Vec<OutputTopic> {
        let topic = |name: &str, partitions, spread| OutputTopic { name: name.to_owned(), partitions, spread };
        vec![
            topic("playback_events.clean", self.partitions, Spread::SamePartition),
            topic("playback_sessions", self.partitions, Spread::SamePartition),
            topic("qos_session_summary", self.partitions, Spread::SamePartition),
            topic("viewing_progress", self.progress_partitions, Spread::Rekeyed),
            topic("active_streams", self.active_streams_partitions, Spread::Rekeyed),
            topic("dead_letters", self.dead_letters_partitions, Spread::Unmarked),
        ]
    }
}

pub(super) const CLEAN: u16 = 0;
pub(super) const SESSIONS: u16 = 1;
pub(super) const QOS: u16 = 2;
pub(super) const PROGRESS: u16 = 3;
pub(super) const ACTIVE_STREAMS: u16 = 4;
/// Index of `dead_letters` among the processor's outputs.
pub const DEAD_LETTERS: u16 = 5;
