//! How long a partition stands still when a process is killed and started again, and when another process joins.
//!
//! The lanes are processes of their own with 200,000 live sessions, whose events come at 20,000 a second. Each lane says which partition it
//! has just been handed events of, and this process, which writes them, looks at the clock.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use e2e::Watch;
use kafka::{Cluster, LaneOptions};
use pipeline::Polled;

use super::Load;
use super::fill::Writer;
use super::scene::{PARTITIONS, Scene, playback, run_lane};
use crate::audience::POLLED;
use crate::measure::{Bar, Figure};

const LOAD: Load = Load { length: 20, live: 200_000, measured: 0 };
const EVENTS_A_SECOND: u64 = 20_000;
const RESTARTS: usize = 20;
/// From a kill to the first events that are handed out again, median, s.
const RESTART_BAR_S: f64 = 1.5;
/// The longest stall of a partition when another process joins, s.
const REBALANCE_BAR_S: f64 = 3.0;
/// A lane speaks of a partition at most so often.
const TELL_INTERVAL: Duration = Duration::from_millis(10);
/// Between two kills: at times that have nothing to do with when states are saved.
const RUNS_FOR: Duration = Duration::from_millis(7_300);
/// By then states have been saved.
const SETTLED: Duration = Duration::from_secs(40);

/// A kill, and a start at once, again and again.
pub(crate) fn restart() -> Vec<Figure> {
    let live = Live::new();
    let mut lane = live.lane("bench");
    live.wait_for_all();
    thread::sleep(SETTLED);
    let mut stalls = Vec::new();
    for _ in 0..RESTARTS {
        thread::sleep(RUNS_FOR);
        lane.kill();
        let killed = Instant::now();
        lane = live.lane("bench");
        live.wait_for_all();
        stalls.push(killed.elapsed().as_secs_f64());
    }
    stalls.sort_by(f64::total_cmp);
    let what = "from kill -9 to new events in every partition, 200,000 live sessions, 20,000 events/s";
    vec![
        Figure::plain(&format!("{what}, median of {RESTARTS}"), stalls[RESTARTS / 2], "s", Some(Bar::AtMost(RESTART_BAR_S))),
        Figure::plain(&format!("{what}, longest"), stalls[RESTARTS - 1], "s", None),
    ]
}

/// A third process joins two.
pub(crate) fn rebalance() -> Vec<Figure> {
    let live = Live::new();
    let _lanes = [live.lane("one"), live.lane("two")];
    live.wait_for_all();
    thread::sleep(SETTLED);
    live.forget();
    let _third = live.lane("three");
    thread::sleep(SETTLED / 2);
    let name = "longest stall of a partition when a third process joins two, 200,000 live sessions, 20,000 events/s";
    vec![
        Figure::plain(name, live.longest_stall().as_secs_f64(), "s", Some(Bar::AtMost(REBALANCE_BAR_S))),
        Figure::plain("processes that had a partition meanwhile", live.seen().processes.len() as f64, "", Some(Bar::AtLeast(3.0))),
    ]
}

/// `--lane BROKERS PREFIX INSTANCE SNAPSHOTS`: one lane, until it is killed.
pub(crate) fn lane(brokers: &str, prefix: &str, instance: &str, snapshots: &str) {
    let cluster = Cluster { prefix: prefix.to_owned(), ..Cluster::new(brokers) };
    let options = LaneOptions::new(cluster, "playback", instance, 0);
    run_lane(options, PathBuf::from(snapshots), Tell { told: [None; PARTITIONS as usize] }, false);
}

/// Says on standard output which partition events came of.
struct Tell {
    told: [Option<Instant>; PARTITIONS as usize],
}

impl Watch for Tell {
    fn polled(&mut self, polled: &Polled<'_>) {
        let Polled::Batch(batch) = polled else { return };
        let told = &mut self.told[batch.source.partition as usize];
        if batch.records.is_empty() || told.is_some_and(|told| told.elapsed() < TELL_INTERVAL) {
            return;
        }
        *told = Some(Instant::now());
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", batch.source.partition).and_then(|()| out.flush()).expect("whoever started this reads it");
    }
}

/// Events that keep coming, and what the lanes say of them.
struct Live {
    snapshots: PathBuf,
    told: Sender<(u32, usize)>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
    /// Last, for its topics go with it.
    scene: Scene,
}

#[derive(Default)]
struct Seen {
    /// By partition: when events of it were handed out last.
    last: [Option<Instant>; PARTITIONS as usize],
    longest: Duration,
    processes: BTreeSet<u32>,
}

impl Live {
    fn new() -> Self {
        let scene = Scene::filled(LOAD);
        let (told, heard) = channel();
        let seen = Arc::<Mutex<Seen>>::default();
        let watch = Arc::clone(&seen);
        thread::spawn(move || listen(&heard, &watch));
        let stop = Arc::new(AtomicBool::new(false));
        let (cluster, stopped) = (scene.cluster().clone(), Arc::clone(&stop));
        let writer = Some(thread::spawn(move || write(cluster, &stopped)));
        let snapshots = std::env::temp_dir().join(format!("playhead-bench-{}", std::process::id()));
        Self { snapshots, told, seen, stop, writer, scene }
    }

    fn lane(&self, instance: &str) -> Lane {
        let cluster = self.scene.cluster();
        let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
            .args(["--lane", &cluster.brokers, &cluster.prefix, instance])
            .arg(&self.snapshots)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let (told, process) = (self.told.clone(), child.id());
        thread::spawn(move || {
            let partitions = lines.map_while(Result::ok).filter_map(|line| line.parse().ok());
            partitions.map(|partition| (process, partition)).try_for_each(|line| told.send(line))
        });
        Lane(child)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stalls and processes that were seen before count no more.
    fn forget(&self) {
        let mut seen = self.seen();
        *seen = Seen { last: seen.last, ..Seen::default() };
    }

    /// Until events of every partition have been handed out, from now on.
    fn wait_for_all(&self) {
        let since = Instant::now();
        while self.seen().last.iter().any(|last| last.is_none_or(|last| last < since)) {
            assert!(since.elapsed() < Duration::from_secs(120), "the lanes get no events");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn longest_stall(&self) -> Duration {
        let seen = self.seen();
        let lasting = seen.last.iter().flatten().map(Instant::elapsed).max().unwrap_or_default();
        seen.longest.max(lasting)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            // It has said so itself where it broke down.
            _ = writer.join();
        }
        // Of no use to anybody; where it stays, it only takes room.
        _ = std::fs::remove_dir_all(&self.snapshots);
    }
}

fn listen(heard: &Receiver<(u32, usize)>, seen: &Mutex<Seen>) {
    while let Ok((process, partition)) = heard.recv() {
        let now = Instant::now();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stall = seen.last[partition].map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        seen.longest = seen.longest.max(stall);
        seen.last[partition] = Some(now);
        seen.processes.insert(process);
    }
}

/// The audience goes on where the filling has left it.
fn write(cluster: Cluster, stop: &AtomicBool) {
    let mut writer = Writer::new(cluster, playback().1);
    let mut audience = LOAD.audience();
    let mut polled = Vec::new();
    (0..LOAD.events() / POLLED as u64).for_each(|_| audience.poll(&mut polled));
    let (began, mut written) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        (0..4).for_each(|_| writer.push(&mut audience));
        writer.commit();
        written += 4 * POLLED as u64;
        let due = Duration::from_micros(written * 1_000_000 / EVENTS_A_SECOND);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
}

/// A lane in a process of its own, which ends with this.
struct Lane(Child);

impl Lane {
    fn kill(&mut self) {
        self.0.kill().expect("a child can be killed");
        self.0.wait().expect("a child can be waited for");
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Killed already where the measurement did so.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
