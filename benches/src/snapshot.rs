//! Saving and loading the state of a partition with many live sessions, while its events go on.

use std::time::{Duration, Instant};

use pipeline::{Processor as _, SavedPiece, TopicPartition};

use crate::audience::Audience;
use crate::measure::{Bar, Figure, cpu_of};
use crate::playback::Bench;

const LIVE: usize = 200_000;
const LENGTH: u32 = 20;
const PIECE_BYTES: usize = 1 << 20;
const LET_GO_AT_A_TIME: usize = 2_000;

pub(crate) fn run() -> Vec<Figure> {
    let mut bench = Bench::new();
    let mut audience = Audience::new(LENGTH, LIVE);
    let warm_up_polls = audience.warm_up_polls();
    bench.take_polls(&mut audience, warm_up_polls);

    // Twice: the buffers of the first round are there in the second, as in a process that has run for a while.
    let mut longest = Duration::ZERO;
    let mut saved = Vec::new();
    let mut sessions = 0;
    for number in 1..=2 {
        saved.clear();
        sessions = bench.state.rows() + bench.state.put_away().0;
        longest = Duration::ZERO;
        let mut stopped = |work: &mut dyn FnMut()| {
            let started = Instant::now();
            work();
            longest = longest.max(started.elapsed());
        };
        stopped(&mut || bench.processor.begin_save(&mut bench.state));
        let mut is_last = false;
        let mut piece = SavedPiece::first(number);
        while !is_last {
            bench.take_polls(&mut audience, 4);
            stopped(&mut || is_last = bench.processor.save_piece(&mut bench.state, &mut piece, PIECE_BYTES));
            saved.extend_from_slice(&piece.state);
            piece = piece.next();
        }
        let mut is_over = false;
        while !is_over {
            bench.take_polls(&mut audience, 4);
            stopped(&mut || is_over = bench.processor.let_go(&mut bench.state, LET_GO_AT_A_TIME));
        }
    }
    let mut loaded = 0;
    let mut loaded_rows = 0;
    let loading_s = cpu_of(|| {
        let state = bench.processor.load(TopicPartition::default(), &saved).expect("what was saved can be loaded");
        loaded_rows = state.rows();
        loaded = loaded_rows + state.put_away().0;
        // Giving back what it holds is no part of a restore.
        std::mem::forget(state);
    });
    assert_eq!(loaded, sessions, "every session that there was when the save began");
    let gigabytes = saved.len() as f64 / 1e9;
    vec![
        Figure::plain(
            "longest stop of the lane by a snapshot, 200,000 live sessions of 20",
            longest.as_secs_f64() * 1e3,
            "ms",
            Some(Bar::AtMost(50.0)),
        ),
        Figure::plain("bytes of a session in it", saved.len() as f64 / loaded_rows as f64, "bytes", None),
        Figure::plain("restore from it, page cache warm", gigabytes / loading_s, "GB/CPU s", None),
    ]
}
