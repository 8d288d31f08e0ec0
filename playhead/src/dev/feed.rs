//! What keeps the live sessions up to date: the store once, then the log as it grows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipeline::local::LocalLane;
use pipeline::{Log as _, Polled, Shutdown, TopicPartition, heartbeat};
use schemas::{CleanPlaybackEvent, Decoder, QosSessionSummary};

use super::live::Live;
use crate::data_folder::DataFolder;
use crate::topology::Stage;

const CLEAN: &str = "playback_events.clean";
const SUMMARIES: &str = "qos_session_summary";

/// Events per partition that are read again at the start: so many say what the sessions that are open are doing.
const EVENTS_BEFORE: i64 = 5_000;

/// How long is waited for records before a stop is looked for.
const POLL: Duration = Duration::from_millis(200);

/// Follows the log until `shutdown`.
///
/// # Errors
/// Where store or log can't be read.
pub(super) fn run(folder: &DataFolder, live: &Live, shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut lane = LocalLane::new(&folder.log, "live", &[CLEAN, SUMMARIES], &[])?;
    let mut clean = Decoder::new::<CleanPlaybackEvent<'static>>(Arc::clone(&folder.registry) as _);
    let mut summaries = Decoder::new::<QosSessionSummary<'static>>(Arc::clone(&folder.registry) as _);
    while !shutdown.is_requested() {
        let batch = match lane.poll(POLL)? {
            Polled::Assigned(sources) => {
                for source in sources {
                    let bounds = lane.bounds(source)?;
                    lane.seek(source, start(folder, source, bounds)?)?;
                }
                // After the positions: what comes meanwhile is read twice, and never missed.
                folder.store.qos_of_all(&mut |summary| live.summary(summary))?;
                continue;
            }
            Polled::Batch(batch) => batch,
            Polled::Revoked { .. } | Polled::Idle { .. } => continue,
        };
        let is_clean = batch.source.topic == 0;
        let decoder = if is_clean { &mut clean } else { &mut summaries };
        for record in &batch.records {
            let Some(value) = record.value.filter(|_| !heartbeat::is_heartbeat(record)) else { continue };
            if let Some(id) = decoder.missing(value) {
                decoder.learn(id)?;
            }
            let place = || format!("{}-{}, offset {}", if is_clean { CLEAN } else { SUMMARIES }, batch.source.partition, record.offset);
            if is_clean {
                live.event(&decoder.decode::<CleanPlaybackEvent<'_>>(value).with_context(place)?);
            } else {
                live.summary(&decoder.decode::<QosSessionSummary<'_>>(value).with_context(place)?);
            }
        }
    }
    Ok(())
}

/// Where a partition is read from: the summaries that lie in the store already are read there.
fn start(folder: &DataFolder, source: TopicPartition, (first, end): (i64, i64)) -> anyhow::Result<i64> {
    if source.topic == 0 {
        return Ok(end.saturating_sub(EVENTS_BEFORE).max(first));
    }
    let stored = folder.log.committed(Stage::Serving.name(), SUMMARIES, source.partition)?;
    Ok(stored.map_or(first, |stored| stored.next_offset.clamp(first, end)))
}
