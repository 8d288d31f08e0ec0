//! The stages of one process, from raw events to the serving store: which topics each reads and writes. Read it from top to bottom.

mod clickhouse;
mod on_kafka;
mod sink_on_kafka;
mod wiring;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipeline::local::{LocalLane, LocalLog};
use pipeline::{
    LogTimeRule, Observer, Processor, Resume, RunOptions, Shutdown, Sink as _, SinkOptions, SnapshotOptions, SnapshotStore, TopicPartition,
    Totals, run_processor, run_sink, unobserved,
};
use schemas::SchemaSource;
use sink_local::{INPUTS, LocalSink};

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::log;
use crate::observe::LaneWatch;
use crate::progress::{Progress, Stage as Spinner};
use crate::snapshot_stores;
pub(crate) use clickhouse::{name_of, recompute_until};
pub(crate) use on_kafka::OnKafka;
use wiring::Reads;

/// How often a stage commits; and how long it waits before it takes the end of its input for the end.
const COMMIT_INTERVAL: Duration = Duration::from_millis(50);

/// How long a stage waits before it asks again for what was not available.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often a replay makes way for a sign of life. Nobody listens for it on a local log.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// States are saved at the latest after so many records: half a million sessions of twenty, some hundred megabytes that are closed and still
/// in memory.
const SNAPSHOT_RECORDS: u64 = 10_000_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunReport {
    /// Events that were there already.
    pub(crate) duplicates: u64,
    /// Events refused: they are in `dead_letters`.
    pub(crate) dead_letters: u64,
}

/// How far a stage runs.
enum Until<'r> {
    /// The end of its input, shown by a spinner.
    End(&'r Progress),
    /// A stop is asked for; meanwhile it is watched.
    Shutdown(&'r Shutdown, &'r Arc<LaneWatch>),
}

impl Until<'_> {
    const fn is_end(&self) -> bool {
        matches!(self, Self::End(_))
    }

    fn shutdown(&self) -> Shutdown {
        match self {
            Self::End(_) => Shutdown::default(),
            Self::Shutdown(shutdown, _) => (*shutdown).clone(),
        }
    }

    fn observer(&self) -> Arc<dyn Observer> {
        match self {
            Self::End(_) => unobserved(),
            Self::Shutdown(_, watch) => Arc::clone(watch) as _,
        }
    }

    fn spinner(&self, name: &str) -> Option<Spinner> {
        match self {
            Self::End(progress) => Some(progress.stage(name)),
            Self::Shutdown(..) => None,
        }
    }
}

/// Runs every stage to the end of its input. Each stage reads only what those before it write, so once through is enough.
pub(crate) fn run_to_end(folder: &DataFolder, config: &Config, progress: &Progress) -> anyhow::Result<RunReport> {
    let until = Until::End(progress);
    let playback = run_playback(folder, config, &until)?;
    let profile = run_profile(folder, config, &until)?;
    run_serving(folder, &until)?;
    if config.clickhouse.is_set() {
        clickhouse::run(folder, config, &until)?;
    }
    Ok(RunReport { duplicates: playback.dropped, dead_letters: playback.rejected + profile.rejected })
}

/// A stage that runs until a stop is asked for, on a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Playback,
    Profile,
    Serving,
    ClickHouse,
}

impl Stage {
    /// The stages of one process: without ClickHouse where none is set.
    pub(crate) fn of_folder(config: &Config) -> impl Iterator<Item = Self> {
        let clickhouse = config.clickhouse.is_set().then_some(Self::ClickHouse);
        [Self::Playback, Self::Profile, Self::Serving].into_iter().chain(clickhouse)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Playback => "playback",
            Self::Profile => "profile",
            Self::Serving => "serving",
            Self::ClickHouse => "clickhouse",
        }
    }

    /// The topics that it reads.
    pub(crate) fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::Playback => &["playback_events"],
            Self::Profile => &["viewing_progress"],
            Self::Serving => &INPUTS,
            Self::ClickHouse => &sink_clickhouse::INPUTS,
        }
    }

    /// Runs it until `shutdown`, watched: what was read by then is committed.
    ///
    /// # Errors
    /// Where the log or the store fails.
    pub(crate) fn run(self, folder: &DataFolder, config: &Config, shutdown: &Shutdown, watch: &Arc<LaneWatch>) -> anyhow::Result<()> {
        let until = Until::Shutdown(shutdown, watch);
        match self {
            Self::Playback => run_playback(folder, config, &until).map(drop),
            Self::Profile => run_profile(folder, config, &until).map(drop),
            Self::Serving => run_serving(folder, &until),
            Self::ClickHouse => clickhouse::run(folder, config, &until),
        }
    }
}

/// playback_events -> playback -> playback_events.clean, playback_sessions, qos_session_summary, viewing_progress, active_streams,
/// dead_letters.
fn run_playback(folder: &DataFolder, config: &Config, until: &Until<'_>) -> anyhow::Result<Totals> {
    let (mut playback, reads) = wiring::playback(config, &|topic| folder.partitions(topic), Arc::clone(&folder.registry) as _)?;
    run_stage(folder, config, &reads, &mut playback, until)
}

/// viewing_progress (re-keyed from playback_events by profile) -> profile -> resume_state, dead_letters.
fn run_profile(folder: &DataFolder, config: &Config, until: &Until<'_>) -> anyhow::Result<Totals> {
    let (mut profile, reads) = wiring::profile(config, &|topic| folder.partitions(topic), Arc::clone(&folder.registry) as _)?;
    run_stage(folder, config, &reads, &mut profile, until)
}

/// playback_sessions, qos_session_summary, resume_state -> the serving store.
fn run_serving(folder: &DataFolder, until: &Until<'_>) -> anyhow::Result<()> {
    let mut topic_ids = [pipeline::TopicId::default(); INPUTS.len()];
    for (topic_id, name) in topic_ids.iter_mut().zip(INPUTS) {
        *topic_id = folder.log.topic(name)?.0;
    }
    let mut sink = LocalSink::new(folder.store.clone(), Arc::clone(&folder.registry) as Arc<dyn SchemaSource>, topic_ids);
    // The store itself says how far it is: one that was deleted, or put back from a copy, is filled again.
    if until.is_end() && is_at_end(&folder.log, &INPUTS, |source| Ok(sink.position(source, None)?))? {
        return Ok(());
    }
    let spinner = until.spinner("serving");
    let mut lane = LocalLane::new(&folder.log, sink.name(), &INPUTS, &[])?;
    let options = SinkOptions {
        flush_interval: COMMIT_INTERVAL,
        retry_interval: RETRY_INTERVAL,
        on_unavailable: |_| ControlFlow::Break(()),
        stop_when_caught_up: until.is_end(),
        // Each is fed by one partition only.
        log_times: vec![LogTimeRule::Records; INPUTS.len()],
        observer: until.observer(),
    };
    run_sink(&mut sink, &mut lane, &options, &until.shutdown()).context("the serving store was not brought up to date")?;
    if let Some(spinner) = spinner {
        spinner.done();
    }
    Ok(())
}

/// Runs a processor from its committed positions on. Where it is to end at the end of its input, and nothing is new, its state need not even
/// be restored.
fn run_stage<P: Processor>(
    folder: &DataFolder,
    config: &Config,
    reads: &Reads,
    processor: &mut P,
    until: &Until<'_>,
) -> anyhow::Result<Totals> {
    let (name, input) = (processor.name().to_owned(), reads.input);
    let committed = |source: TopicPartition| {
        let committed = folder.log.committed(&name, input, source.partition)?;
        Ok(committed.map_or(Resume::Beginning, |committed| Resume::At(committed.next_offset)))
    };
    if until.is_end() && is_at_end(&folder.log, &[input], committed)? {
        return Ok(Totals::default());
    }
    let spinner = until.spinner(&name);
    let dead_letters = reads.dead_letters(processor, Arc::clone(&folder.registry) as _)?;
    let mut lane = LocalLane::new(&folder.log, &name, &[input], processor.outputs())?;
    let options = RunOptions {
        log_time: reads.log_time.clone(),
        inputs: vec![input.to_owned()],
        commit_interval: COMMIT_INTERVAL,
        commit_records: 50_000,
        retry_interval: RETRY_INTERVAL,
        keep_alive_interval: KEEP_ALIVE_INTERVAL,
        // What a command on one machine lacks, it will not get by waiting.
        on_unavailable: |_| ControlFlow::Break(()),
        stop_when_caught_up: until.is_end(),
        snapshots: Some(snapshot_options(config, snapshot_stores::open(&config.state.snapshots, &config.data, &name)?)),
        observer: until.observer(),
    };
    let totals = run_processor(processor, &mut lane, &dead_letters, &options, &until.shutdown())
        .with_context(|| format!("stage {name} stopped reading {input}"))?;
    if let Some(spinner) = spinner {
        spinner.done();
    }
    Ok(totals)
}

/// How the states of a stage are saved, on any log.
fn snapshot_options(config: &Config, store: Arc<dyn SnapshotStore>) -> SnapshotOptions {
    SnapshotOptions { store, interval: config.state.snapshot_interval, records: SNAPSHOT_RECORDS, on_problem: log::warn }
}

/// Whether a stage that stands at these positions has read all of `inputs`.
fn is_at_end(log: &LocalLog, inputs: &[&str], mut position: impl FnMut(TopicPartition) -> anyhow::Result<Resume>) -> anyhow::Result<bool> {
    for (topic, name) in (0..).zip(inputs) {
        let (_, partitions) = log.topic(name)?;
        for partition in 0..partitions {
            let (first, end) = log.bounds(name, partition)?;
            let next_offset = match position(TopicPartition { topic, partition })? {
                Resume::Beginning => first,
                Resume::At(next_offset) => next_offset,
                Resume::Settle(_) => return Ok(false),
            };
            if next_offset != end {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
