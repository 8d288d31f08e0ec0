//! The playback processor on decoded events: many live sessions, their events in mixed order, the bodies passed on, all outputs made.
//!
//! Events are made 256 at a time, then taken; only the taking counts, the figure with both stands beside.

use std::sync::{Arc, Mutex};

use pipeline::{AHEAD, Judgement, Outputs, Processor, TopicPartition};
use processors::playback::{Playback, PlaybackConfig, PlaybackState, Took};
use schemas::registry::Registry;
use schemas::{CleanPrefix, PlaybackEvent, Record, clean, wire};

use crate::audience::{Audience, POLLED, live_text};
use crate::event_source::{DAY_MS, Viewing};
use crate::measure::{Figure, cpu_of};

const MEASURED: u64 = 39_063 * POLLED as u64;

/// A processor's state and its outputs.
pub(crate) struct Bench {
    pub(crate) processor: Playback,
    pub(crate) state: PlaybackState,
    out: Outputs,
    outputs: u64,
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
        Self { processor, state, out, outputs: 0, body }
    }

    pub(crate) fn take(&mut self, event: &PlaybackEvent<'_>, log_time_ms: i64) {
        assert_eq!(self.offer(event, log_time_ms), Took::New, "every event is new");
    }

    /// Takes an event unless its session, or another of the same hash, was put away.
    pub(crate) fn offer(&mut self, event: &PlaybackEvent<'_>, log_time_ms: i64) -> Took {
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
        taken.expect("no session is too long")
    }

    /// Hands the outputs on, as a runner does after each poll.
    pub(crate) fn send(&mut self) {
        self.outputs += self.out.len() as u64;
        self.out.clear();
    }

    /// Takes events as a runner does: it knows whose come next.
    fn take_all(&mut self, events: &[(PlaybackEvent<'_>, i64)]) {
        for chunk in events.chunks(AHEAD) {
            self.state.prepare(chunk.iter().map(|(event, _)| (event.session_id.as_bytes(), event.event_id)));
            chunk.iter().for_each(|(event, log_time_ms)| self.take(event, *log_time_ms));
        }
        self.send();
    }

    /// Takes so many polls of events; returns the CPU seconds that the taking alone took.
    pub(crate) fn take_polls(&mut self, audience: &mut Audience, polls: u64) -> f64 {
        let length = audience.length();
        let mut polled = Vec::new();
        let mut taking_s = 0.0;
        for _ in 0..polls {
            audience.poll(&mut polled);
            let events: Vec<_> = polled.iter_mut().map(|(viewing, at_ms)| (viewing.next(length, *at_ms), *at_ms)).collect();
            taking_s += cpu_of(|| self.take_all(&events));
        }
        taking_s
    }
}

pub(crate) fn run(length: u32, live: usize) -> Vec<Figure> {
    let mut bench = Bench::new();
    let mut audience = Audience::new(length, live);
    let warm_up_polls = audience.warm_up_polls();
    bench.take_polls(&mut audience, warm_up_polls);
    bench.outputs = 0;
    let mut taking_s = 0.0;
    let whole_s = cpu_of(|| taking_s = bench.take_polls(&mut audience, MEASURED / POLLED as u64));
    let what = format!("sessions of {length}, {} live", live_text(live));
    let bar = if live == 200_000 { 2e6 } else { 2e6 / 1.5 };
    vec![
        Figure::rate(&format!("playback on decoded events, {what}"), MEASURED, taking_s, bar),
        Figure { bar: None, ..Figure::rate(&format!("with making the events, {what}"), MEASURED, whole_s, bar) },
        Figure::plain(&format!("outputs an event, {what}"), bench.outputs as f64 / MEASURED as f64, "records", None),
    ]
}
