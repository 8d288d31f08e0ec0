//! One lane in a process of its own, which tests kill, stop and replace: `playhead-e2e-lane BROKERS PREFIX INSTANCE COMMIT_RECORDS [wait]`.
//!
//! Ends at the end of the input, or with `wait` when its standard input ends. Says why on standard error where it fails.
#![expect(clippy::print_stderr, reason = "a program for tests, which read what it says")]

use std::io::Read as _;
use std::process::ExitCode;
use std::thread;

use e2e::{PARTITIONS, RunArguments, Stage, lane_options};
use kafka::Cluster;
use pipeline::Shutdown;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, prefix, instance, commit_records, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: playhead-e2e-lane BROKERS PREFIX INSTANCE COMMIT_RECORDS [wait]");
        return ExitCode::from(2);
    };
    let waits = !rest.is_empty();
    let run =
        RunArguments { commit_records: commit_records.parse().unwrap_or(500), stop_when_caught_up: !waits, ..RunArguments::default() };
    let shutdown = Shutdown::default();
    if waits {
        let shutdown = shutdown.clone();
        thread::spawn(move || {
            _ = std::io::stdin().read_to_end(&mut Vec::new());
            shutdown.request();
        });
    }
    let mut stage = Stage::new(PARTITIONS);
    let cluster = Cluster { prefix: prefix.clone(), ..Cluster::new(brokers) };
    let lane = stage.lane(lane_options(cluster, instance, true)).map_err(|error| error.to_string());
    match lane.and_then(|mut lane| stage.run(&mut lane, &run, &shutdown).map_err(|error| error.to_string())) {
        Ok(totals) => {
            eprintln!("{totals:?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
