//! What a run tells its watcher, and what comes of it.

use std::time::{Duration, Instant};

use pipeline::{Commit, Observer, Progress, Restored, SavedState, TopicPartition, Unavailable};

use super::{LaneWatch, Partition, Seen};
use crate::observe::metrics::Known;

/// What keeps on happening is told of this often.
const AGAIN: Duration = Duration::from_mins(1);

/// What brokers answer whose transactional id or place in the group another has (KIP-98, KIP-345).
const FENCINGS: [&str; 3] = ["FENCED_INSTANCE_ID", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"];

impl Observer for LaneWatch {
    fn turned(&self) {
        let mut seen = self.seen();
        seen.sign();
        seen.lost = None;
    }

    fn assigned(&self, sources: &[TopicPartition]) {
        let mut seen = self.seen();
        seen.sign();
        (seen.has_joined, seen.is_given_up) = (true, false);
        self.metrics.assigned.inc();
        for &source in sources {
            seen.partitions.insert(source, self.new_partition(source));
        }
        if !sources.is_empty() {
            tracing::info!(partitions = self.listed(sources), "partitions assigned");
        }
    }

    fn revoked(&self, sources: &[TopicPartition], is_lost: bool) {
        let mut seen = self.seen();
        seen.sign();
        if is_lost { &self.metrics.lost } else { &self.metrics.revoked }.inc();
        for source in sources {
            if let Some(partition) = seen.partitions.remove(source) {
                self.families.forget(&partition.metrics);
            }
        }
        if is_lost {
            seen.is_given_up = true;
            tracing::warn!(partitions = self.listed(sources), "partitions lost: the group had given this lane up");
        } else {
            tracing::info!(partitions = self.listed(sources), "partitions revoked");
        }
    }

    fn replayed(&self, source: TopicPartition, records: u64) {
        self.metrics.replayed.inc_by(records);
        let mut seen = self.seen();
        seen.sign();
        if let Some(partition) = seen.partitions.get_mut(&source) {
            partition.is_restored = false;
        }
    }

    fn restored(&self, source: TopicPartition, restored: &Restored) {
        let mut seen = self.seen();
        seen.sign();
        seen.lost = None;
        let Restored { next_offset, log_time_ms, from_snapshot, duration } = *restored;
        let Some(partition) = seen.partitions.get_mut(&source) else { return };
        let is_news = !std::mem::replace(&mut partition.is_restored, true);
        partition.waiting = None;
        partition.position = Some(next_offset);
        partition.log_time_ms = log_time_ms.or(partition.log_time_ms);
        self.families.set(&partition.metrics, Known::RestoreSeconds, duration.as_secs_f64());
        // A sink says where it stands whenever its store is there again.
        if !is_news {
            return;
        }
        tracing::debug!(
            topic = self.topic(source),
            partition = source.partition,
            offset = next_offset,
            seconds = duration.as_secs_f64(),
            "restored{}",
            from_snapshot.map_or_else(String::new, |offset| format!(" from the state saved at {offset}")),
        );
        if seen.partitions.values().all(|partition| partition.is_restored) {
            tracing::info!(partitions = seen.partitions.len(), "ready: every partition is restored");
        }
    }

    fn committed(&self, commit: &Commit<'_>) {
        self.metrics.commits.inc();
        self.metrics.commit_seconds.observe(commit.duration.as_secs_f64());
        let mut seen = self.seen();
        seen.sign();
        seen.last_commit = seen.last_sign;
        (seen.lost, seen.store_problem) = (None, None);
        for progress in commit.partitions {
            self.progress(&mut seen, progress);
        }
        seen.tell_refused(false);
    }

    fn lost_transaction(&self, why: &str) {
        self.metrics.lost_transactions.inc();
        self.metrics.fenced.inc_by(u64::from(FENCINGS.iter().any(|fencing| why.contains(fencing))));
        let mut seen = self.seen();
        let is_news = seen.lost.replace(why.to_owned()).is_none_or(|before| before != why);
        seen.partitions.values_mut().for_each(|partition| partition.is_restored = false);
        if is_news {
            tracing::warn!("transaction lost, everything held is restored: {why}");
        }
    }

    fn waiting(&self, source: TopicPartition, unavailable: &Unavailable) {
        let mut seen = self.seen();
        seen.sign();
        let why = unavailable.to_string();
        let Some(partition) = seen.partitions.get_mut(&source) else { return };
        let is_news = !matches!(&partition.waiting, Some((before, told)) if *before == why && told.elapsed() < AGAIN);
        if is_news {
            tracing::warn!(topic = self.topic(source), partition = source.partition, "waiting: {why}; asking again");
            partition.waiting = Some((why, Instant::now()));
        }
    }

    fn available(&self, source: TopicPartition) {
        let mut seen = self.seen();
        seen.sign();
        let waited = seen.partitions.get_mut(&source).and_then(|partition| partition.waiting.take());
        if waited.is_some() {
            tracing::info!(topic = self.topic(source), partition = source.partition, "what it waited for is there");
        }
    }

    fn store_unavailable(&self, why: &str) {
        let mut seen = self.seen();
        seen.sign();
        let is_news = seen.store_problem.replace(why.to_owned()).is_none_or(|before| before != why);
        if is_news {
            tracing::warn!("the store does not take what it is sent: {why}; trying again");
        }
    }

    fn saved(&self, source: TopicPartition, saved: &SavedState) {
        let mut seen = self.seen();
        seen.sign();
        let Some(partition) = seen.partitions.get_mut(&source) else { return };
        partition.saved = Some(Instant::now());
        self.families.set(&partition.metrics, Known::SnapshotBytes, saved.bytes as f64);
        self.families.set(&partition.metrics, Known::SnapshotSeconds, saved.duration.as_secs_f64());
        tracing::debug!(
            topic = self.topic(source),
            partition = source.partition,
            offset = saved.offset,
            bytes = saved.bytes,
            seconds = saved.duration.as_secs_f64(),
            "state saved"
        );
    }

    fn save_failed(&self, source: TopicPartition) {
        if let Some(partition) = self.seen().partitions.get(&source) {
            partition.metrics.snapshot_failures.inc();
        }
    }
}

impl LaneWatch {
    fn progress(&self, seen: &mut Seen, progress: &Progress) {
        let Progress { source, next_offset, log_time_ms, heartbeat_ms, counts, size } = progress;
        for (reason, count) in &counts.rejected {
            *seen.refused.counts.entry(reason).or_default() += count;
        }
        let Some(partition) = seen.partitions.get_mut(source) else { return };
        partition.position = Some(*next_offset);
        // A sink knows the time of what it has just written only.
        partition.log_time_ms = log_time_ms.or(partition.log_time_ms);
        partition.heartbeat_ms = heartbeat_ms.or(partition.heartbeat_ms);
        partition.metrics.records.inc_by(counts.records);
        partition.metrics.outputs.inc_by(counts.outputs);
        partition.metrics.duplicates.inc_by(counts.dropped);
        for (reason, count) in &counts.rejected {
            self.families.dead_letters(&mut partition.metrics, reason, *count);
        }
        partition.size = *size;
    }

    fn new_partition(&self, source: TopicPartition) -> Partition {
        let labels = [self.stage.to_owned(), self.lane.to_string(), self.topic(source).to_owned(), source.partition.to_string()];
        let mut metrics = self.families.partition(labels);
        // A counter that begins with its first letter hides it from whoever looks at increases.
        schemas::Reason::ALL.iter().for_each(|reason| self.families.dead_letters(&mut metrics, reason.as_str(), 0));
        Partition {
            metrics,
            is_restored: false,
            waiting: None,
            position: None,
            log_time_ms: None,
            heartbeat_ms: None,
            size: None,
            saved: None,
            ends: None,
        }
    }

    /// `playback_events-0, playback_events-3`.
    fn listed(&self, sources: &[TopicPartition]) -> String {
        sources.iter().map(|&source| format!("{}-{}", self.topic(source), source.partition)).collect::<Vec<_>>().join(", ")
    }
}
