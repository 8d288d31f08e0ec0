//! What stands beside the stages for metrics.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Clickhouse {
    /// Serve ClickHouse's engine over ClickHouse's HTTP interface
    #[command(after_help = "Examples:
  playhead clickhouse server
  playhead --data mine clickhouse server --port 8124
  playhead clickhouse server --listen 0.0.0.0 --users users.toml
  curl -sS http://127.0.0.1:8123 -d 'SELECT version()'

This is ClickHouse's own engine (libchdb, which make setup brings), in one process, over DIR/clickhouse. Clients and dashboards that speak to \
ClickHouse over HTTP speak to it. It is no cluster and has no native port, no query log and no external tables; statements that would reach \
beyond the tables (file(), url(), s3(), INTO OUTFILE and the like) are for owners alone. Ctrl-C or SIGTERM ends it.

Without --users everybody on this machine is `default`, who may do all that stays within the tables; so it listens on loopback only then. A \
file of users:
  [users.sink]
  rights = \"write\"                 # read, write, or owner: files and network too
  password_sha256 = \"...\"          # or password = \"...\"")]
    Server(ClickhouseServer),
    /// Bring ClickHouse's tables, views and dictionaries to this program's version
    #[command(after_help = "Examples:
  PLAYHEAD_CLICKHOUSE_URL=http://127.0.0.1:8123 playhead clickhouse migrate
  playhead --config production.toml clickhouse migrate --json

Each step is applied once and noted with its checksum; run again, there is nothing to do. One that was applied in another form, steps of a newer \
program, and columns, engines and views that were changed by hand are refused by name. Dictionaries are made anew each time.")]
    Migrate,
}

#[derive(Debug, Args)]
pub(crate) struct ClickhouseServer {
    /// The port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8123)]
    pub(crate) port: u16,
    /// The address; one that others reach takes --users
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,
    /// Who may ask, and what for
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Statements that run at once; more wait
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = super::at_least_one::<usize>)]
    pub(crate) max_queries: usize,
    /// What the engine may take, MiB; statements beyond it fail
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = super::at_least_one::<u64>)]
    pub(crate) max_memory_mib: u64,
}
