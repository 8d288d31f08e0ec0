//! Stages on Kafka: each a process of its own, with a lane a thread.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::scope;
use std::time::Duration;

use anyhow::{Context as _, bail};
use kafka::{Admin, Cluster, KafkaLane, LaneOptions};
use pipeline::{Processor, RunOptions, Shutdown, SnapshotStore, Totals, run_processor};
use schemas::{SchemaSource, SourceError};

use super::wiring::{self, Partitions, Reads};
use super::{RETRY_INTERVAL, Stage, snapshot_options};
use crate::config::Config;
use crate::observe::{LaneWatch, PartitionEnds, Watch, WatchedRegistry, watch_ends};
use crate::snapshot_stores;

/// How long a lane waits at its start before it asks a registry again that did not answer.
const REGISTRY_INTERVAL: Duration = Duration::from_secs(5);
/// How often a replay makes way for a sign of life: well within the session timeout.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// The largest transaction, records: a lane that catches up commits sooner than the interval says.
const COMMIT_RECORDS: u64 = 500_000;
/// How long the cluster may take to say where partitions end, before it counts as out of reach. A stop waits for it.
const ENDS_PATIENCE: Duration = Duration::from_secs(2);
/// The topics that a stage must know the partitions of.
const TOPICS: [&str; 5] = ["playback_events", "viewing_progress", "active_streams", "dead_letters", "resume_state"];

/// A stage, what it needs, and how far it runs.
pub(crate) struct OnKafka<'r> {
    pub(crate) config: &'r Config,
    /// Return at the end of the input.
    pub(crate) until_caught_up: bool,
    pub(crate) shutdown: Shutdown,
    pub(crate) watch: Arc<Watch>,
}

/// What all lanes of a process share.
struct Shared<'r> {
    run: &'r OnKafka<'r>,
    cluster: Cluster,
    registry: Arc<dyn SchemaSource>,
    partitions: BTreeMap<&'static str, u32>,
    snapshots: Arc<dyn SnapshotStore>,
}

impl OnKafka<'_> {
    /// Runs the lanes of a stage until a stop is asked for, or one of them fails, which stops the others.
    ///
    /// # Errors
    /// Where the settings are wrong, a topic is not there, or a lane can't go on.
    pub(crate) fn run(&self, stage: Stage) -> anyhow::Result<Totals> {
        self.watch.starting("the cluster is asked for its topics");
        let cluster = self.config.kafka.cluster()?;
        let admin = self.config.kafka.admin()?;
        let mut partitions = BTreeMap::new();
        for topic in TOPICS {
            let described = admin.describe(topic).with_context(|| format!("{topic}: `playhead topics apply` makes the topics"))?;
            partitions.insert(topic, described.partitions);
        }
        let shared = Shared {
            run: self,
            cluster,
            registry: Arc::new(WatchedRegistry::new(self.config.registry.client()?, &self.watch)),
            partitions,
            snapshots: snapshot_stores::open(&self.config.state.snapshots, &self.config.data, stage.name())?,
        };
        let mut all = Totals::default();
        for totals in self.run_lanes(stage, &shared.cluster, |number, watch| shared.lane(stage, number, watch), |_| Ok(()))? {
            all += totals;
        }
        Ok(all)
    }

    /// Runs a lane a thread, and `beside` on one more until they have ended.
    pub(super) fn run_lanes<T: Send>(
        &self,
        stage: Stage,
        cluster: &Cluster,
        lane: impl Fn(u32, &Arc<LaneWatch>) -> anyhow::Result<T> + Sync,
        beside: impl FnOnce(&Shutdown) -> anyhow::Result<()> + Send,
    ) -> anyhow::Result<Vec<T>> {
        let ends = Admin::new(cluster, ENDS_PATIENCE)?;
        scope(|threads| {
            let ended = Shutdown::default();
            let _ends_watching = StopAll(&ended, false);
            let watching = ended.clone();
            std::thread::Builder::new()
                .name("ends".to_owned())
                .spawn_scoped(threads, move || watch_ends(&self.watch, &watching, |partitions| ends_of(&ends, partitions)))
                .context("cannot start a thread")?;
            let working = ended.clone();
            let beside = std::thread::Builder::new().name("beside".to_owned()).spawn_scoped(threads, move || beside(&working));
            let beside = beside.context("cannot start a thread")?;
            let mut lanes = Vec::new();
            for number in 0..self.config.kafka.lanes {
                let lane = &lane;
                let watch = self.watch.lane(stage.name(), number, stage.inputs());
                let lane = std::thread::Builder::new().name(format!("{} {number}", stage.name())).spawn_scoped(threads, move || {
                    // However it ends, and be it by a panic.
                    let _stops_all = StopAll(&self.shutdown, self.until_caught_up);
                    let _said_of = tracing::error_span!("lane", stage = stage.name(), lane = number).entered();
                    let ended = lane(number, &watch);
                    watch.ended(&ended);
                    ended
                });
                lanes.push(lane.context("cannot start a thread")?);
            }
            self.watch.started();
            let mut all = Vec::new();
            let mut failed = Ok(());
            for lane in lanes {
                match lane.join() {
                    Ok(Ok(totals)) => all.push(totals),
                    Ok(Err(error)) => failed = failed.and(Err(error)),
                    // The panic itself has been printed.
                    Err(_) => failed = failed.and(Err(anyhow::anyhow!("a lane of {} broke down", stage.name()))),
                }
            }
            ended.request();
            match beside.join() {
                Ok(ended) => failed = failed.and(ended),
                Err(_) => failed = failed.and(Err(anyhow::anyhow!("what runs beside the lanes of {} broke down", stage.name()))),
            }
            failed.map(|()| all)
        })
    }
}

fn ends_of(admin: &Admin, partitions: &[(&str, u32)]) -> anyhow::Result<Vec<PartitionEnds>> {
    let ends = admin.ends(partitions)?.into_iter();
    Ok(ends.map(|ends| PartitionEnds { topic: ends.topic, partition: ends.partition, committed: ends.committed, all: ends.all }).collect())
}

/// Stops all lanes when one ends, unless each is to end by itself.
struct StopAll<'r>(&'r Shutdown, bool);

impl Drop for StopAll<'_> {
    fn drop(&mut self) {
        if !self.1 || std::thread::panicking() {
            self.0.request();
        }
    }
}

impl Shared<'_> {
    /// Runs a lane. A registry that does not answer at the start is waited for, as it is later.
    fn lane(&self, stage: Stage, number: u32, watch: &Arc<LaneWatch>) -> anyhow::Result<Totals> {
        let is_down = |error: &anyhow::Error| matches!(error.downcast_ref(), Some(SourceError::Unavailable(_)));
        loop {
            match self.lane_at_once(stage, number, watch) {
                Err(error) if is_down(&error) => {
                    tracing::warn!("{error:#}; asking again");
                    if self.run.shutdown.wait(REGISTRY_INTERVAL) {
                        return Ok(Totals::default());
                    }
                }
                ended => return ended,
            }
        }
    }

    fn lane_at_once(&self, stage: Stage, number: u32, watch: &Arc<LaneWatch>) -> anyhow::Result<Totals> {
        let partitions: &Partitions<'_> =
            &|topic| self.partitions.get(topic).copied().with_context(|| format!("{topic} was not asked for"));
        let (config, registry) = (self.run.config, Arc::clone(&self.registry));
        match stage {
            Stage::Playback => {
                let (playback, reads) = wiring::playback(config, partitions, registry)?;
                self.run_lane(playback, &reads, number, watch)
            }
            Stage::Profile => {
                let (profile, reads) = wiring::profile(config, partitions, registry)?;
                self.run_lane(profile, &reads, number, watch)
            }
            Stage::Serving | Stage::ClickHouse => bail!("{} is no processor", stage.name()),
        }
    }

    fn run_lane<P: Processor>(&self, mut processor: P, reads: &Reads, number: u32, watch: &Arc<LaneWatch>) -> anyhow::Result<Totals> {
        let OnKafka { config, until_caught_up, shutdown, .. } = self.run;
        let name = processor.name().to_owned();
        let dead_letters = reads.dead_letters(&processor, Arc::clone(&self.registry))?;
        let options = LaneOptions::new(self.cluster.clone(), &name, &config.kafka.instance, number);
        let mut lane = KafkaLane::processor(options, &[reads.input], processor.outputs())?;
        let options = RunOptions {
            log_time: reads.log_time.clone(),
            inputs: vec![reads.input.to_owned()],
            commit_interval: config.kafka.commit_interval,
            commit_records: COMMIT_RECORDS,
            retry_interval: RETRY_INTERVAL,
            keep_alive_interval: KEEP_ALIVE_INTERVAL,
            // The watch tells of it.
            on_unavailable: |_| ControlFlow::Continue(()),
            stop_when_caught_up: *until_caught_up,
            snapshots: Some(snapshot_options(config, Arc::clone(&self.snapshots))),
            observer: Arc::clone(watch) as _,
        };
        run_processor(&mut processor, &mut lane, &dead_letters, &options, shutdown)
            .with_context(|| format!("lane {number} of {name} stopped reading {}", reads.input))
    }
}
