//! Playhead: from players' events to resume positions, sessions and quality of service.
//!
#![doc = include_str!("../../ARCHITECTURE.md")]

use std::process::ExitCode;

mod answer;
mod audit;
mod cli;
mod cluster_trouble;
mod commands;
mod config;
mod data_folder;
mod dev;
mod doctor;
mod failure;
mod http_server;
mod log;
mod log_source;
mod observe;
mod owner;
mod progress;
mod service_quality;
mod shown;
mod signals;
mod snapshot_stores;
mod topology;

fn main() -> ExitCode {
    let outcome = cli::parse().and_then(|cli| commands::run(&cli));
    failure::exit_code(outcome, cli::failure_status())
}
