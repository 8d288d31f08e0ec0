//! kill -9 at random moments of a command that appends and runs the stages, and whatever then becomes of the saved states: started again
//! until it is done, it comes to what a run comes to that nobody disturbed.
//!
//! `PLAYHEAD_KILLS` says how many kills each command gets; a few without it.

mod command;
mod import;
mod outcome;
mod phase;
mod simulate;
mod snapshots;

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pipeline::testing::Seeded;

use crate::support::Folder;
use command::Killed;
use outcome::Outcome;
use phase::{Phase, Stages};
use snapshots::Fate;

const KILLS: u64 = 8;
/// With so many, some must hit each phase, the writing of a state, and saved states that are then damaged.
const ENOUGH_FOR_ALL: u64 = 100;
/// A folder gets at most so many, then it may finish.
const MOST_KILLS_OF_A_FOLDER: u64 = 4;

/// Where states are saved at each commit, a kill waits for one of so many of them.
const SNAPSHOTS_AWAITED: u64 = 24;

/// How often states are saved, and what becomes of them before each start. With one saved at each commit, kills land between the closing of
/// a session and the next saved state, and while one is written.
const VARIANTS: [(&str, Fate); 6] = [
    ("0s", Fate::OneDamaged),
    ("3m", Fate::Deleted),
    ("0s", Fate::Kept),
    ("3m", Fate::AllDamaged),
    ("0s", Fate::Deleted),
    ("3m", Fate::Kept),
];

/// What the kills hit.
#[derive(Debug, Default)]
struct Tally {
    folders: u64,
    by_phase: BTreeMap<Phase, u64>,
    /// While a state was being written.
    in_snapshots: u64,
    /// Files of saved states that were deleted or damaged.
    tampered: u64,
}

impl Tally {
    fn landed(&self) -> u64 {
        self.by_phase.values().sum()
    }

    #[expect(clippy::print_stderr, reason = "the figures of a long run are for whoever runs it")]
    fn show(&self, what: &str) {
        eprintln!("{what}: {} kills in {} folders: {self:?}", self.landed(), self.folders);
    }
}

/// Runs `command` once undisturbed with each interval, then in folder after folder where it is killed.
fn survives(command: &Killed, seed: u64) {
    let kills: u64 = std::env::var("PLAYHEAD_KILLS").map_or(KILLS, |kills| kills.parse().expect("PLAYHEAD_KILLS is a number"));
    let undisturbed = Folder::new();
    let mut whole_us = BTreeMap::new();
    whole_us.insert("3m", took_us(|| run_to_end(command, &undisturbed, "3m")));
    let expected = Outcome::of(&undisturbed);
    let stages = Stages::of(&undisturbed);
    assert!(!snapshots::files(&undisturbed).is_empty(), "states are saved when a run ends");
    let often = Folder::new();
    whole_us.insert("0s", took_us(|| run_to_end(command, &often, "0s")));
    expected.assert_is(&Outcome::of(&often), "with states saved at each commit");

    let mut random = Seeded::new(seed);
    let mut tally = Tally::default();
    for (number, (interval, fate)) in (0_u64..).zip(VARIANTS.into_iter().cycle()) {
        if tally.landed() >= kills {
            break;
        }
        let folder = Folder::new();
        tally.folders += 1;
        for _ in 0..=random.below(MOST_KILLS_OF_A_FOLDER) {
            let mut process = start(command, &folder, interval);
            if interval == "0s" && random.below(2) == 0 {
                wait_for_snapshot(&mut process, &folder, random.below(SNAPSHOTS_AWAITED));
            } else {
                thread::sleep(moment(&mut random, whole_us[interval]));
            }
            process.kill().unwrap();
            if process.wait().unwrap().code().is_some() {
                break;
            }
            *tally.by_phase.entry(stages.phase(&folder)).or_default() += 1;
            tally.in_snapshots += u64::from(snapshots::is_one_being_written(&folder));
            tally.tampered += fate.befall(&folder, &mut random);
        }
        let what = format!("folder {number}, states saved each {interval} and {fate:?}");
        let said = folder.run(&command.with_interval(interval));
        assert_eq!(said.code, 0, "{what}: {said:?}");
        let audited = folder.run(command.audit);
        assert_eq!(audited.code, 0, "{what}: {audited:?}");
        expected.assert_is(&Outcome::of(&folder), &what);
    }
    tally.show(&command.args[0]);
    if kills >= ENOUGH_FOR_ALL {
        assert!(tally.in_snapshots > 0 && tally.tampered > 0, "{tally:?}");
        assert!(Phase::ALL.iter().all(|phase| tally.by_phase.contains_key(phase)), "{tally:?}");
    }
}

fn run_to_end(command: &Killed, folder: &Folder, interval: &str) {
    folder.well(&command.with_interval(interval));
}

fn took_us(run: impl FnOnce()) -> u64 {
    let started = Instant::now();
    run();
    u64::try_from(started.elapsed().as_micros()).unwrap()
}

fn start(command: &Killed, folder: &Folder, interval: &str) -> Child {
    let mut process = folder.command(&command.with_interval(interval));
    process.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Returns while a state is being written, after so many others, or when the process has ended.
fn wait_for_snapshot(process: &mut Child, folder: &Folder, mut others: u64) {
    let mut was_one_written = false;
    while process.try_wait().unwrap().is_none() {
        let is_one_written = snapshots::is_one_being_written(folder);
        if is_one_written && !was_one_written {
            if others == 0 {
                return;
            }
            others -= 1;
        }
        was_one_written = is_one_written;
    }
}

/// A moment, not a wait for anything: whatever the process is doing then, it dies. Appending takes the first part of the time, and gets its
/// share.
fn moment(random: &mut Seeded, whole_us: u64) -> Duration {
    let within_us = if random.below(2) == 0 { whole_us / 4 } else { whole_us };
    Duration::from_micros(random.below(within_us))
}
