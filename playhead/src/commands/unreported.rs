//! Sessions that have events, but no row yet.

use std::collections::HashSet;
use std::ops::ControlFlow;

use pipeline::heartbeat;
use serving::ServingStore as _;

use crate::data_folder::DataFolder;

/// The distinct events of sessions, by session.
pub(super) const CLEAN: &str = "playback_events.clean";

/// Where the distinct events ended before a run, so that those of the run can be told.
pub(super) struct Mark {
    /// By partition.
    ends: Vec<i64>,
}

impl Mark {
    /// To be taken before the run.
    pub(super) fn take(folder: &DataFolder) -> anyhow::Result<Self> {
        let (_, partitions) = folder.log.topic(CLEAN)?;
        let ends = (0..partitions).map(|partition| Ok(folder.log.bounds(CLEAN, partition)?.1)).collect::<anyhow::Result<_>>()?;
        Ok(Self { ends })
    }

    /// How many sessions got events since then and have no row in the store.
    pub(super) fn unreported_sessions(&self, folder: &DataFolder) -> anyhow::Result<u64> {
        let mut unreported = 0;
        for (partition, marked) in (0..).zip(&self.ends) {
            let (first, end) = folder.log.bounds(CLEAN, partition)?;
            // All events of a session lie in one partition.
            let mut sessions: HashSet<Vec<u8>> = HashSet::new();
            folder.log.read_partition(CLEAN, partition, (*marked).max(first), end, &mut |batch| {
                for record in batch.records.iter().filter(|record| !heartbeat::is_heartbeat(record)) {
                    if let Some(key) = record.key.filter(|key| !sessions.contains(*key)) {
                        sessions.insert(key.to_vec());
                    }
                }
                ControlFlow::Continue(())
            })?;
            for session_id in sessions.iter().filter_map(|session_id| std::str::from_utf8(session_id).ok()) {
                unreported += u64::from(folder.store.session(session_id)?.is_empty());
            }
        }
        Ok(unreported)
    }
}

/// When a session gets its row. `silence_ms` is the configured silence after which it is closed.
pub(super) fn when_reported(silence_ms: i64) -> String {
    let silence = if silence_ms % 60_000 == 0 { format!("{} min", silence_ms / 60_000) } else { format!("{} s", silence_ms / 1000) };
    format!("reported 5 min after their start, at their end, or after {silence} of silence, by the log's own time")
}
