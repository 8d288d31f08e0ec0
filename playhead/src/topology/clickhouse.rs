//! playback_events.clean, qos_session_summary, titles, profiles -> ClickHouse; and what ClickHouse derives from them.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context as _;
use pipeline::local::LocalLane;
use pipeline::{LogTimeRule, Resume, Shutdown, SinkOptions, run_sink};
use schemas::SchemaSource;
use sink_clickhouse::{ClickHouseSink, Client, INPUTS, MigrationError, Recomputer, check, migrate};

use super::{RETRY_INTERVAL, Stage, Until, is_at_end};
use crate::config::Config;
use crate::data_folder::DataFolder;

/// Each input partition is fed by one partition only.
pub(super) const LOG_TIMES: [LogTimeRule; INPUTS.len()] = [const { LogTimeRule::Records }; INPUTS.len()];

/// Brings ClickHouse up to date with a folder. Its tables are made where they are not there.
pub(super) fn run(folder: &DataFolder, config: &Config, until: &Until<'_>) -> anyhow::Result<()> {
    let name = Stage::ClickHouse.name();
    let mut position = |source: pipeline::TopicPartition| {
        let committed = folder.log.committed(name, INPUTS[usize::from(source.topic)], source.partition)?;
        Ok(match committed {
            None => Resume::Beginning,
            Some(committed) if committed.metadata.is_empty() => Resume::At(committed.next_offset),
            Some(committed) => Resume::Settle(committed.next_offset..committed.next_offset + 1),
        })
    };
    let client = config.clickhouse.client()?;
    let recomputer = Recomputer::new(client.clone(), &name_of(folder)?);
    let is_done = until.is_end() && is_at_end(&folder.log, &INPUTS, &mut position)?;
    if !is_done {
        let spinner = until.spinner(name);
        let shutdown = until.shutdown();
        if !tables(&client, &shutdown, until.is_end(), migrate_quietly)? {
            return Ok(());
        }
        let is_end = until.is_end();
        if is_end {
            // A run that was killed may have left inserts waiting for what it was at.
            recomputer.run(&shutdown).context("what is derived in ClickHouse was not made again")?;
        }
        let options = SinkOptions {
            flush_interval: config.clickhouse.flush_interval,
            retry_interval: RETRY_INTERVAL,
            // What a command on one machine lacks, it will not get by waiting.
            on_unavailable: if is_end { |_| ControlFlow::Break(()) } else { |_| ControlFlow::Continue(()) },
            stop_when_caught_up: is_end,
            log_times: LOG_TIMES.to_vec(),
            observer: until.observer(),
        };
        let mut sink = ClickHouseSink::new(client.clone(), &(Arc::clone(&folder.registry) as Arc<dyn SchemaSource>));
        let mut lane = LocalLane::new(&folder.log, name, &INPUTS, &[])?;
        run_sink(&mut sink, &mut lane, &options, &shutdown).context("ClickHouse was not brought up to date")?;
        if let Some(spinner) = spinner {
            spinner.done();
        }
    }
    if until.is_end() {
        let recomputed = recomputer.run(&until.shutdown());
        // Of what nothing was added to, it can wait.
        if !is_done {
            recomputed.context("what is derived in ClickHouse was not made again")?;
        }
    }
    Ok(())
}

fn migrate_quietly(client: &Client) -> Result<(), MigrationError> {
    migrate(client).map(drop)
}

/// Waits until the tables are as they must be, unless `is_hasty`. False where a stop was asked for meanwhile.
pub(super) fn tables(
    client: &Client,
    shutdown: &Shutdown,
    is_hasty: bool,
    ready: impl Fn(&Client) -> Result<(), MigrationError>,
) -> anyhow::Result<bool> {
    loop {
        match ready(client) {
            Ok(()) => return Ok(true),
            Err(error) if error.is_unavailable() && !is_hasty => {
                tracing::warn!("{error}; asking again");
                if shutdown.wait(RETRY_INTERVAL) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// As [`tables`], for processes that are not to change them.
pub(super) fn checked(client: &Client, shutdown: &Shutdown) -> anyhow::Result<bool> {
    tables(client, shutdown, false, check)
}

/// By this name a folder's lease is known: that of its log, which one process has at a time.
///
/// # Errors
/// Where the log can't be asked.
pub(crate) fn name_of(folder: &DataFolder) -> anyhow::Result<String> {
    Ok(format!("folder-{}", folder.log.topic(INPUTS[0])?.0))
}

/// Makes again what is marked, now and then, until a stop is asked for, under a name that is the same after a restart. A ClickHouse that does
/// not answer is asked again.
///
/// # Errors
/// Where no client can be made of the settings.
pub(crate) fn recompute_until(config: &Config, name: &str, shutdown: &Shutdown) -> anyhow::Result<()> {
    let recomputer = Recomputer::new(config.clickhouse.client()?, name);
    while !shutdown.wait(config.clickhouse.recompute_interval) {
        match recomputer.run(shutdown) {
            Ok(_) => {}
            // Before the tables are there.
            Err(error) if matches!(error.code(), Some(60 | 81)) => {}
            Err(error) => tracing::warn!("what is derived in ClickHouse was not made again: {error}"),
        }
    }
    Ok(())
}
