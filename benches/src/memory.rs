//! Memory of live sessions of 20 events: what the process grows by, divided by the sessions.

use crate::event_source::{DAY_MS, Viewing};
use crate::measure::{Bar, Figure, resident_bytes};
use crate::playback::Bench;

const LIVE: u64 = 400_000;

pub(crate) fn run() -> Vec<Figure> {
    let mut bench = Bench::new();
    let mut viewings: Vec<Viewing> = (0..LIVE).map(Viewing::new).collect();
    // What is not a session's own is there before the first measurement: buffers, and the viewings.
    let mut last = Viewing::new(LIVE);
    (0..5_000).for_each(|number| bench.take(&last.next(1_000_000, DAY_MS + number), DAY_MS + number));
    bench.send();
    let before = resident_bytes();
    for number in 0..20 {
        for viewing in &mut viewings {
            bench.take(&viewing.next(1_000_000, DAY_MS + 10_000 + number * 10_000), DAY_MS + 10_000 + number * 10_000);
            bench.send();
        }
    }
    let grown = resident_bytes() - before;
    let logs = bench.state.log_bytes() as f64 / LIVE as f64;
    assert_eq!(bench.state.rows() as u64, LIVE + 1, "every session is live");
    vec![
        Figure::plain("resident bytes a live session of 20 events", grown as f64 / LIVE as f64, "bytes", Some(Bar::AtMost(600.0))),
        Figure::plain("of these in its event log", logs, "bytes", None),
    ]
}
