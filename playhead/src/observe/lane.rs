//! One lane as its watcher sees it: metrics, and a state of health. What its run tells, and what becomes lines of the log, is in `told`.

mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pipeline::{StateSize, TopicPartition};

use super::ends::KNOWN_FOR;
use super::metrics::{Families, Known, LaneMetrics, PartitionMetrics, Place};

/// Refused records are told of together.
const REFUSED_TOGETHER: Duration = Duration::from_secs(10);

/// Watches one lane.
#[derive(Debug)]
pub(crate) struct LaneWatch {
    pub(super) stage: &'static str,
    pub(super) lane: u32,
    /// Names of its input topics.
    inputs: Vec<String>,
    families: Arc<Families>,
    metrics: LaneMetrics,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    /// It is a member of its group.
    pub(super) has_joined: bool,
    /// The group has given it up since, and has not taken it in again.
    pub(super) is_given_up: bool,
    /// Its last sign of life.
    pub(super) last_sign: Instant,
    pub(super) last_commit: Instant,
    /// Why it starts over, until it has done so.
    pub(super) lost: Option<String>,
    /// Why its store does not take what it is sent.
    pub(super) store_problem: Option<String>,
    pub(super) partitions: BTreeMap<TopicPartition, Partition>,
    pub(super) end: Option<End>,
    refused: Refused,
}

/// How a lane ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As it was asked to.
    Well,
    Failed(String),
}

/// A partition that the lane has.
#[derive(Debug)]
pub(super) struct Partition {
    metrics: PartitionMetrics,
    pub(super) is_restored: bool,
    /// What it waits for, and when that was last told.
    pub(super) waiting: Option<(String, Instant)>,
    position: Option<i64>,
    log_time_ms: Option<i64>,
    heartbeat_ms: Option<i64>,
    size: Option<StateSize>,
    saved: Option<Instant>,
    ends: Option<SeenEnds>,
}

/// Where a partition ends, and since when the last stable offset has been where it is.
#[derive(Clone, Copy, Debug)]
struct SeenEnds {
    committed: i64,
    all: i64,
    since: Instant,
    /// When it was last said where they are.
    told: Instant,
}

/// Refused records that were not told of yet.
#[derive(Debug, Default)]
struct Refused {
    counts: BTreeMap<&'static str, u64>,
    last_told: Option<Instant>,
}

impl LaneWatch {
    pub(super) fn new(stage: &'static str, lane: u32, inputs: &[&str], families: &Arc<Families>) -> Self {
        let now = Instant::now();
        Self {
            stage,
            lane,
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            metrics: families.lane(stage, &lane.to_string()),
            families: Arc::clone(families),
            seen: Mutex::new(Seen {
                has_joined: false,
                is_given_up: false,
                last_sign: now,
                last_commit: now,
                lost: None,
                store_problem: None,
                partitions: BTreeMap::new(),
                end: None,
                refused: Refused::default(),
            }),
        }
    }

    /// Notes how the lane ended.
    pub(crate) fn ended<T>(&self, ended: &anyhow::Result<T>) {
        let end = match ended {
            Ok(_) => End::Well,
            Err(error) => {
                let is_fenced = error.chain().any(|cause| matches!(cause.downcast_ref(), Some(pipeline::LogError::Fenced(_))));
                self.metrics.fenced.inc_by(u64::from(is_fenced));
                End::Failed(format!("{error:#}"))
            }
        };
        let mut seen = self.seen();
        seen.tell_refused(true);
        seen.end = Some(end);
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn topic(&self, source: TopicPartition) -> &str {
        self.inputs.get(usize::from(source.topic)).map_or("?", String::as_str)
    }

    /// The partitions held, by topic.
    pub(super) fn held(&self) -> Vec<(String, u32)> {
        self.seen().partitions.keys().map(|source| (self.topic(*source).to_owned(), source.partition)).collect()
    }

    /// Notes where a partition ends: for readers of what is committed, and in all.
    pub(super) fn ends(&self, topic: &str, partition: u32, committed: i64, all: i64) {
        let mut seen = self.seen();
        let Some((_, held)) = seen.partitions.iter_mut().find(|(source, _)| source.partition == partition && self.topic(**source) == topic)
        else {
            return;
        };
        let told = Instant::now();
        let since = match held.ends {
            // It stands still, and something is behind it.
            Some(before) if before.committed == committed && before.all > committed && all > committed => before.since,
            _ => told,
        };
        held.ends = Some(SeenEnds { committed, all, since, told });
    }

    /// Sets what depends on when it is asked for.
    pub(super) fn refresh(&self, now: Instant, now_ms: i64) {
        let seen = self.seen();
        if seen.end.is_none() {
            self.metrics.since_commit.set(now.saturating_duration_since(seen.last_commit).as_secs_f64());
            self.metrics.since_turn.set(now.saturating_duration_since(seen.last_sign).as_secs_f64());
        }
        let mut counts = [0_u32; 3];
        for partition in seen.partitions.values() {
            counts[if !partition.is_restored { 1 } else { usize::from(partition.waiting.is_some()) * 2 }] += 1;
            self.refresh_partition(partition, now, now_ms);
        }
        for (gauge, count) in [&self.metrics.running, &self.metrics.restoring, &self.metrics.waiting].into_iter().zip(counts) {
            gauge.set(count.into());
        }
    }

    fn refresh_partition(&self, partition: &Partition, now: Instant, now_ms: i64) {
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        let since = |then: Instant| now.saturating_duration_since(then).as_secs_f64();
        // A figure that stands still, or grows, while nobody answers says nothing.
        let ends = partition.ends.filter(|ends| now.saturating_duration_since(ends.told) < KNOWN_FOR);
        let age = ends.map(|ends| if ends.all > ends.committed { since(ends.since) } else { 0.0 });
        let lag = ends.zip(partition.position).map(|(ends, position)| (ends.committed - position).max(0) as f64);
        let known = [
            (Known::Position, partition.position.map(|position| position as f64)),
            (Known::LogTime, partition.log_time_ms.map(seconds)),
            (Known::LogTimeAge, partition.log_time_ms.map(|time_ms| seconds(now_ms - time_ms))),
            (Known::Freshness, partition.heartbeat_ms.map(|sent_ms| seconds(now_ms - sent_ms))),
            (Known::Lag, lag),
            (Known::LastStableOffsetAge, age),
            (Known::SnapshotAge, partition.saved.map(since)),
            (Known::StateEntries(Place::Memory), partition.size.map(|size| size.in_memory as f64)),
            (Known::StateEntries(Place::PutAway), partition.size.map(|size| size.put_away as f64)),
        ];
        for (which, value) in known {
            match value {
                Some(value) => self.families.set(&partition.metrics, which, value),
                None => self.families.unset(&partition.metrics, which),
            }
        }
    }
}

impl Seen {
    fn sign(&mut self) {
        self.last_sign = Instant::now();
    }

    /// Tells how many records were refused, and why; never what is in them.
    fn tell_refused(&mut self, is_last: bool) {
        let Refused { counts, last_told } = &mut self.refused;
        if counts.is_empty() || (!is_last && last_told.is_some_and(|last| last.elapsed() < REFUSED_TOGETHER)) {
            return;
        }
        *last_told = Some(Instant::now());
        let records: u64 = counts.values().sum();
        let reasons: Vec<String> = counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        tracing::warn!(records, "refused records went to dead_letters: {}", reasons.join(", "));
        counts.clear();
    }
}
