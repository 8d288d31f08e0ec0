//! What a state puts away: it comes back when it is needed, and whatever becomes of a segment, the outputs are those of a run without any.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use pipeline::{Found, MemoryStore, SnapshotStore, SnapshotWriter};

use crate::counter::STAGE;
use crate::scene::{self, INPUT, Outcome, run, undisturbed};
use crate::snapshots::{AT_ONCE, MEANWHILE, lane, log_in_two, problems, saving};

/// The segments that are held, as (folder, name).
fn segments(store: &MemoryStore) -> BTreeSet<(String, String)> {
    store.with(|held| held.keys().filter(|(_, name)| name.ends_with(".segment")).cloned().collect())
}

/// The segments that snapshots name, as (folder, name).
fn named(store: &MemoryStore) -> BTreeSet<(String, String)> {
    store.with(|held| {
        let snapshots: Vec<_> = held.iter().filter(|((_, name), _)| name.ends_with(".snapshot")).collect();
        let all = held.keys().filter(|(_, name)| name.ends_with(".segment"));
        let names = |folder: &str, name: &str| {
            snapshots.iter().any(|((of, _), bytes)| of == folder && bytes.windows(name.len()).any(|window| window == name.as_bytes()))
        };
        all.filter(|(folder, name)| names(folder, name)).cloned().collect()
    })
}

#[test]
fn those_that_no_snapshot_names_are_deleted() {
    for interval in [AT_ONCE, MEANWHILE] {
        let inputs = scene::inputs(1, 400);
        let store = Arc::new(MemoryStore::default());
        let log = log_in_two(&inputs, 200, |log| {
            run(&mut lane(log), &saving(&store, interval)).unwrap();
            let held = segments(&store);
            assert!(!held.is_empty(), "something was put away");
            assert_eq!(held, named(&store));
        });
        run(&mut lane(&log), &saving(&store, interval)).unwrap();
        assert_eq!(segments(&store), named(&store));
        assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
        assert_eq!(problems(), Vec::<String>::new());
    }
}

#[test]
fn one_that_was_left_behind_is_deleted_before_a_restore_can_meet_it() {
    let inputs = scene::inputs(2, 300);
    let store = Arc::new(MemoryStore::default());
    let options = saving(&store, AT_ONCE);
    let log = log_in_two(&inputs, 200, |log| {
        run(&mut lane(log), &options).unwrap();
        // As though a process had died between a segment and its snapshot, and after an aborted transaction.
        let folder = format!("{STAGE}/{}-0", log.topic_id(INPUT));
        store.with(|held| held.insert((folder, "00000000000000000007-0123456789abcdef.segment".into()), b"left behind".to_vec()));
    });
    run(&mut lane(&log), &options).unwrap();
    assert!(segments(&store).iter().all(|(_, name)| !name.contains("0123456789abcdef")));
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    assert_eq!(problems(), Vec::<String>::new());
}

#[test]
fn a_damaged_or_lost_one_costs_time_only() {
    let inputs = scene::inputs(3, 400);
    let expected = undisturbed(&inputs);
    let damages: [fn(&mut Vec<u8>); 5] = [
        Vec::clear,
        |bytes| bytes.truncate(21),
        |bytes| bytes[8] ^= 1,
        |bytes| bytes.iter_mut().skip(20).for_each(|byte| *byte ^= 1),
        |bytes| bytes[24] ^= 1,
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let store = Arc::new(MemoryStore::default());
        let options = saving(&store, AT_ONCE);
        let log = log_in_two(&inputs, 250, |log| _ = run(&mut lane(log), &options).unwrap());
        let damaged = segments(&store);
        store.with(|held| damaged.iter().for_each(|key| damage(held.get_mut(key).unwrap())));
        let totals = run(&mut lane(&log), &options).unwrap();
        assert_eq!(Outcome::of_memory(&log), expected, "damage {number}");
        assert!(totals.replayed > 0, "damage {number}");
        assert!(!problems().is_empty(), "damage {number}");
    }
}

/// Damage that is met while records are processed: the open transaction is given up, and the state restored without the segment.
#[test]
fn one_that_is_damaged_in_the_middle_of_a_run_loses_the_transaction_and_nothing_else() {
    let inputs = scene::inputs(4, 400);
    let store = Arc::new(MemoryStore::default());
    let options = saving(&store, AT_ONCE);
    let log = log_in_two(&inputs, 250, |log| _ = run(&mut lane(log), &options).unwrap());
    // Their length is kept: a restore takes them for good.
    store.with(|held| {
        let of_segments = held.iter_mut().filter(|((_, name), _)| name.ends_with(".segment"));
        of_segments.for_each(|(_, bytes)| bytes.iter_mut().skip(24).step_by(9).for_each(|byte| *byte ^= 0x55));
    });
    let totals = run(&mut lane(&log), &options).unwrap();
    assert!(totals.lost_transactions > 0, "{totals:?}");
    assert!(totals.replayed > 0);
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    let problems = problems();
    assert!(problems.iter().any(|problem| problem.contains("is restored without it")), "{problems:?}");
}

/// Lists segments that it no longer has.
#[derive(Debug)]
struct Losing(Arc<MemoryStore>);

impl SnapshotStore for Losing {
    fn list(&self, folder: &str) -> io::Result<Vec<Found>> {
        self.0.list(folder)
    }
    fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>> {
        self.0.read(folder, name)
    }
    fn read_at(&self, folder: &str, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        if name.ends_with(".segment") { Err(io::ErrorKind::NotFound.into()) } else { self.0.read_at(folder, name, offset, bytes) }
    }
    fn create(&self, folder: &str, label: &str) -> io::Result<Box<dyn SnapshotWriter>> {
        self.0.create(folder, label)
    }
    fn delete(&self, folder: &str, name: &str) -> io::Result<()> {
        self.0.delete(folder, name)
    }
}

#[test]
fn one_that_is_gone_in_the_middle_of_a_run_costs_time_only() {
    let inputs = scene::inputs(6, 400);
    let store = Arc::new(MemoryStore::default());
    let log = log_in_two(&inputs, 250, |log| _ = run(&mut lane(log), &saving(&store, AT_ONCE)).unwrap());
    let totals = run(&mut lane(&log), &saving(&Arc::new(Losing(store)), Duration::from_hours(1))).unwrap();
    assert!(totals.lost_transactions > 0 && totals.replayed > 0, "{totals:?}");
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    let problems = problems();
    assert!(problems.iter().any(|problem| problem.contains("it is gone; the state is restored without it")), "{problems:?}");
}

#[test]
fn one_of_another_version_is_not_read() {
    let inputs = scene::inputs(5, 400);
    let store = Arc::new(MemoryStore::default());
    let options = saving(&store, AT_ONCE);
    let log = log_in_two(&inputs, 250, |log| _ = run(&mut lane(log), &options).unwrap());
    store.with(|held| held.iter_mut().filter(|((_, name), _)| name.ends_with(".segment")).for_each(|(_, bytes)| bytes[8] += 1));
    run(&mut lane(&log), &options).unwrap();
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    let problems = problems();
    assert!(problems.iter().any(|problem| problem.contains("its version is 3, this program reads 2")), "{problems:?}");
}
