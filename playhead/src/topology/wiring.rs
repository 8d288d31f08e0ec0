//! The processors of the topology, whatever log they run on: how each is set up, what it reads, and where its dead letters go.

use std::sync::Arc;

use pipeline::{LogTimeRule, Processor};
use processors::DeadLetterWriter;
use processors::playback::{DEAD_LETTERS, Playback, PlaybackConfig};
use processors::profile::{Profile, ProfileConfig};
use schemas::SchemaSource;

use crate::config::Config;

/// How many partitions a topic has.
pub(crate) type Partitions<'p> = dyn Fn(&str) -> anyhow::Result<u32> + 'p;

/// What a processor reads.
pub(crate) struct Reads {
    pub(crate) input: &'static str,
    pub(crate) log_time: LogTimeRule,
    /// Index of `dead_letters` among its outputs.
    dead_letters: u16,
}

impl Reads {
    /// What writes the dead letters of this processor.
    ///
    /// # Errors
    /// Where the registry does not take their schema.
    pub(crate) fn dead_letters(&self, processor: &impl Processor, registry: Arc<dyn SchemaSource>) -> anyhow::Result<DeadLetterWriter> {
        let partitions = processor.outputs()[usize::from(self.dead_letters)].partitions;
        Ok(DeadLetterWriter::new(&[self.input], self.dead_letters, partitions, registry)?)
    }
}

/// playback_events -> sessions, summaries, progress.
///
/// # Errors
/// Where a topic is not there, or the registry does not take a schema.
pub(crate) fn playback(config: &Config, partitions: &Partitions<'_>, registry: Arc<dyn SchemaSource>) -> anyhow::Result<(Playback, Reads)> {
    let settings = PlaybackConfig {
        state_horizon_ms: config.playback.state_horizon_ms,
        silence_ms: config.playback.silence_ms,
        max_session_events: config.playback.max_session_events,
        partitions: partitions("playback_events")?,
        progress_partitions: partitions("viewing_progress")?,
        active_streams_partitions: partitions("active_streams")?,
        dead_letters_partitions: partitions(DeadLetterWriter::TOPIC)?,
        ..PlaybackConfig::with_partitions(1)
    };
    let reads = Reads { input: "playback_events", log_time: LogTimeRule::Records, dead_letters: DEAD_LETTERS };
    Ok((Playback::new(settings, registry)?, reads))
}

/// viewing_progress, re-keyed from playback_events by profile -> resume positions.
///
/// # Errors
/// As of [`playback`].
pub(crate) fn profile(config: &Config, partitions: &Partitions<'_>, registry: Arc<dyn SchemaSource>) -> anyhow::Result<(Profile, Reads)> {
    let settings = ProfileConfig {
        state_horizon_ms: config.playback.state_horizon_ms,
        partitions: partitions("viewing_progress")?,
        dead_letters_partitions: partitions(DeadLetterWriter::TOPIC)?,
    };
    let log_time = LogTimeRule::Heartbeats { topic: "playback_events".to_owned(), partitions: partitions("playback_events")? };
    let reads = Reads { input: "viewing_progress", log_time, dead_letters: Profile::DEAD_LETTERS };
    Ok((Profile::new(settings, registry)?, reads))
}
