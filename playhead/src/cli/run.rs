//! What runs the stages.

use clap::{Args, ValueEnum};

/// A stage that runs on Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProcessStage {
    /// playback_events -> sessions, quality of service, progress
    Playback,
    /// viewing_progress -> resume positions
    Profile,
}

#[derive(Debug, Args)]
pub(crate) struct Process {
    /// The stage
    #[arg(value_enum)]
    pub(crate) stage: ProcessStage,
    /// The cluster [default: kafka.brokers]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// The schema registry [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// Which process of the stage this is: another in each, the same after a restart [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Threads, each with partitions of its own [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) lanes: Option<String>,
    /// End when all input has been read, instead of waiting for more
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    /// Where /metrics, /healthz and /readyz are: an address and a port, or off [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

/// A store that is written to from Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SinkStore {
    /// playback_events.clean, qos_session_summary, titles, profiles -> ClickHouse
    Clickhouse,
}

#[derive(Debug, Args)]
pub(crate) struct Sink {
    /// The store
    #[arg(value_enum)]
    pub(crate) store: SinkStore,
    /// The cluster [default: kafka.brokers]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// The schema registry [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// Which process of the sink this is: another in each, the same after a restart [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Threads, each with partitions of its own [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) lanes: Option<String>,
    /// End when all input has been written, instead of waiting for more
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    /// Where /metrics, /healthz and /readyz are: an address and a port, or off [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// What a command that runs on says meanwhile, on standard error.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// How: human, json, or auto: human on a terminal [default: auto]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// From which level on: error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// What the stages are told that a command runs.
#[derive(Debug, Args)]
pub(crate) struct Stages {
    /// How often the state of each partition is saved, as in 3m; 0s: at each commit [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) snapshot_interval: Option<String>,
    /// Where it is saved: a folder, or s3://bucket/prefix [default: in the data folder]
    #[arg(long, value_name = "PLACE")]
    pub(crate) snapshots: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Where to listen: a loopback address and a port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(flatten)]
    pub(crate) stages: Stages,
}
