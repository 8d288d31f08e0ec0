//! Asks where the partitions end that the lanes hold, every few seconds: by it lag is known, and a transaction that hangs.

use std::collections::BTreeSet;
use std::time::Duration;

use pipeline::Shutdown;

use super::Watch;
use crate::log;

/// How often it is asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// What was said so long ago of a partition is not known any more: it stands in no metric.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(15);

/// Where a partition ends: for readers of what is committed, and in all.
pub(crate) struct PartitionEnds {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) committed: i64,
    pub(crate) all: i64,
}

/// Asks until a stop is asked for. `ask` gives up within seconds.
pub(crate) fn watch_ends(watch: &Watch, shutdown: &Shutdown, mut ask: impl FnMut(&[(&str, u32)]) -> anyhow::Result<Vec<PartitionEnds>>) {
    let mut is_told = false;
    loop {
        let lanes = watch.lanes();
        let held: BTreeSet<(String, u32)> = lanes.iter().flat_map(|lane| lane.held()).collect();
        let partitions: Vec<(&str, u32)> = held.iter().map(|(topic, partition)| (topic.as_str(), *partition)).collect();
        match ask(&partitions) {
            Ok(ends) => {
                watch.log.reached();
                log::kafka_answers();
                if std::mem::take(&mut is_told) {
                    tracing::info!("the log says again where partitions end");
                }
                for PartitionEnds { topic, partition, committed, all } in ends {
                    lanes.iter().for_each(|lane| lane.ends(&topic, partition, committed, all));
                }
            }
            Err(error) => {
                watch.log.failed(&format!("{error:#}"));
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!("the log does not say where partitions end: {error:#}");
                }
            }
        }
        if shutdown.wait(INTERVAL) {
            return;
        }
    }
}
