//! `playhead sink`

use std::time::Instant;

use pipeline::{Shutdown, SinkTotals};
use serde_json::json;

use crate::answer::Answer;
use crate::cli::{Sink, SinkStore};
use crate::config::Config;
use crate::failure::Verdict;
use crate::log;
use crate::observe::{MetricsServer, Watch};
use crate::shown::count;
use crate::signals;
use crate::topology::OnKafka;

pub(super) fn run(args: &Sink, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let SinkStore::Clickhouse = args.store;
    log::start(&config.log);
    let watch = Watch::new()?;
    let _server = config.metrics.listen.map(|address| MetricsServer::start(address, &watch)).transpose()?;
    let shutdown = Shutdown::default();
    signals::ask_to_end(&shutdown)?;
    let started = Instant::now();
    let totals = OnKafka { config, until_caught_up: args.until_caught_up, shutdown, watch }.run_clickhouse()?;
    let SinkTotals { records, flushes, retries } = totals;
    if answer.is_json {
        let seconds = started.elapsed().as_secs_f64();
        answer.json(&json!({"sink": "clickhouse", "records": records, "flushes": flushes, "retries": retries, "seconds": seconds}))?;
    } else {
        let (records, flushes, retries) = (count(records), count(flushes), count(retries));
        answer.line(&format!("{records} records in {flushes} flushes; {retries} times the store was not available"))?;
    }
    Ok(Verdict::Well)
}
