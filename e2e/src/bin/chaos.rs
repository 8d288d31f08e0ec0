//! The campaign: `playhead-chaos [--faults N] [--sessions N] [--rate EVENTS_A_SECOND] [--seed N] [--folder DIR]`.
//!
//! Takes the `playhead` beside it. Exit status 1 where anything is wrong at the end; the folder then stays for a look at it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that tells what it does")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use e2e::chaos::{Campaign, Settings};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, default: u64| value(name).map_or(Some(default), |text| text.parse().ok());
    let numbers =
        [("--faults", 317), ("--sessions", 18_500), ("--rate", 2_500), ("--seed", 1)].map(|(name, default)| number(name, default));
    let [Some(faults), Some(sessions), Some(records_a_second), Some(seed)] = numbers else {
        eprintln!("usage: playhead-chaos [--faults N] [--sessions N] [--rate EVENTS_A_SECOND] [--seed N] [--folder DIR]");
        return ExitCode::from(2);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs();
    let folder = value("--folder").map_or_else(|| std::env::temp_dir().join(format!("playhead-chaos-{now}")), PathBuf::from);
    let program = std::env::current_exe().expect("the path of this program").with_file_name("playhead");
    let settings = Settings {
        program,
        folder: folder.clone(),
        seed,
        faults: faults as usize,
        sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
        records_a_second,
    };
    let verdict = Campaign::prepare(settings).run(&mut |line| println!("{line}"));
    print!("{verdict}");
    if verdict.is_good() {
        // What could not be deleted does no harm.
        _ = std::fs::remove_dir_all(&folder);
        return ExitCode::SUCCESS;
    }
    println!("states and logs: {}", folder.display());
    ExitCode::FAILURE
}
