//! Measurements: events a CPU second, bytes a session.
//!
//! "Per core" is events divided by the CPU seconds (user + system) that this process spent on them, so another program on the machine
//! changes little. Each measurement runs in a fresh process, one after the other; the figures go to the table and, as JSON, to a file.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the purpose of this program")]

mod audience;
mod clickhouse;
mod closed;
mod decode;
mod event_source;
mod fold;
mod kafka;
mod local;
mod measure;
mod memory;
mod playback;
mod process;
mod report;
mod snapshot;

use std::process::{Command, ExitCode};

use measure::Figure;

/// One measurement: its name, and the function that makes its figures.
type Benchmark = (&'static str, fn() -> Vec<Figure>);

const BENCHMARKS: &[Benchmark] = &[
    ("decode", decode::run),
    ("fold-20", || fold::run(20)),
    ("fold-750", || fold::run(750)),
    ("playback-20", || playback::run(20, 200_000)),
    ("playback-750", || playback::run(750, 200_000)),
    ("playback-20-2M", || playback::run(20, 2_000_000)),
    ("process-20", || process::run(20, 200_000)),
    ("local", local::run),
    ("memory", memory::run),
    ("closed", closed::run),
    ("snapshot", snapshot::run),
    ("clickhouse-columns", clickhouse::columns),
];

/// Those that need a ClickHouse server, and are left out unless they are named.
const ON_CLICKHOUSE: &[Benchmark] = &[
    ("clickhouse-durable", clickhouse::durable),
    ("clickhouse-freshness", clickhouse::freshness),
    ("clickhouse-queries", clickhouse::queries),
];

/// Those that need a broker, and are left out unless they are named.
const ON_KAFKA: &[Benchmark] = &[
    ("kafka-librdkafka", kafka::librdkafka_pass_through),
    ("kafka-copy", kafka::pass_through),
    ("kafka-20", || kafka::processor(kafka::SHORT, 1)),
    ("kafka-20-2-lanes", || kafka::processor(kafka::SHORT, 2)),
    ("kafka-360", || kafka::processor(kafka::LONG, 1)),
    ("kafka-20-1M", || kafka::processor(kafka::MANY, 1)),
    ("kafka-restart", kafka::restart),
    ("kafka-rebalance", kafka::rebalance),
];

/// Each names all measurements of a kind.
const KAFKA: &str = "kafka";
const CLICKHOUSE: &str = "clickhouse";

const USAGE: &str = "\
Usage: playhead-bench [--json FILE] [NAME]...
       playhead-bench --list

Runs the named measurements, or all but those on Kafka (\"kafka\": all of them) and ClickHouse (\"clickhouse\"), prints a table and writes the figures to FILE as JSON.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--one", name] => run_one(name),
        ["--list"] => {
            benchmarks().for_each(|(name, _)| println!("{name}"));
            ExitCode::SUCCESS
        }
        ["--fill", brokers, prefix, numbers @ ..] => {
            let numbers: Vec<u64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
            kafka::fill(brokers, prefix, numbers.try_into().expect("four numbers"));
            ExitCode::SUCCESS
        }
        ["--lane", brokers, prefix, instance, snapshots] => {
            kafka::lane(brokers, prefix, instance, snapshots);
            ExitCode::SUCCESS
        }
        ["--json", file, names @ ..] => run_all(names, Some(file)),
        [first, ..] if first.starts_with('-') => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        names => run_all(names, None),
    }
}

/// One measurement in this process; its figures go to standard output as JSON, a line each.
fn run_one(name: &str) -> ExitCode {
    let Some((_, run)) = benchmarks().find(|(known, _)| *known == name) else {
        eprintln!("no measurement is called {name:?}; --list names them");
        return ExitCode::from(2);
    };
    for figure in run() {
        println!("{}", serde_json::to_string(&figure).expect("a figure is plain data"));
    }
    ExitCode::SUCCESS
}

fn benchmarks() -> impl Iterator<Item = &'static Benchmark> {
    BENCHMARKS.iter().chain(ON_KAFKA).chain(ON_CLICKHOUSE)
}

fn is_chosen(name: &str, names: &[&str]) -> bool {
    let is_one_of = |some: &[Benchmark]| some.iter().any(|(known, _)| *known == name);
    let kind = [(ON_KAFKA, KAFKA), (ON_CLICKHOUSE, CLICKHOUSE)].into_iter().find(|(some, _)| is_one_of(some)).map(|(_, kind)| kind);
    if names.is_empty() { kind.is_none() } else { names.contains(&name) || kind.is_some_and(|kind| names.contains(&kind)) }
}

fn run_all(names: &[&str], json_file: Option<&str>) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| ![KAFKA, CLICKHOUSE].contains(name) && !benchmarks().any(|(known, _)| known == *name)) {
        eprintln!("no measurement is called {unknown:?}; --list names them");
        return ExitCode::from(2);
    }
    let program = std::env::current_exe().expect("the path of this program");
    let mut figures: Vec<Figure> = Vec::new();
    for (name, _) in benchmarks().filter(|benchmark| is_chosen(benchmark.0, names)) {
        eprintln!("measuring {name} ...");
        let output = Command::new(&program).args(["--one", name]).output().expect("this program starts again");
        if !output.status.success() {
            eprintln!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
            return ExitCode::FAILURE;
        }
        let lines = String::from_utf8_lossy(&output.stdout);
        figures.extend(lines.lines().map(|line| serde_json::from_str::<Figure>(line).expect("a figure as printed above")));
    }
    report::derive_ratios(&mut figures);
    report::print(&figures);
    if let Some(file) = json_file {
        let json = serde_json::to_string_pretty(&figures).expect("figures are plain data");
        if let Err(error) = std::fs::write(file, json) {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
