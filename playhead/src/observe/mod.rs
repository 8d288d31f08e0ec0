//! Watching over the lanes of a process: metrics, health, readiness, and the lines of the log that tell of both.
//!
//! Lanes tell their [`LaneWatch`] what they do, once a commit and at turning points; what needs to be asked for (ends of partitions) a thread
//! asks every few seconds; what depends on the clock is worked out when somebody looks.

mod ends;
mod health;
pub(crate) mod http;
mod lane;
mod metrics;
mod own_process;
mod registry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use prometheus::{Encoder as _, Registry, TextEncoder};

use crate::commands::now_ms;
pub(crate) use ends::{PartitionEnds, watch_ends};
pub(crate) use http::MetricsServer;
pub(crate) use lane::LaneWatch;
use metrics::Families;
pub(crate) use registry::WatchedRegistry;

/// Everything that is watched in a process.
#[derive(Debug)]
pub(crate) struct Watch {
    metrics: Registry,
    families: Arc<Families>,
    lanes: Mutex<Vec<Arc<LaneWatch>>>,
    /// What the process is at before its lanes run.
    step: Mutex<Option<String>>,
    started: Instant,
    /// Whether the schema registry answers.
    pub(crate) registry: Reach,
    /// Whether the log says where partitions end.
    pub(crate) log: Reach,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// Where two metrics have one name.
    pub(crate) fn new() -> anyhow::Result<Arc<Self>> {
        let metrics = Registry::new();
        own_process::register(&metrics)?;
        let families = Arc::new(Families::register(&metrics)?);
        Ok(Arc::new(Self {
            metrics,
            families,
            lanes: Mutex::default(),
            step: Mutex::default(),
            started: Instant::now(),
            registry: Reach::default(),
            log: Reach::default(),
        }))
    }

    /// Watches one more lane, which reads these topics.
    pub(crate) fn lane(&self, stage: &'static str, lane: u32, inputs: &[&str]) -> Arc<LaneWatch> {
        let watch = Arc::new(LaneWatch::new(stage, lane, inputs, &self.families));
        locked(&self.lanes).push(Arc::clone(&watch));
        watch
    }

    /// Registers metrics of other parts of the process.
    ///
    /// # Errors
    /// Where one has the name of another.
    pub(crate) fn register(&self, collector: Box<dyn prometheus::core::Collector>) -> anyhow::Result<()> {
        Ok(self.metrics.register(collector)?)
    }

    /// What the process is at before its lanes run.
    pub(crate) fn starting(&self, step: &str) {
        *locked(&self.step) = Some(step.to_owned());
    }

    /// The lanes run.
    pub(crate) fn started(&self) {
        *locked(&self.step) = None;
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// Where they cannot be encoded.
    pub(crate) fn metrics_text(&self) -> anyhow::Result<Vec<u8>> {
        let (now, now_ms) = (Instant::now(), now_ms()?);
        for lane in self.lanes() {
            lane.refresh(now, now_ms);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.metrics.gather(), &mut text).context("the metrics cannot be encoded")?;
        Ok(text)
    }

    fn lanes(&self) -> Vec<Arc<LaneWatch>> {
        locked(&self.lanes).clone()
    }

    fn step(&self) -> Option<String> {
        locked(&self.step).clone()
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Whether something outside of the process answers, as it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    problem: Mutex<Option<String>>,
}

impl Reach {
    /// It answered.
    pub(crate) fn reached(&self) {
        *locked(&self.problem) = None;
    }

    /// It did not.
    pub(crate) fn failed(&self, why: &str) {
        *locked(&self.problem) = Some(why.to_owned());
    }

    fn problem(&self) -> Option<String> {
        locked(&self.problem).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use pipeline::{Commit, Counts, Observer as _, Progress, Restored, TopicPartition};

    use super::*;

    const SOURCE: TopicPartition = TopicPartition { topic: 0, partition: 3 };

    /// The value of a metric, by the beginning of its line.
    fn value(watch: &Watch, name: &str) -> Option<f64> {
        let text = String::from_utf8(watch.metrics_text().unwrap()).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    const OF: &str = r#"{lane="1",partition="3",stage="playback",topic="events"}"#;

    fn committed(next_offset: i64, heartbeat_ms: i64) -> Progress {
        let counts = Counts { records: 10, outputs: 7, dropped: 2, rejected: vec![("undecodable", 1)] };
        Progress { source: SOURCE, next_offset, log_time_ms: Some(heartbeat_ms), heartbeat_ms: Some(heartbeat_ms), counts, size: None }
    }

    #[test]
    fn what_a_lane_tells_is_there_until_its_partition_goes() {
        let watch = Watch::new().unwrap();
        let lane = watch.lane("playback", 1, &["events"]);
        lane.assigned(&[SOURCE]);
        lane.restored(SOURCE, &Restored { next_offset: 5, log_time_ms: None, from_snapshot: None, duration: Duration::from_secs(2) });
        assert_eq!(value(&watch, &format!("playhead_restore_duration_seconds{OF}")), Some(2.0));
        assert_eq!(value(&watch, &format!("playhead_freshness_seconds{OF}")), None, "not known yet");
        let sent_ms = now_ms().unwrap() - 30_000;
        for next_offset in [15, 25] {
            lane.committed(&Commit { duration: Duration::from_millis(30), partitions: &[committed(next_offset, sent_ms)] });
        }
        let of_lane = r#"{lane="1",stage="playback"}"#;
        assert_eq!(value(&watch, &format!("playhead_commits_total{of_lane}")), Some(2.0));
        assert_eq!(value(&watch, &format!("playhead_records_total{OF}")), Some(20.0));
        assert_eq!(value(&watch, &format!("playhead_position{OF}")), Some(25.0));
        let dead = r#"playhead_dead_letters_total{lane="1",partition="3",reason="undecodable",stage="playback",topic="events"}"#;
        assert_eq!(value(&watch, dead), Some(2.0));
        let freshness = value(&watch, &format!("playhead_freshness_seconds{OF}")).unwrap();
        assert!((30.0..40.0).contains(&freshness), "{freshness}");

        lane.lost_transaction("commit: EndTxn: INVALID_PRODUCER_EPOCH (47)");
        lane.lost_transaction("commit: no answer within 10000 ms");
        let of = |name: &str| value(&watch, &format!("playhead_{name}_total{of_lane}"));
        assert_eq!((of("fenced"), of("lost_transactions")), (Some(1.0), Some(2.0)), "one that was survived, too");

        lane.ends("events", 3, 40, 44);
        assert_eq!(value(&watch, &format!("playhead_lag_records{OF}")), Some(15.0));
        lane.revoked(&[SOURCE], false);
        for name in ["records_total", "position", "freshness_seconds", "lag_records", "restore_duration_seconds"] {
            assert_eq!(value(&watch, &format!("playhead_{name}{OF}")), None, "{name}");
        }
        assert_eq!(value(&watch, dead), None);
        assert_eq!(value(&watch, &format!("playhead_commits_total{of_lane}")), Some(2.0));
    }

    #[test]
    fn a_transaction_that_hangs_is_seen_by_an_end_that_stands_still() {
        let watch = Watch::new().unwrap();
        let lane = watch.lane("playback", 1, &["events"]);
        lane.assigned(&[SOURCE]);
        let age = || value(&watch, &format!("playhead_last_stable_offset_age_seconds{OF}"));
        assert_eq!(age(), None);
        lane.ends("events", 3, 40, 40);
        assert_eq!(age(), Some(0.0));
        lane.ends("events", 3, 40, 44);
        let first = age().unwrap();
        lane.ends("events", 3, 40, 50);
        let later = age().unwrap();
        assert!(later > first, "the same one is still open: {first} {later}");
        lane.ends("events", 3, 45, 50);
        assert!(age().unwrap() < later, "it moved on, and another is open");
        lane.ends("events", 3, 50, 50);
        assert_eq!(age(), Some(0.0));
    }

    #[test]
    fn what_nobody_says_any_more_is_in_no_metric() {
        let watch = Watch::new().unwrap();
        let lane = watch.lane("playback", 1, &["events"]);
        lane.assigned(&[SOURCE]);
        lane.restored(SOURCE, &Restored { next_offset: 5, log_time_ms: None, from_snapshot: None, duration: Duration::from_secs(2) });
        lane.ends("events", 3, 40, 44);
        let after = |seconds| {
            lane.refresh(Instant::now() + Duration::from_secs(seconds), 0);
            let names: Vec<String> = watch.metrics.gather().iter().map(|family| family.name().to_owned()).collect();
            ["playhead_lag_records", "playhead_last_stable_offset_age_seconds", "playhead_position"]
                .map(|name| names.contains(&name.to_owned()))
        };
        assert_eq!(after(10), [true; 3]);
        assert_eq!(after(16), [false, false, true], "three times nobody has answered");
        lane.ends("events", 3, 50, 50);
        assert_eq!(after(0), [true; 3]);
    }
}
