//! `playhead process`

use std::time::Instant;

use pipeline::{Shutdown, Totals};
use serde_json::json;

use crate::answer::Answer;
use crate::cli::{Process, ProcessStage};
use crate::config::Config;
use crate::failure::Verdict;
use crate::log;
use crate::observe::{MetricsServer, Watch};
use crate::shown::{count, counted};
use crate::signals;
use crate::topology::{OnKafka, Stage};

pub(super) fn run(args: &Process, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let stage = match args.stage {
        ProcessStage::Playback => Stage::Playback,
        ProcessStage::Profile => Stage::Profile,
    };
    log::start(&config.log);
    let watch = Watch::new()?;
    let _server = config.metrics.listen.map(|address| MetricsServer::start(address, &watch)).transpose()?;
    let shutdown = Shutdown::default();
    signals::ask_to_end(&shutdown)?;
    let started = Instant::now();
    let totals = OnKafka { config, until_caught_up: args.until_caught_up, shutdown, watch }.run(stage)?;
    let Totals { records, dropped, rejected, commits, lost_transactions, replayed } = totals;
    if answer.is_json {
        answer.json(&json!({
            "stage": stage.name(), "records": records, "duplicates": dropped, "dead_letters": rejected, "commits": commits,
            "lost_transactions": lost_transactions, "replayed": replayed, "seconds": started.elapsed().as_secs_f64(),
        }))?;
        return Ok(Verdict::Well);
    }
    answer.line(&format!(
        "{}, {}, {}; {}, {} lost; {} replayed at the start",
        counted(records, "record"),
        counted(dropped, "duplicate"),
        counted(rejected, "dead letter"),
        counted(commits, "transaction"),
        count(lost_transactions),
        counted(replayed, "record"),
    ))?;
    Ok(Verdict::Well)
}
