//! Folding: sorted events of one session into its summary.

use std::hint::black_box;

use processors::qos::{Closing, Event, Workspace, fold, rate_thousandths, sort};

use crate::event_source::{DAY_MS, Viewing};
use crate::measure::{Figure, cpu_of};

const SESSIONS: u64 = 64;
const EVENTS: u64 = 30_000_000;

pub(crate) fn run(length: u32) -> Vec<Figure> {
    let mut sessions: Vec<Vec<Event>> = (0..SESSIONS).map(|number| session(number, length)).collect();
    let mut workspace = Workspace::default();
    let rounds = EVENTS / SESSIONS / u64::from(length);
    let mut playing_us = 0;
    let cpu_s = cpu_of(|| {
        for _ in 0..rounds {
            for events in &mut sessions {
                sort(black_box(events));
                let summary = fold(events, Closing::Timeout, &mut workspace);
                playing_us += black_box(summary).media_us;
            }
        }
    });
    assert!(playing_us > 0, "something was played");
    vec![Figure::rate(&format!("sort and fold, sessions of {length}"), rounds * SESSIONS * u64::from(length), cpu_s, 10e6)]
}

fn session(number: u64, length: u32) -> Vec<Event> {
    let mut viewing = Viewing::new(number);
    (0..length)
        .map(|index| {
            let event = viewing.next(length, DAY_MS + i64::from(index) * 10_000);
            Event::new(event.event_time, u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15), event.kind)
                .with_sequence(event.sequence)
                .with_position_ms(event.position_ms)
                .with_duration_ms(event.duration_ms)
                .with_bitrate_bps(event.bitrate_bps)
                .with_rate_thousandths(event.playback_rate.and_then(rate_thousandths))
                .with_cdn(1)
        })
        .collect()
}
