//! Viewers' events, made up while the campaign goes on, so many a second, until there are enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka::{Cluster, KafkaLane, LaneOptions, Membership};
use producers::simulate::{INPUTS, Settings, SimulateOptions, Simulation, group, latest_start_ms, outputs};

use crate::scene::NoTruth;
use crate::watched::{Watch, Watched};

/// How long nothing may be written, however often it is tried. No fault lasts as long.
const PATIENCE: Duration = Duration::from_secs(180);
/// Records of a transaction.
const BATCH: usize = 500;

/// What is written, and how fast.
pub(super) struct Load {
    pub(super) seed: u64,
    pub(super) sessions: u32,
    pub(super) records_a_second: u64,
    pub(super) schema_id: u32,
    pub(super) partitions: u32,
}

/// The thread that writes.
pub(super) struct Writer {
    thread: JoinHandle<u64>,
    written: Arc<AtomicU64>,
    pace: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(cluster: Cluster, load: Load) -> Self {
        let written = Arc::new(AtomicU64::new(0));
        let pace = Arc::new(AtomicU64::new(load.records_a_second));
        let (counter, records_a_second) = (Arc::clone(&written), Arc::clone(&pace));
        let thread = thread::spawn(move || write(&cluster, &load, &Pace { records_a_second, began: Instant::now(), written: counter }));
        Self { thread, written, pace }
    }

    /// From now on as fast as it goes.
    pub(super) fn hurry(&self) {
        self.pace.store(u64::MAX, Ordering::Relaxed);
    }

    /// Records so far, those of open transactions and second tries among them.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Before all of it was written: that takes longer than the faults.
    pub(super) fn has_broken_down(&self) -> bool {
        self.thread.is_finished() && self.pace.load(Ordering::Relaxed) != u64::MAX
    }

    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Records of the whole run.
    pub(super) fn join(self) -> u64 {
        self.thread.join().expect("the writer does not break down")
    }
}

fn write(cluster: &Cluster, load: &Load, pace: &Pace) -> u64 {
    let rate = |share: f64| share.try_into().expect("a share");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_millis();
    let now_ms = i64::try_from(now).expect("milliseconds fit");
    let mut settings = Settings {
        seed: load.seed,
        start_ms: 0,
        sessions: load.sessions,
        duplicates: rate(0.05),
        disorder: rate(0.1),
        late: rate(0.02),
        lost: rate(0.01),
        poison: rate(0.01),
    };
    settings.start_ms = latest_start_ms(&settings, now_ms);
    let topics = outputs(load.partitions);
    let options = SimulateOptions { settings, now_ms, batch_records: BATCH, schema_id: load.schema_id };
    // The broker is killed under it too: what was cut off goes on where it stopped.
    let mut down_since = None;
    let mut written = 0;
    loop {
        let so_far = pace.written.load(Ordering::Relaxed);
        if so_far != written {
            (written, down_since) = (so_far, None);
        }
        let lane_options =
            LaneOptions { membership: Membership::Dynamic, ..LaneOptions::new(cluster.clone(), &group(&options.settings), "writer", 0) };
        let attempt = KafkaLane::writer(lane_options, &INPUTS, &topics).map_err(|error| error.to_string()).and_then(|lane| {
            let mut lane = Watched { log: lane, watch: pace };
            let simulation = Simulation::open(&mut lane, &topics, &options).map_err(|error| error.to_string())?;
            simulation.run(&mut NoTruth, &mut |_| {}).map_err(|error| error.to_string())
        });
        match attempt {
            Ok(report) => return report.totals.raw_records,
            // The broker is away: asked again until the campaign brings it back.
            Err(error) => {
                assert!(down_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE, "the input can't be written: {error}");
                thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

/// Lets a lane take its time.
struct Pace {
    records_a_second: Arc<AtomicU64>,
    began: Instant,
    written: Arc<AtomicU64>,
}

impl Watch for &Pace {
    fn sent(&mut self, records: usize) {
        let written = self.written.fetch_add(records as u64, Ordering::Relaxed) + records as u64;
        let due = Duration::from_millis(written * 1_000 / self.records_a_second.load(Ordering::Relaxed));
        thread::sleep(due.saturating_sub(self.began.elapsed()));
    }
}
