//! `playhead clickhouse server`

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clickhouse_engine::{Options, Server, Users};
use pipeline::Shutdown;
use serde_json::json;

use crate::answer::Answer;
use crate::cli::ClickhouseServer;
use crate::config::Config;
use crate::failure::Verdict;
use crate::log;
use crate::signals;

/// How long it is waited for the end before it is waited again.
const CALM: Duration = Duration::from_secs(3600);

pub(super) fn run(args: &ClickhouseServer, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let users = args.users.as_deref().map(Users::read).transpose().context("--users")?;
    let options = Options {
        users: users.unwrap_or_else(Users::of_this_machine),
        max_queries: args.max_queries,
        max_memory_bytes: args.max_memory_mib.saturating_mul(1 << 20),
        ..config.engine_options(SocketAddr::new(args.listen, args.port))
    };
    let shutdown = Shutdown::default();
    signals::ask_to_end(&shutdown)?;
    let server = Server::start(&options)?;
    // What kept it from starting was said in a plain line.
    log::start(&config.log);
    let (url, folder) = (format!("http://{}", server.address()), options.data.display());
    if answer.is_json {
        answer.json(&json!({ "url": url, "version": server.version(), "folder": options.data }))?;
    } else {
        answer.line(&format!("ClickHouse's engine {}, embedded in playhead, over {folder}", server.version()))?;
        answer.line(&format!("its HTTP interface: {url}; one process, no cluster, no native port. Ctrl-C ends it"))?;
    }
    answer.flush()?;
    while !shutdown.wait(CALM) {}
    server.shut_down();
    Ok(Verdict::Well)
}
