//! kill -9 of the sink's process and of the engine's, at random moments: every event is there once, and what is derived is equal to a
//! recomputation.
//!
//! `PLAYHEAD_KILLS` says how many each gets; a few without it.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pipeline::testing::Seeded;

use super::engine::Engine;
use super::stored::Expected;
use crate::support::Folder;

const KILLS: u64 = 6;
/// After so many the run may finish, and another begins in a database of its own.
const KILLS_OF_A_RUN: u64 = 6;

/// Brings ClickHouse up to date with a folder, and does little else.
const QUESTION: [&str; 1] = ["qos"];

fn kills() -> u64 {
    std::env::var("PLAYHEAD_KILLS").map_or(KILLS, |kills| kills.parse().expect("PLAYHEAD_KILLS is a number"))
}

/// A folder with viewings that are in no ClickHouse yet.
fn simulated(seed: &str) -> Folder {
    let folder = Folder::new();
    let mishandled = ["--duplicates", "5%", "--disorder", "10%", "--late", "2%"];
    folder.well(&[&["simulate", "--sessions", "150", "--seed", seed], &mishandled[..]].concat());
    folder
}

fn start(engine: &Engine, folder: &Folder) -> Child {
    engine.command(folder, &QUESTION).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Begins anew: the tables are dropped, and the positions of the sink are those of a folder that was never written.
fn anew(engine: &Engine, of: &Folder) -> Folder {
    engine.client().query_anywhere("DROP DATABASE IF EXISTS playhead SYNC").unwrap();
    let folder = Folder::new();
    of.well(&["backup", of.data().to_str().unwrap(), folder.data().to_str().unwrap()]);
    engine.well(&folder, &["clickhouse", "migrate"]);
    folder
}

fn whole_us(engine: &Engine, folder: &Folder) -> u64 {
    let started = Instant::now();
    engine.well(folder, &QUESTION);
    u64::try_from(started.elapsed().as_micros()).unwrap()
}

#[test]
fn of_the_sink() {
    let (engine, simulated) = (Engine::start(), simulated("21"));
    let expected = Expected::of(&simulated);
    let undisturbed = anew(&engine, &simulated);
    let whole_us = whole_us(&engine, &undisturbed);
    expected.assert_stored(&engine, "undisturbed");
    let (mut random, mut landed, mut run) = (Seeded::new(1), 0, 0);
    while landed < kills() {
        run += 1;
        let folder = anew(&engine, &simulated);
        for _ in 0..KILLS_OF_A_RUN {
            let mut sink = start(&engine, &folder);
            thread::sleep(Duration::from_micros(random.below(whole_us)));
            sink.kill().unwrap();
            if sink.wait().unwrap().code().is_some() {
                break;
            }
            landed += 1;
        }
        engine.well(&folder, &QUESTION);
        expected.assert_stored(&engine, &format!("run {run}, {landed} kills of the sink"));
    }
}

#[test]
fn of_the_engine() {
    let (mut engine, simulated) = (Engine::start(), simulated("22"));
    let expected = Expected::of(&simulated);
    let undisturbed = anew(&engine, &simulated);
    let whole_us = whole_us(&engine, &undisturbed);
    let (mut random, mut landed, mut run) = (Seeded::new(2), 0, 0);
    while landed < kills() {
        run += 1;
        let folder = anew(&engine, &simulated);
        for _ in 0..KILLS_OF_A_RUN {
            let mut sink = start(&engine, &folder);
            thread::sleep(Duration::from_micros(random.below(whole_us)));
            engine.kill();
            let ended = sink.wait().unwrap();
            engine.restart();
            if ended.success() {
                break;
            }
            landed += 1;
        }
        engine.well(&folder, &QUESTION);
        expected.assert_stored(&engine, &format!("run {run}, {landed} kills of the engine"));
    }
}
