//! Where a batch or a commit ends cannot be observed.

use pipeline::testing::Seeded;
use proptest::prelude::*;

use crate::scene::{self, Outcome, lane, memory_log, options, run, undisturbed};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_outputs(
        seed in 0..8_u64,
        sizes in proptest::collection::vec(1..20_usize, 1..12),
        commit_records in 1..60_u64,
    ) {
        let inputs = scene::inputs(seed, 80);
        let log = memory_log(&inputs);
        run(&mut lane(&log).with_batch_sizes(&sizes), &options(commit_records)).unwrap();
        prop_assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    }
}

#[test]
fn one_seed_reproduces_a_run() {
    let run_once = || {
        let log = memory_log(&scene::inputs(9, 200));
        run(&mut lane(&log).with_batch_sizes(&[4, 2]), &options(5)).unwrap();
        (0..scene::TOTALS_PARTITIONS).map(|partition| log.records("totals", partition)).collect::<Vec<_>>()
    };
    assert_eq!(run_once(), run_once());
    assert_ne!(Seeded::new(1).bits(), Seeded::new(2).bits());
}

#[test]
fn a_run_in_many_pieces_is_one_run() {
    let inputs = scene::inputs(10, 90);
    let expected = undisturbed(&inputs);
    // Each process sees one record more than the one before, and restores all that came before it.
    let log = memory_log(&[]);
    let whole = memory_log(&inputs);
    for (number, input) in (0i64..).zip(&inputs) {
        scene::append(&log, number, input);
        run(&mut lane(&log), &options(3)).unwrap();
    }
    assert_eq!(Outcome::of_memory(&log), expected);
    assert_eq!(log.bounds(scene::INPUT, 0), whole.bounds(scene::INPUT, 0));
}
