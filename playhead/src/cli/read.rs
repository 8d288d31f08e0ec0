//! What reads topics and stores.

use clap::Args;

use super::{at_least_one, whole_number};

#[derive(Debug, Args)]
pub(crate) struct Read {
    /// The topic
    pub(crate) topic: String,
    /// Only this partition
    #[arg(long, value_name = "N", value_parser = whole_number::<u32>)]
    pub(crate) partition: Option<u32>,
    /// From this offset on
    #[arg(long, value_name = "N", conflicts_with = "from_time", value_parser = whole_number::<i64>)]
    pub(crate) from_offset: Option<i64>,
    /// From the first record on whose timestamp is not before this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) from_time: Option<String>,
    /// At most so many records
    #[arg(long, value_name = "N", value_parser = at_least_one::<u64>)]
    pub(crate) limit: Option<u64>,
    /// Show the heartbeats too, by which log time goes on where nothing happens
    #[arg(long)]
    pub(crate) heartbeats: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
}

/// A Kafka cluster to turn to instead of the data folder.
#[derive(Debug, Args)]
pub(crate) struct ClusterInstead {
    /// Turn to this Kafka cluster instead of the data folder; without a value to that of kafka.brokers
    #[arg(long, value_name = "HOST:PORT,...", num_args = 0..=1, default_missing_value = "")]
    pub(crate) brokers: Option<String>,
    /// The schema registry of that cluster [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile_id: String,
    /// At most so many titles [default: 50, with --json all]
    #[arg(long, value_name = "N", value_parser = at_least_one::<usize>)]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct ContinueWatching {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile_id: String,
    /// At most so many titles
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one::<usize>)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile_id: String,
    /// Opened at or after this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<String>,
    /// Opened before this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<String>,
    /// At most so many sessions
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one::<usize>)]
    pub(crate) limit: usize,
    /// Go on behind the page before
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<String>,
    /// Previews instead of full plays: below 2 min of media, or flagged
    #[arg(long)]
    pub(crate) previews: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Session {
    /// The session
    #[arg(value_name = "ID")]
    pub(crate) session_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Qos {
    /// Only sessions opened at or after this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) since: Option<String>,
    /// A row for each of these
    #[arg(long, value_name = "DIMENSION", value_enum, value_delimiter = ',', default_value = "device_type,country")]
    pub(crate) by: Vec<Dimension>,
}

/// What QoS can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Dimension {
    DeviceType,
    Country,
    Cdn,
    Player,
    AppVersion,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Compare with what simulated viewers did, as DIR/truth/*.ndjson tells it
    #[arg(long)]
    pub(crate) truth: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
}

impl ClusterInstead {
    /// Whether it is the cluster's turn.
    pub(crate) const fn is_asked(&self) -> bool {
        self.brokers.is_some()
    }
}
