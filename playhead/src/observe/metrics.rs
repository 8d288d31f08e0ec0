//! The metrics by name. Handles are made when a lane starts and when a partition comes to it, and are counted per commit: nothing is looked
//! up on the way.

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

/// Labels of what a lane does.
const LANE: [&str; 2] = ["stage", "lane"];
/// Labels of what a lane does with a partition.
const PARTITION: [&str; 4] = ["stage", "lane", "topic", "partition"];

/// Commits take milliseconds on a good day, and the time-out of a transaction on a bad one.
const COMMIT_SECONDS: [f64; 13] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Every metric of lanes, each in all lanes and partitions.
#[derive(Debug)]
pub(super) struct Families {
    commits: IntCounterVec,
    commit_seconds: HistogramVec,
    since_commit: GaugeVec,
    since_turn: GaugeVec,
    lost_transactions: IntCounterVec,
    fenced: IntCounterVec,
    replayed: IntCounterVec,
    rebalances: IntCounterVec,
    partitions: GaugeVec,
    records: IntCounterVec,
    outputs: IntCounterVec,
    duplicates: IntCounterVec,
    dead_letters: IntCounterVec,
    position: GaugeVec,
    log_time: GaugeVec,
    log_time_age: GaugeVec,
    freshness: GaugeVec,
    lag: GaugeVec,
    last_stable_offset_age: GaugeVec,
    state_entries: GaugeVec,
    snapshot_age: GaugeVec,
    snapshot_bytes: GaugeVec,
    snapshot_seconds: GaugeVec,
    snapshot_failures: IntCounterVec,
    restore_seconds: GaugeVec,
}

impl Families {
    /// Registers all of them.
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let with = |labels: &[&'static str], more: &[&'static str]| -> Vec<&'static str> { [labels, more].concat() };
        let counter = |name: &str, help: &str, labels: &[&str]| registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?);
        let gauge = |name: &str, help: &str, labels: &[&str]| registered(registry, GaugeVec::new(Opts::new(name, help), labels)?);
        let commit_seconds =
            HistogramOpts::new("playhead_commit_duration_seconds", "How long commits took.").buckets(COMMIT_SECONDS.to_vec());
        Ok(Self {
            commits: counter("playhead_commits_total", "Commits that went through.", &LANE)?,
            commit_seconds: registered(registry, HistogramVec::new(commit_seconds, &LANE)?)?,
            since_commit: gauge("playhead_since_last_commit_seconds", "Time since the last commit, or since the start.", &LANE)?,
            since_turn: gauge("playhead_since_last_turn_seconds", "Time since the lane last polled its log, or went on restoring.", &LANE)?,
            lost_transactions: counter(
                "playhead_lost_transactions_total",
                "Transactions that did not go through: everything held was restored.",
                &LANE,
            )?,
            fenced: counter(
                "playhead_fenced_total",
                "Times that the brokers took the lane for replaced: another had its name, or a transaction took too long. It came back, or ended.",
                &LANE,
            )?,
            replayed: counter("playhead_replayed_records_total", "Records replayed to restore states.", &LANE)?,
            rebalances: counter(
                "playhead_rebalances_total",
                "Changes of the assignment: assigned, revoked, or lost without a last commit.",
                &with(&LANE, &["change"]),
            )?,
            partitions: gauge(
                "playhead_partitions",
                "Partitions held: running, restoring, or waiting for something that is not available.",
                &with(&LANE, &["state"]),
            )?,
            records: counter("playhead_records_total", "Records read and committed, heartbeats among them.", &PARTITION)?,
            outputs: counter(
                "playhead_outputs_total",
                "Records written and committed, heartbeats and dead letters among them.",
                &PARTITION,
            )?,
            duplicates: counter("playhead_duplicates_total", "Records left out as copies.", &PARTITION)?,
            dead_letters: counter("playhead_dead_letters_total", "Records refused.", &with(&PARTITION, &["reason"]))?,
            position: gauge("playhead_position", "Offset of the next record to read.", &PARTITION)?,
            log_time: gauge("playhead_log_time_seconds", "Log time, seconds since 1970.", &PARTITION)?,
            log_time_age: gauge("playhead_log_time_age_seconds", "Age of the newest record: the clock less log time.", &PARTITION)?,
            freshness: gauge(
                "playhead_freshness_seconds",
                "Time since the newest heartbeat that came through was sent; of a re-keyed partition, the oldest over its input partitions.",
                &PARTITION,
            )?,
            lag: gauge("playhead_lag_records", "Offsets between the position and the last stable offset.", &PARTITION)?,
            last_stable_offset_age: gauge(
                "playhead_last_stable_offset_age_seconds",
                "How long the last stable offset has stood still behind the high watermark: a transaction that hangs.",
                &PARTITION,
            )?,
            state_entries: gauge(
                "playhead_state_entries",
                "Sessions or contents in the state: in memory, or put away with a snapshot.",
                &with(&PARTITION, &["place"]),
            )?,
            snapshot_age: gauge("playhead_snapshot_age_seconds", "Time since this process last saved the state.", &PARTITION)?,
            snapshot_bytes: gauge("playhead_snapshot_bytes", "Bytes that the last save wrote, its segment among them.", &PARTITION)?,
            snapshot_seconds: gauge("playhead_snapshot_duration_seconds", "How long the last save took.", &PARTITION)?,
            snapshot_failures: counter("playhead_snapshot_failures_total", "Saves that came to nothing.", &PARTITION)?,
            restore_seconds: gauge("playhead_restore_duration_seconds", "How long the last restore took.", &PARTITION)?,
        })
    }

    /// The handles of a lane.
    pub(super) fn lane(&self, stage: &str, lane: &str) -> LaneMetrics {
        let labels = [stage, lane];
        let rebalances = |change| self.rebalances.with_label_values(&[stage, lane, change]);
        let partitions = |state| self.partitions.with_label_values(&[stage, lane, state]);
        LaneMetrics {
            commits: self.commits.with_label_values(&labels),
            commit_seconds: self.commit_seconds.with_label_values(&labels),
            since_commit: self.since_commit.with_label_values(&labels),
            since_turn: self.since_turn.with_label_values(&labels),
            lost_transactions: self.lost_transactions.with_label_values(&labels),
            fenced: self.fenced.with_label_values(&labels),
            replayed: self.replayed.with_label_values(&labels),
            assigned: rebalances("assigned"),
            revoked: rebalances("revoked"),
            lost: rebalances("lost"),
            running: partitions("running"),
            restoring: partitions("restoring"),
            waiting: partitions("waiting"),
        }
    }

    /// The handles of a partition. What is not known of it yet has none: a metric that is missing says more than a zero.
    pub(super) fn partition(&self, labels: [String; 4]) -> PartitionMetrics {
        let of = labels.each_ref().map(String::as_str);
        PartitionMetrics {
            records: self.records.with_label_values(&of),
            outputs: self.outputs.with_label_values(&of),
            duplicates: self.duplicates.with_label_values(&of),
            snapshot_failures: self.snapshot_failures.with_label_values(&of),
            dead_letters: Vec::new(),
            labels,
        }
    }

    fn gauges(&self) -> [&GaugeVec; 10] {
        let Self { position, log_time, log_time_age, freshness, lag, last_stable_offset_age, .. } = self;
        let Self { snapshot_age, snapshot_bytes, snapshot_seconds, restore_seconds, .. } = self;
        [
            position,
            log_time,
            log_time_age,
            freshness,
            lag,
            last_stable_offset_age,
            snapshot_age,
            snapshot_bytes,
            snapshot_seconds,
            restore_seconds,
        ]
    }

    /// Forgets a partition that has gone: another lane tells of it by now.
    pub(super) fn forget(&self, metrics: &PartitionMetrics) {
        let of = metrics.of();
        // What was never told of is not there either.
        for counter in [&self.records, &self.outputs, &self.duplicates, &self.snapshot_failures] {
            counter.remove_label_values(&of).ok();
        }
        for gauge in self.gauges() {
            gauge.remove_label_values(&of).ok();
        }
        let more = |label| [of[0], of[1], of[2], of[3], label];
        for (reason, _) in &metrics.dead_letters {
            self.dead_letters.remove_label_values(&more(reason)).ok();
        }
        for place in Place::ALL {
            self.state_entries.remove_label_values(&more(place.name())).ok();
        }
    }

    pub(super) fn set(&self, metrics: &PartitionMetrics, which: Known, value: f64) {
        let of = metrics.of();
        if let Known::StateEntries(place) = which {
            return self.state_entries.with_label_values(&[of[0], of[1], of[2], of[3], place.name()]).set(value);
        }
        self.gauge(which).with_label_values(&of).set(value);
    }

    /// What is not known, or not any more, is not there.
    pub(super) fn unset(&self, metrics: &PartitionMetrics, which: Known) {
        let of = metrics.of();
        // What was never there need not go.
        if let Known::StateEntries(place) = which {
            self.state_entries.remove_label_values(&[of[0], of[1], of[2], of[3], place.name()]).ok();
        } else {
            self.gauge(which).remove_label_values(&of).ok();
        }
    }

    const fn gauge(&self, which: Known) -> &GaugeVec {
        match which {
            Known::Position => &self.position,
            Known::LogTime => &self.log_time,
            Known::LogTimeAge => &self.log_time_age,
            Known::Freshness => &self.freshness,
            Known::Lag => &self.lag,
            Known::LastStableOffsetAge => &self.last_stable_offset_age,
            Known::SnapshotAge => &self.snapshot_age,
            Known::SnapshotBytes => &self.snapshot_bytes,
            Known::SnapshotSeconds => &self.snapshot_seconds,
            Known::RestoreSeconds => &self.restore_seconds,
            Known::StateEntries(_) => &self.state_entries,
        }
    }

    /// a counter of refused records by reason.
    pub(super) fn dead_letters(&self, metrics: &mut PartitionMetrics, reason: &'static str, count: u64) {
        if let Some((_, counter)) = metrics.dead_letters.iter().find(|(known, _)| *known == reason) {
            return counter.inc_by(count);
        }
        let of = metrics.of();
        let counter = self.dead_letters.with_label_values(&[of[0], of[1], of[2], of[3], reason]);
        counter.inc_by(count);
        metrics.dead_letters.push((reason, counter));
    }
}

/// What becomes known of a partition with time, and is set when metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Position,
    LogTime,
    LogTimeAge,
    Freshness,
    Lag,
    LastStableOffsetAge,
    StateEntries(Place),
    SnapshotAge,
    SnapshotBytes,
    SnapshotSeconds,
    RestoreSeconds,
}

/// Where what a state holds is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Memory,
    PutAway,
}

impl Place {
    const ALL: [Self; 2] = [Self::Memory, Self::PutAway];

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::PutAway => "put_away",
        }
    }
}

/// A lane's handles.
#[derive(Debug)]
pub(super) struct LaneMetrics {
    pub(super) commits: IntCounter,
    pub(super) commit_seconds: Histogram,
    pub(super) since_commit: Gauge,
    pub(super) since_turn: Gauge,
    pub(super) lost_transactions: IntCounter,
    pub(super) fenced: IntCounter,
    pub(super) replayed: IntCounter,
    pub(super) assigned: IntCounter,
    pub(super) revoked: IntCounter,
    pub(super) lost: IntCounter,
    pub(super) running: Gauge,
    pub(super) restoring: Gauge,
    pub(super) waiting: Gauge,
}

/// A partition's handles.
#[derive(Debug)]
pub(super) struct PartitionMetrics {
    labels: [String; 4],
    pub(super) records: IntCounter,
    pub(super) outputs: IntCounter,
    pub(super) duplicates: IntCounter,
    pub(super) snapshot_failures: IntCounter,
    dead_letters: Vec<(&'static str, IntCounter)>,
}

impl PartitionMetrics {
    fn of(&self) -> [&str; 4] {
        self.labels.each_ref().map(String::as_str)
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
