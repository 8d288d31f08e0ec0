//! Memory of a partition in which most sessions are closed: long live ones, and closed ones that left memory with the snapshots.

use pipeline::{Processor as _, SavedPiece};
use processors::playback::Took;

use crate::event_source::{DAY_MS, Viewing};
use crate::measure::{Bar, Figure, resident_bytes};
use crate::playback::Bench;

const LIVE: u64 = 200_000;
const EVENTS: u32 = 360;
const CLOSED: u64 = 4_800_000;
const CLOSED_EVENTS: u32 = 4;
/// A live session's heartbeat.
const ROUND_MS: i64 = 10_000;
/// A snapshot each five minutes.
const ROUNDS_BETWEEN_SAVES: u32 = 30;
const PIECE_BYTES: usize = 1 << 20;

pub(crate) fn run() -> Vec<Figure> {
    let mut bench = Bench::new();
    // Made anew for each of their events, so that the viewers are no part of what is measured.
    let mut last = Viewing::new(LIVE + CLOSED);
    (0..5_000).for_each(|number| bench.take(&last.next(1_000_000, DAY_MS + number), DAY_MS + number));
    bench.send();
    let before = resident_bytes();
    let mut segment_bytes = 0;
    let mut closed = 0;
    let mut left_out = 0;
    for round in 0..EVENTS {
        let at_ms = DAY_MS + 10_000 + i64::from(round) * ROUND_MS;
        for number in 0..LIVE {
            let mut viewing = Viewing::new(number);
            viewing.next_event = round;
            bench.take(&viewing.next(EVENTS + 1, at_ms), at_ms);
            if number % 256 == 0 {
                bench.send();
            }
        }
        let closed_by_now = CLOSED * u64::from(round + 1) / u64::from(EVENTS);
        while closed < closed_by_now {
            let mut viewing = Viewing::new(LIVE + closed);
            // One whose hash is that of another would bring it back first: with a store to read from.
            let is_taken = bench.offer(&viewing.next(CLOSED_EVENTS, at_ms), at_ms) == Took::New;
            (1..CLOSED_EVENTS).filter(|_| is_taken).for_each(|_| bench.take(&viewing.next(CLOSED_EVENTS, at_ms), at_ms));
            bench.send();
            left_out += u64::from(!is_taken);
            closed += 1;
        }
        if (round + 1) % ROUNDS_BETWEEN_SAVES == 0 {
            segment_bytes += save(&mut bench, round);
        }
    }
    let grown = resident_bytes() - before;
    let (put_away, index_bytes) = bench.state.put_away();
    // The one from before the measurement fell silent: it is closed too.
    assert_eq!((put_away as u64 + left_out, bench.state.rows() as u64), (CLOSED + 1, LIVE), "all closed sessions left memory");
    assert!(left_out < 100, "few hashes of 40 bits meet: {left_out}");
    vec![
        Figure::plain(
            "resident memory, 200,000 live sessions of 360 and 4.8 million closed ones",
            grown as f64 / 1e9,
            "GB",
            Some(Bar::AtMost(2.2)),
        ),
        Figure::plain("of it the index, for each closed one", index_bytes as f64 / CLOSED as f64, "bytes", Some(Bar::AtMost(24.0))),
        Figure::plain("bytes of a closed session of 4 in its segment", segment_bytes as f64 / CLOSED as f64, "bytes", None),
    ]
}

/// A snapshot, as though it were written and durable; the bytes that went to its segment.
fn save(bench: &mut Bench, number: u32) -> u64 {
    bench.processor.begin_save(&mut bench.state);
    let mut piece = SavedPiece::first(number);
    let mut segment_bytes = 0;
    let mut is_last = false;
    while !is_last {
        is_last = bench.processor.save_piece(&mut bench.state, &mut piece, PIECE_BYTES);
        segment_bytes += (piece.bytes() - piece.state.len()) as u64;
        piece = piece.next();
    }
    while !bench.processor.let_go(&mut bench.state, 2_000) {}
    segment_bytes
}
