//! From a topic on Kafka to the topics that come of it, exactly once, on the broker that `make stack-up` starts: the playback processor with a
//! commit each second and states saved as in production. Beside it a lane that only copies its input, as the floor.
//!
//! CPU seconds are of the client's whole process, librdkafka's threads included, from the moment when sessions of every age are live; those
//! of the broker stand beside. The broker runs on the same machine, so events a second of wall time are of both together.

mod fill;
mod meter;
mod plain;
mod scene;
mod stalls;

use crate::measure::{Bar, Figure, cpu_seconds, peak_resident_bytes};
use meter::{Measured, Meter};
use scene::Scene;

/// CPU seconds of the client for a million events, at most.
const CLIENT_BAR_S: f64 = 2.0;
/// Median time of a commit, ms, at most.
const COMMIT_BAR_MS: f64 = 20.0;

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Events of each session.
    length: u32,
    live: usize,
    /// Events that are measured, after those that bring the sessions to every age.
    measured: u64,
}

/// Sessions of twenty events, the worst that is meant to come: each brings its opening, its closing and its summaries.
pub(crate) const SHORT: Load = Load { length: 20, live: 240_000, measured: 4_000_000 };
/// Sessions of an hour.
pub(crate) const LONG: Load = Load { length: 360, live: 240_000, measured: 4_000_000 };
/// Many more of them.
pub(crate) const MANY: Load = Load { length: 20, live: 1_000_000, measured: 2_000_000 };

/// The processor on so many lanes of one process.
pub(crate) fn processor(load: Load, lanes: u32) -> Vec<Figure> {
    let scene = Scene::filled(load);
    let meter = Meter::new(scene.broker_pid(), load.warm_up(), load.events());
    scene.process(lanes, &meter);
    let of = format!("sessions of {}, {} live, {}", load.length, crate::audience::live_text(load.live), lanes_text(lanes));
    let mut figures = figures("Kafka to Kafka, playback", &of, &meter.measured(), Some(Bar::AtMost(CLIENT_BAR_S)));
    figures.push(Figure::plain(&format!("outputs an event, {of}"), scene.outputs_an_event(), "records", None));
    figures.push(Figure::plain(&format!("largest resident memory, {of}"), peak_resident_bytes() as f64 / 1e6, "MB", None));
    figures
}

/// A lane that copies what it reads, with the input of [`SHORT`].
pub(crate) fn pass_through() -> Vec<Figure> {
    let scene = Scene::filled(SHORT);
    let meter = Meter::new(scene.broker_pid(), SHORT.warm_up(), SHORT.events());
    scene.pass_through(&meter);
    figures("Kafka to Kafka, copied", "one lane", &meter.measured(), None)
}

/// The same by a plain loop of librdkafka's calls.
pub(crate) fn librdkafka_pass_through() -> Vec<Figure> {
    let scene = Scene::filled(SHORT);
    let meter = Meter::new(scene.broker_pid(), SHORT.warm_up(), SHORT.events());
    scene.pass_through_plainly(&meter);
    figures("Kafka to Kafka, copied by librdkafka alone", "one thread", &meter.measured(), None)
}

fn figures(what: &str, of: &str, measured: &Measured, client_bar: Option<Bar>) -> Vec<Figure> {
    let millions = measured.events as f64 / 1e6;
    let plain = |name: &str, value: f64, unit: &str, bar| Figure::plain(&format!("{what}: {name}, {of}"), value, unit, bar);
    vec![
        Figure {
            cpu_s: measured.client_cpu_s,
            events: measured.events,
            ..plain("client", measured.client_cpu_s / millions, "CPU s/M events", client_bar)
        },
        plain("broker", measured.broker_cpu_s / millions, "CPU s/M events", None),
        plain("wall", measured.events as f64 / measured.wall_s, "events/s", None),
        plain("commit, p50", measured.commit_ms(50), "ms", client_bar.map(|_| Bar::AtMost(COMMIT_BAR_MS))),
        plain("commit, p99", measured.commit_ms(99), "ms", None),
        plain("commits", measured.commits() as f64, "", None),
    ]
}

fn lanes_text(lanes: u32) -> String {
    if lanes == 1 { "one lane".to_owned() } else { format!("{lanes} lanes") }
}

impl Load {
    /// Events that bring the sessions to every age.
    fn warm_up(&self) -> u64 {
        // Long sessions would take long: they are followed from an age of their own.
        whole_polls(self.live as u64 * u64::from(self.length.min(20)) * 3 / 4)
    }

    fn events(&self) -> u64 {
        self.warm_up() + whole_polls(self.measured)
    }
}

fn whole_polls(events: u64) -> u64 {
    events - events % crate::audience::POLLED as u64
}

/// CPU seconds of this process and of the broker.
fn cpu_of_both(broker: u32) -> (f64, f64) {
    (cpu_seconds(), meter::cpu_seconds_of(broker))
}

pub(crate) use fill::run as fill;
pub(crate) use stalls::{lane, rebalance, restart};
