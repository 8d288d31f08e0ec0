//! The playback processor on decoded events: many live sessions, their events in mixed order, the bodies passed on, all outputs made.

use std::sync::{Arc, Mutex};

use pipeline::{AHEAD, Judgement, Outputs, Processor, TopicPartition};
use processors::playback::{Playback, PlaybackConfig, PlaybackState};
use schemas::registry::Registry;
use schemas::{CleanPrefix, PlaybackEvent, Record, clean, wire};

use crate::event_source::{DAY_MS, Random, Viewing};
use crate::measure::{Figure, cpu_of};

const MEASURED: u64 = 10_000_000;
/// Each live session sends an event in 10 s.
const INTERVAL_MS: i64 = 10_000;

/// A processor, its state and its outputs.
pub(crate) struct Bench {
    pub(crate) state: PlaybackState,
    out: Outputs,
    outputs: u64,
    since_clear: u32,
    body: Vec<u8>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let schemas = Arc::new(Mutex::new(Registry::default()));
        let processor = Playback::new(PlaybackConfig::with_partitions(12), schemas).expect("an empty registry takes every schema");
        let state = processor.new_state(TopicPartition::default());
        let out = Outputs::new(processor.outputs());
        let mut body = Vec::new();
        Viewing::new(1).next(20, DAY_MS).encode(&mut body);
        Self { state, out, outputs: 0, since_clear: 0, body }
    }

    pub(crate) fn take(&mut self, event: &PlaybackEvent<'_>, log_time_ms: i64) {
        self.state.advance(log_time_ms, &mut self.out);
        let body = &self.body;
        let taken = self.state.take(event, log_time_ms, false, Judgement::Open, &mut self.out, |out, taken| {
            let prefix = CleanPrefix {
                effective_time: taken.effective_time_us,
                late: taken.is_late,
                content_hash: clean::content_hash(body),
                ..CleanPrefix::default()
            };
            out.push_to(0, 0, log_time_ms, event.session_id.as_bytes(), |value| {
                wire::frame(1, value);
                clean::write(&prefix, body, value);
            });
        });
        assert!(matches!(taken, Ok(true)), "every event is new");
        self.since_clear += 1;
        if self.since_clear == 4_096 {
            self.outputs += self.out.len() as u64;
            self.out.clear();
            self.since_clear = 0;
        }
    }
}

/// Live sessions, one event of a random one at a time; a session that ended is replaced by a new one.
struct Audience {
    viewings: Vec<Viewing>,
    random: Random,
    next_number: u64,
    length: u32,
    at_us: i64,
}

impl Audience {
    /// A batch of events, as a consumer gets them: it knows whose come next.
    fn batch(&mut self, bench: &mut Bench) {
        let count = self.viewings.len();
        let chosen: [usize; AHEAD] = std::array::from_fn(|_| (self.random.next() >> 16) as usize % count);
        bench.state.prepare(chosen.iter().map(|&index| self.viewings[index].session_id()));
        for index in chosen {
            self.at_us += INTERVAL_MS * 1000 / count as i64;
            let log_time_ms = DAY_MS + self.at_us / 1000;
            let viewing = &mut self.viewings[index];
            bench.take(&viewing.next(self.length, log_time_ms), log_time_ms);
            if viewing.next_event == self.length {
                *viewing = Viewing::new(self.next_number);
                self.next_number += 1;
            }
        }
    }
}

pub(crate) fn run(length: u32, live: usize) -> Vec<Figure> {
    let mut bench = Bench::new();
    let viewings = (0..live as u64).map(Viewing::new).collect();
    let mut audience = Audience { viewings, random: Random(88_172_645_463_325_252), next_number: live as u64, length, at_us: 0 };
    // Until sessions of every age are live.
    let warm_up = live as u64 * u64::from(length) * 3 / 4;
    (0..warm_up / AHEAD as u64).for_each(|_| audience.batch(&mut bench));
    bench.outputs = 0;
    let cpu_s = cpu_of(|| (0..MEASURED / AHEAD as u64).for_each(|_| audience.batch(&mut bench)));
    let live_text = if live == 200_000 { "200,000" } else { "2,000,000" };
    let name = format!("playback, sessions of {length}, {live_text} live");
    let bar = if live == 200_000 { 2e6 } else { 2e6 / 1.5 };
    vec![
        Figure::rate(&name, MEASURED, cpu_s, bar),
        Figure::plain(
            &format!("outputs an event, sessions of {length}, {live_text} live"),
            bench.outputs as f64 / MEASURED as f64,
            "records",
            None,
        ),
    ]
}
