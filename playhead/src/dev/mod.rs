//! Everything in one process: the stages, each on a thread of its own, and an HTTP server in front of them.
//!
//! Only [`http`] is asynchronous. What stops one part stops all: a stage that fails must not leave a server that goes on taking events.

mod engine;
mod feed;
mod http;
mod live;
mod stop;

use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle, scope};

use anyhow::{Context as _, bail};
use pipeline::local::LocalLane;
use pipeline::{OutputTopic, Spread};
use producers::gateway::{IntakeQueue, RequestOptions, intake, run_intake};
use producers::ingest::{RawTopic, outputs};
use producers::run_heartbeats;
use schemas::SchemaSource as _;
use schemas::registry::value_subject;

use crate::answer::Answer;
use crate::commands::now_ms;
use crate::config::Config;
use crate::data_folder::{DataFolder, OwnerFile};
use crate::failure::Verdict;
use crate::log;
use crate::observe::{PartitionEnds, Watch, watch_ends};
use crate::topology::{Stage, name_of, recompute_until};
use engine::Engine;
use live::Live;
use stop::Stop;

/// Requests that may wait for the log.
const INTAKE_REQUESTS: usize = 64;

/// By this name the heartbeats of this process are known.
const WRITER: &str = "dev";

/// Runs until a signal, or until a part fails.
///
/// # Errors
/// Where the folder can't be opened, the address can't be had, or a part fails.
pub(crate) fn run(config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let watch = Watch::new()?;
    let folder = Arc::new(DataFolder::open_or_create(&config.data)?);
    let schema_id = folder.registry.register(&value_subject(RawTopic::PlaybackEvents.name()), RawTopic::PlaybackEvents.schema())?;
    let server = http::Server::bind(config.listen)?;
    let owner = OwnerFile::of_this_process(server.address()?)?;
    let _published = owner.publish(&config.data)?;
    let (intake, queue) = intake(INTAKE_REQUESTS);
    let live = Arc::new(Live::default());
    let requests = RequestOptions { topic: RawTopic::PlaybackEvents, schema_id, late_horizon_ms: config.playback.late_horizon_ms };
    let engine = Engine::start(config)?;
    let config = &match engine.url() {
        Some(url) => Config { clickhouse: config.clickhouse.clone().at(url), ..config.clone() },
        None => config.clone(),
    };
    let app =
        http::App::new(Arc::clone(&folder), config.clone(), owner.clone(), (intake, requests), Arc::clone(&live), Arc::clone(&watch))?;
    announce(&owner, &engine, config, answer)?;
    // What keeps it from starting is the one plain line of other commands.
    log::start(&config.log);

    let stop = Stop::default();
    scope(|threads| {
        let parts = start(threads, &folder, config, &live, queue, &watch, &stop);
        // The app goes either way, and the intake's thread ends with it.
        match &parts {
            Ok(_) => server.serve(app, &stop),
            Err(_) => drop(app),
        }
        // Also where the threads did not all start.
        stop.request();
        let ended: Vec<anyhow::Result<()>> = parts?.into_iter().map(join).collect();
        ended.into_iter().collect::<anyhow::Result<()>>()
    })?;
    engine.end();
    Ok(Verdict::Well)
}

fn announce(owner: &OwnerFile, engine: &Engine, config: &Config, answer: &mut Answer) -> anyhow::Result<()> {
    if answer.is_json {
        let (url, process_id, clickhouse_url) = (owner.url(), owner.process_id, engine.url());
        answer.json(&serde_json::json!({"url": url, "process_id": process_id, "data": config.data, "clickhouse_url": clickhouse_url}))?;
    } else {
        if let Some(line) = engine.line() {
            answer.line(&line)?;
        }
        answer.line(&format!("Playhead is up at {} (data in {}); Ctrl-C ends it", owner.url(), config.data.display()))?;
    }
    answer.flush()?;
    Ok(())
}

type Part<'s> = (&'static str, ScopedJoinHandle<'s, anyhow::Result<()>>);

/// What a thread does, until it is asked to stop.
type Work = Box<dyn FnOnce(&Stop) -> anyhow::Result<()> + Send>;

/// Starts every part but the server.
fn start<'s>(
    threads: &'s Scope<'s, '_>,
    folder: &Arc<DataFolder>,
    config: &Config,
    live: &Arc<Live>,
    queue: IntakeQueue,
    watch: &Arc<Watch>,
    stop: &Stop,
) -> anyhow::Result<Vec<Part<'s>>> {
    let mut parts = Vec::new();
    let mut begin = |name: &'static str, work: Work| -> anyhow::Result<()> {
        let stop = stop.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn_scoped(threads, move || {
            // However it ends, and be it by a panic.
            let _stops_all = stop.when_dropped();
            work(&stop)
        });
        parts.push((name, thread.with_context(|| format!("cannot start the thread of {name}"))?));
        Ok(())
    };
    for stage in Stage::of_folder(config) {
        let watch = watch.lane(stage.name(), 0, stage.inputs());
        let (folder, config) = (Arc::clone(folder), config.clone());
        let work = move |stop: &Stop| {
            let _said_of = tracing::error_span!("stage", stage = stage.name()).entered();
            let ended = stage.run(&folder, &config, &stop.shutdown, &watch);
            watch.ended(&ended);
            ended
        };
        begin(stage.name(), Box::new(work))?;
    }
    if config.clickhouse.is_set() {
        let (config, name) = (config.clone(), name_of(folder)?);
        begin("clickhouse recompute", Box::new(move |stop| recompute_until(&config, &name, &stop.shutdown)))?;
    }
    let (of_ends, watch) = (Arc::clone(folder), Arc::clone(watch));
    let ends = move |stop: &Stop| {
        watch_ends(&watch, &stop.shutdown, |partitions| ends_of(&of_ends, partitions));
        Ok(())
    };
    begin("ends", Box::new(ends))?;
    let of_heartbeats = Arc::clone(folder);
    begin("heartbeats", Box::new(move |stop| write_heartbeats(&of_heartbeats, stop)))?;
    let of_intake = Arc::clone(folder);
    begin("intake", Box::new(move |_| write_events(&of_intake, &queue)))?;
    let (of_feed, live) = (Arc::clone(folder), Arc::clone(live));
    begin("live sessions", Box::new(move |stop| feed::run(&of_feed, &live, &stop.shutdown)))?;
    Ok(parts)
}

fn join((name, thread): Part<'_>) -> anyhow::Result<()> {
    match thread.join() {
        Ok(ended) => ended,
        // The panic itself has been printed.
        Err(_) => bail!("{name} broke down"),
    }
}

/// On a local log everything is committed.
fn ends_of(folder: &DataFolder, partitions: &[(&str, u32)]) -> anyhow::Result<Vec<PartitionEnds>> {
    let end = |&(topic, partition): &(&str, u32)| {
        let (_, end) = folder.log.bounds(topic, partition)?;
        Ok(PartitionEnds { topic: topic.to_owned(), partition, committed: end, all: end })
    };
    partitions.iter().map(end).collect()
}

/// Ends when the server is gone, and with it whoever hands over events.
fn write_events(folder: &DataFolder, queue: &IntakeQueue) -> anyhow::Result<()> {
    let topics = outputs(RawTopic::PlaybackEvents, folder.partitions(RawTopic::PlaybackEvents.name())?);
    let mut lane = LocalLane::new(&folder.log, "gateway", &[], &topics)?;
    run_intake(queue, &mut lane, &topics).context("events can't be written")
}

fn write_heartbeats(folder: &DataFolder, stop: &Stop) -> anyhow::Result<()> {
    let topic = |topic: RawTopic| -> anyhow::Result<OutputTopic> {
        Ok(OutputTopic { name: topic.name().to_owned(), partitions: folder.partitions(topic.name())?, spread: Spread::Unmarked })
    };
    let topics = RawTopic::ALL.into_iter().map(topic).collect::<anyhow::Result<Vec<_>>>()?;
    let mut lane = LocalLane::new(&folder.log, WRITER, &[], &topics)?;
    // A clock that is put out of order on the way is found out by whoever receives an event.
    run_heartbeats(&mut lane, &topics, WRITER, &|| now_ms().unwrap_or_default(), &stop.shutdown).context("heartbeats can't be written")
}
