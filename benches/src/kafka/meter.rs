//! When the measurement begins and ends, and what was spent in between.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::Watch;
use pipeline::Polled;

use super::cpu_of_both;
use super::scene::PARTITIONS;

/// What all lanes of a process report to.
pub(super) struct Meter {
    broker: u32,
    warm_up: u64,
    events: u64,
    read: AtomicU64,
    /// By partition: the offset after the last record that was counted. A record that waited for its schema is handed out again.
    next: [AtomicI64; PARTITIONS as usize],
    moments: Mutex<Moments>,
}

#[derive(Default)]
struct Moments {
    began: Option<Moment>,
    ended: Option<Moment>,
    commits: Vec<Duration>,
}

#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    client_cpu_s: f64,
    broker_cpu_s: f64,
    read: u64,
}

/// What was spent on so many events.
pub(super) struct Measured {
    pub(super) events: u64,
    pub(super) wall_s: f64,
    pub(super) client_cpu_s: f64,
    pub(super) broker_cpu_s: f64,
    /// In order.
    commits: Vec<Duration>,
}

impl Meter {
    /// Begins when `warm_up` of all `events` have been read.
    pub(super) fn new(broker: u32, warm_up: u64, events: u64) -> Self {
        Self { broker, warm_up, events, read: AtomicU64::new(0), next: Default::default(), moments: Mutex::default() }
    }

    /// So many records were read for the first time.
    pub(super) fn read(&self, records: u64) {
        let read = self.read.fetch_add(records, Ordering::Relaxed) + records;
        if read >= self.warm_up && read - records < self.warm_up {
            self.moments().began = Some(self.now(read));
        }
    }

    /// All that was read until now is committed.
    pub(super) fn committed(&self, took: Duration) {
        let read = self.read.load(Ordering::Relaxed);
        let mut moments = self.moments();
        if moments.began.is_some() {
            moments.commits.push(took);
        }
        if read == self.events {
            // Another lane may still have something to commit: the last one counts.
            moments.ended = Some(self.now(read));
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.moments().ended.is_some()
    }

    pub(super) fn measured(&self) -> Measured {
        let moments = self.moments();
        let read = self.read.load(Ordering::Relaxed);
        assert_eq!(read, self.events, "each event is read once");
        let (began, ended) = (moments.began.expect("more events came than the warm-up"), moments.ended.expect("all events were committed"));
        let mut commits = moments.commits.clone();
        commits.sort_unstable();
        Measured {
            events: ended.read - began.read,
            wall_s: (ended.at - began.at).as_secs_f64(),
            client_cpu_s: ended.client_cpu_s - began.client_cpu_s,
            broker_cpu_s: ended.broker_cpu_s - began.broker_cpu_s,
            commits,
        }
    }

    fn now(&self, read: u64) -> Moment {
        let (client_cpu_s, broker_cpu_s) = cpu_of_both(self.broker);
        Moment { at: Instant::now(), client_cpu_s, broker_cpu_s, read }
    }

    fn moments(&self) -> std::sync::MutexGuard<'_, Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for &Meter {
    fn polled(&mut self, polled: &Polled<'_>) {
        if let Polled::Batch(batch) = polled {
            let counted = self.next[batch.source.partition as usize].fetch_max(batch.next_offset, Ordering::Relaxed);
            self.read(batch.records.iter().filter(|record| record.offset >= counted).count() as u64);
        }
    }

    fn committed(&mut self, took: Duration) {
        Meter::committed(self, took);
    }
}

impl Measured {
    /// A percentile of the times of commits, ms.
    pub(super) fn commit_ms(&self, percent: usize) -> f64 {
        self.commits[(self.commits.len() - 1) * percent / 100].as_secs_f64() * 1e3
    }

    pub(super) fn commits(&self) -> usize {
        self.commits.len()
    }
}

/// CPU seconds of another process so far, all its threads.
pub(super) fn cpu_seconds_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the broker runs");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("the name is in brackets").1.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().expect("a number of ticks");
    // User and system time, in ticks of 10 ms on every Linux that there is.
    (ticks(11) + ticks(12)) / 100.0
}
