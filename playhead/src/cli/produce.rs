//! What brings events.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use producers::simulate::Rate;

use super::{ClusterInstead, Stages, at_least_one, whole_number};

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import viewing activity: one row a view, plain or gzip
    #[command(after_help = "Examples:
  playhead import viewing-activity viewing_activity.csv.gz
  playhead import viewing-activity ViewingActivity.csv --received-time 2024-01-17T00:00:00Z
  playhead import viewing-activity export.csv --json
  playhead import viewing-activity export.csv --brokers kafka:9092 --registry http://registry:8081

Columns (any order): profile, start_time, duration, title, supplemental_type, autoplayed, device_type, bookmark, country; or those of \
Netflix's own export: Profile Name, Start Time, Duration, Title, Supplemental Video Type, Attributes, Device Type, Bookmark, Country. \
Rows that were imported before are passed over, so a second run or a longer export adds only what is new. One import at a time writes to a Kafka \
cluster: a second one stops the first. `playhead process` makes sessions of what it wrote.")]
    ViewingActivity(ViewingActivity),
}

#[derive(Debug, Args)]
pub(crate) struct ViewingActivity {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// When the rows are said to have been received: RFC 3339, a date or microseconds since 1970 [default: now]
    #[arg(long, value_name = "T")]
    pub(crate) received_time: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// The file, plain or gzip; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where the events go: playback_events, app_events or billing_events
    #[arg(long, default_value = "playback_events")]
    pub(crate) topic: String,
    /// When events that don't say so are said to have been received: RFC 3339, a date or microseconds since 1970 [default: now]
    #[arg(long, value_name = "T")]
    pub(crate) received_time: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// What everything random is drawn from
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole_number::<u64>)]
    pub(crate) seed: u64,
    /// How many sessions
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one::<u32>)]
    pub(crate) sessions: u32,
    /// Events that are delivered again, at once or hours later
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) duplicates: Rate,
    /// Events that are delivered after younger ones
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) disorder: Rate,
    /// Events that are delivered after their session has closed
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) late: Rate,
    /// Events that are never delivered
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) lost: Rate,
    /// Records that must be refused, on top of the events
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) poison: Rate,
    /// When the first viewer begins: RFC 3339, a date or microseconds since 1970 [default: so that the run has just ended, or as it was when the same
    /// was simulated first]
    #[arg(long, value_name = "T")]
    pub(crate) start: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}
