//! Decoding: bytes of whole PlaybackEvents into borrowed fields, validated.

use std::hint::black_box;

use schemas::{Plan, PlaybackEvent, Record};

use crate::event_source::{DAY_MS, Viewing};
use crate::measure::{Figure, cpu_of};

const DISTINCT: usize = 8_192;
const ROUNDS: usize = 3_000;

pub(crate) fn run() -> Vec<Figure> {
    let plan = Plan::current::<PlaybackEvent<'_>>();
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for number in 0..DISTINCT as u64 {
        let mut viewing = Viewing::new(number);
        viewing.next_event = (number % 20) as u32;
        viewing.next(20, DAY_MS + number as i64).encode(&mut bytes);
        ends.push(bytes.len());
    }
    let mut valid = 0u64;
    let cpu_s = cpu_of(|| {
        for _ in 0..ROUNDS {
            let mut start = 0;
            for &end in &ends {
                let event = PlaybackEvent::decode(&plan, black_box(&bytes[start..end]));
                valid += u64::from(black_box(&event).is_ok());
                start = end;
            }
        }
    });
    let events = (DISTINCT * ROUNDS) as u64;
    assert_eq!(valid, events, "every event is valid");
    let mean_bytes = bytes.len() as f64 / DISTINCT as f64;
    vec![
        Figure::rate("decode PlaybackEvent, all fields, validated", events, cpu_s, 8e6),
        Figure::plain("bytes of a decoded event", mean_bytes, "bytes", None),
    ]
}
