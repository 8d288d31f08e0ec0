//! Stages on Kafka: each a process of its own, with a lane a thread.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::scope;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kafka::{Admin, Cluster, KafkaError, KafkaLane, LaneOptions};
use pipeline::{LogError, Processor, RunOptions, Shutdown, SnapshotStore, Totals, run_processor};
use schemas::{SchemaSource, SourceError};

use super::wiring::{self, Partitions, Reads};
use super::{RETRY_INTERVAL, Stage, snapshot_options};
use crate::cluster_trouble;
use crate::config::Config;
use crate::observe::{LaneWatch, PartitionEnds, Watch, WatchedRegistry, watch_ends};
use crate::snapshot_stores;

/// How long a lane waits at its start before it asks a registry or a cluster again that did not answer.
const RETRY_START_INTERVAL: Duration = Duration::from_secs(5);
/// How long one question to a cluster may take at the start, and how long it is waited with the next one. A stop waits for it.
const START_PATIENCE: Duration = Duration::from_secs(2);
const START_INTERVAL: Duration = Duration::from_secs(1);
/// How long a cluster is waited for that does not answer where time is not known to mend it.
const LASTING_PATIENCE: Duration = Duration::from_secs(30);
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
    /// Gives up soon.
    admin: Admin,
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
        let admin = Admin::new(&cluster, START_PATIENCE)?;
        let partitions = |topic| Ok((topic, admin.describe(topic)?.partitions));
        let partitions: BTreeMap<_, _> = match self.answered(|| TOPICS.into_iter().map(partitions).collect())? {
            Some(partitions) => partitions,
            None => return Ok(Totals::default()),
        };
        let shared = Shared {
            run: self,
            cluster,
            admin,
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

    /// What the cluster answers. One that does not is waited for, and so is a registry: a stage that ended for it would only be started again.
    /// None where a stop is asked for meanwhile.
    ///
    /// # Errors
    /// Where it refuses, and where it is not waited for any longer: nothing that time mends keeps it from answering, or the stage is to end by
    /// itself.
    fn answered<T>(&self, mut ask: impl FnMut() -> Result<T, KafkaError>) -> anyhow::Result<Option<T>> {
        let started = Instant::now();
        let mut is_told = false;
        loop {
            match ask() {
                Err(KafkaError::Unavailable(why)) => {
                    self.watch.log.failed(&why);
                    let is_waited_for = !self.until_caught_up && !cluster_trouble::is_lasting();
                    if !is_waited_for && started.elapsed() >= LASTING_PATIENCE {
                        return Err(KafkaError::Unavailable(why).into());
                    }
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!("the cluster at {} does not answer, and is waited for", self.config.kafka.brokers());
                    }
                }
                answer => {
                    self.watch.log.reached();
                    if is_told {
                        tracing::info!("the cluster answers, after {} s", started.elapsed().as_secs());
                    }
                    return Ok(Some(answer?));
                }
            }
            if self.shutdown.wait(START_INTERVAL) {
                return Ok(None);
            }
        }
    }
}

fn ends_of(admin: &Admin, partitions: &[(&str, u32)]) -> anyhow::Result<Vec<PartitionEnds>> {
    if partitions.is_empty() {
        // Whoever holds none is to know all the same whether there is anybody to hold some of.
        admin.brokers()?;
    }
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
    /// Runs a lane. A registry or a cluster that does not answer at the start is waited for, as it is later.
    fn lane(&self, stage: Stage, number: u32, watch: &Arc<LaneWatch>) -> anyhow::Result<Totals> {
        let is_down = |error: &anyhow::Error| {
            matches!(error.downcast_ref(), Some(SourceError::Unavailable(_)))
                || (!self.run.until_caught_up && matches!(error.downcast_ref(), Some(KafkaError::Unavailable(_))))
        };
        loop {
            // A lane that begins is patient, and hears of no stop meanwhile.
            if self.run.answered(|| self.admin.brokers())?.is_none() {
                return Ok(Totals::default());
            }
            match self.lane_at_once(stage, number, watch) {
                Err(error) if is_down(&error) => {
                    tracing::warn!("{error:#}; asking again");
                    if self.run.shutdown.wait(RETRY_START_INTERVAL) {
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
        run_processor(&mut processor, &mut lane, &dead_letters, &options, shutdown).map_err(|error| {
            let instance = &config.kafka.instance;
            let what = match &error {
                LogError::Fenced(_) => format!(
                    "another process of stage {name} with --instance {instance} (kafka.instance) has taken over: give each process an instance \
                     of its own"
                ),
                _ => format!("lane {number} of {name} stopped reading {}", reads.input),
            };
            anyhow::Error::from(error).context(what)
        })
    }
}
