//! Saved states: whatever becomes of them, and whenever the process dies, the outputs are those of a run that never stopped.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::testing::{Call, Fault, FaultKind, FaultLog, MemoryLane, MemoryLog};
use pipeline::{FolderStore, Found, LogError, MemoryStore, RunOptions, SnapshotOptions, SnapshotStore, Totals, UNFINISHED};

use crate::counter::{Counter, Letters, STAGE};
use crate::scene::{self, INPUT, Input, Outcome, PARTITIONS, memory_log, options, output_topics, run, run_with, undisturbed};

thread_local! {
    static PROBLEMS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn problems() -> Vec<String> {
    PROBLEMS.take()
}

/// At each commit, and waited for.
pub(crate) const AT_ONCE: Duration = Duration::ZERO;
/// Begun at the next commit when the one before is done, a key a turn: records come between.
pub(crate) const MEANWHILE: Duration = Duration::from_nanos(1);

pub(crate) fn saving(store: &Arc<impl SnapshotStore + 'static>, interval: Duration) -> RunOptions {
    let on_problem = |problem: &str| PROBLEMS.with_borrow_mut(|problems| problems.push(problem.to_owned()));
    let store = Arc::clone(store) as Arc<dyn SnapshotStore>;
    RunOptions { snapshots: Some(SnapshotOptions { store, interval, records: u64::MAX, on_problem }), ..options(7) }
}

/// Names of a folder's files that end so.
fn names(store: &dyn SnapshotStore, folder: &str, end: &str) -> Vec<String> {
    store.list(folder).unwrap().into_iter().map(|file| file.name).filter(|name| name.ends_with(end)).collect()
}

/// Small batches: many commits.
pub(crate) fn lane(log: &MemoryLog) -> MemoryLane {
    scene::lane(log).with_batch_sizes(&[3, 1, 5, 2])
}

/// What a log holds after `first` inputs have been processed, then the rest has come.
pub(crate) fn log_in_two(inputs: &[Input], first: usize, between: impl FnOnce(&MemoryLog)) -> MemoryLog {
    let log = memory_log(&inputs[..first]);
    between(&log);
    for (number, input) in (0i64..).zip(inputs).skip(first) {
        scene::append(&log, number, input);
    }
    log
}

#[test]
fn a_restart_goes_on_from_where_the_run_before_ended() {
    let inputs = scene::inputs(1, 200);
    for interval in [AT_ONCE, MEANWHILE, Duration::from_hours(1)] {
        let store = Arc::new(MemoryStore::default());
        let options = saving(&store, interval);
        let log = log_in_two(&inputs, 120, |log| _ = run(&mut lane(log), &options).unwrap());
        let totals = run(&mut lane(&log), &options).unwrap();
        assert_eq!(totals.replayed, 0, "{interval:?}");
        assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs), "{interval:?}");
        assert_eq!(problems(), Vec::<String>::new());
    }
}

#[test]
fn the_last_two_of_each_partition_are_kept() {
    let store = Arc::new(MemoryStore::default());
    let log = memory_log(&scene::inputs(2, 200));
    run(&mut lane(&log), &saving(&store, AT_ONCE)).unwrap();
    for partition in 0..PARTITIONS {
        let names = names(&*store, &format!("{STAGE}/{}-{partition}", log.topic_id(INPUT)), ".snapshot");
        assert_eq!(names.len(), 2, "{names:?}");
        let end = log.committed(STAGE, INPUT, partition).unwrap().next_offset;
        assert_eq!(*names.iter().max().unwrap(), format!("{end:020}.snapshot"));
    }
}

/// Runs to the end over a fault; after a crash in a new process, with what the first one saved.
fn run_disturbed(inputs: &[Input], fault: Fault, interval: Duration) -> (Outcome, Totals) {
    let store = Arc::new(MemoryStore::default());
    let options = saving(&store, interval);
    let log = memory_log(inputs);
    let mut disturbed = FaultLog::new(lane(&log), &[fault]);
    let mut last = run(&mut disturbed, &options);
    assert_eq!(disturbed.fired(), 1, "{fault:?}");
    if let Err(LogError::Fatal(message)) = &last
        && message == "crash"
    {
        last = run(&mut lane(&log), &options);
    }
    (Outcome::of_memory(&log), last.unwrap())
}

#[test]
fn every_fault_at_every_call() {
    let inputs = scene::inputs(3, 70);
    let expected = undisturbed(&inputs);
    for interval in [AT_ONCE, MEANWHILE] {
        let log = memory_log(&inputs);
        let mut counted = FaultLog::new(lane(&log), &[]);
        run(&mut counted, &saving(&Arc::new(MemoryStore::default()), AT_ONCE)).unwrap();
        let calls = counted.calls().to_vec();
        let mut replayed = 0;
        for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
            for at in 1..=calls.len() as u64 {
                let (outcome, totals) = run_disturbed(&inputs, Fault { at, of: None, kind }, interval);
                assert_eq!(outcome, expected, "{kind:?} at call {at} {:?}", calls[usize::try_from(at).unwrap() - 1]);
                replayed += totals.replayed;
            }
        }
        if interval == AT_ONCE {
            // A snapshot of one partition at a commit: the others are replayed from an earlier one.
            let without: u64 = (1..=calls.len() as u64)
                .map(|at| {
                    let log = memory_log(&inputs);
                    let mut disturbed = FaultLog::new(lane(&log), &[Fault { at, of: None, kind: FaultKind::Abort }]);
                    run(&mut disturbed, &options(7)).unwrap().replayed
                })
                .sum();
            assert!(replayed < without, "{replayed} records replayed with snapshots in three kinds of fault, {without} without in one");
        }
    }
    assert_eq!(problems(), Vec::<String>::new());
}

#[test]
fn a_damaged_one_costs_time_only() {
    let inputs = scene::inputs(4, 200);
    let expected = undisturbed(&inputs);
    let damages: [fn(&mut Vec<u8>); 7] = [
        Vec::clear,
        |bytes| _ = bytes.pop(),
        |bytes| bytes.push(0),
        |bytes| bytes.truncate(30),
        |bytes| bytes[0] ^= 1,
        |bytes| bytes[8] += 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let mut replayed = Vec::new();
        for damaged in [1, 2] {
            let store = Arc::new(MemoryStore::default());
            let options = saving(&store, AT_ONCE);
            let log = log_in_two(&inputs, 150, |log| _ = run(&mut lane(log), &options).unwrap());
            store.with(|held| {
                let folders: std::collections::BTreeSet<String> = held.keys().map(|(folder, _)| folder.clone()).collect();
                for folder in folders {
                    let newest: Vec<_> = held.keys().filter(|(of, name)| *of == folder && name.ends_with(".snapshot")).cloned().collect();
                    newest.iter().rev().take(damaged).for_each(|key| damage(held.get_mut(key).unwrap()));
                }
            });
            replayed.push(run(&mut lane(&log), &options).unwrap().replayed);
            assert_eq!(Outcome::of_memory(&log), expected, "damage {number}");
            assert_eq!(problems().len(), damaged * PARTITIONS as usize, "damage {number}");
        }
        assert!(0 < replayed[0] && replayed[0] < replayed[1], "damage {number}: the one before is used: {replayed:?}");
    }
}

#[test]
fn those_of_another_format_are_not_used() {
    let inputs = scene::inputs(5, 200);
    let expected = undisturbed(&inputs);
    let store = Arc::new(MemoryStore::default());
    let options = saving(&store, AT_ONCE);
    let log = log_in_two(&inputs, 100, |log| _ = run(&mut lane(log), &options).unwrap());
    let mut other = Counter { state_format: Some(2), ..Counter::new(output_topics()) };
    let totals = run_with(&mut other, &mut lane(&log), &Letters, &options).unwrap();
    assert!(totals.replayed > 0);
    assert_eq!(problems().len(), 2 * PARTITIONS as usize, "two of another format in each partition");
    assert_eq!(Outcome::of_memory(&log), expected);
}

#[test]
fn those_above_the_committed_offset_are_deleted() {
    let inputs = scene::inputs(6, 200);
    let store = Arc::new(MemoryStore::default());
    let options = saving(&store, AT_ONCE);
    let log = log_in_two(&inputs, 150, |log| _ = run(&mut lane(log), &options).unwrap());
    // As though the log had been put back from a copy that was made before the snapshots.
    store.with(|held| {
        for ((_, name), _) in std::mem::take(held) {
            let Some(offset) = name.strip_suffix(".snapshot") else { continue };
            let raised: i64 = offset.parse::<i64>().unwrap() + 1_000_000;
            let folder = format!("{STAGE}/{}-0", log.topic_id(INPUT));
            held.insert((folder, format!("{raised:020}.snapshot")), Vec::new());
        }
    });
    let totals = run(&mut lane(&log), &options).unwrap();
    assert!(totals.replayed > 0);
    assert!(problems().iter().all(|problem| problem.ends_with("is committed: deleted")));
    assert!(store.with(|held| held.keys().all(|(_, name)| !name.starts_with("000000000000010"))));
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
}

#[test]
fn a_store_that_fails_stops_nothing() {
    #[derive(Debug)]
    struct Full;
    impl SnapshotStore for Full {
        fn list(&self, _: &str) -> std::io::Result<Vec<Found>> {
            Err(std::io::ErrorKind::PermissionDenied.into())
        }
        fn read(&self, _: &str, _: &str) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::PermissionDenied.into())
        }
        fn read_at(&self, _: &str, _: &str, _: u64, _: usize) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::PermissionDenied.into())
        }
        fn create(&self, _: &str, _: &str) -> std::io::Result<Box<dyn pipeline::SnapshotWriter>> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn delete(&self, _: &str, _: &str) -> std::io::Result<()> {
            Err(std::io::ErrorKind::PermissionDenied.into())
        }
    }
    let inputs = scene::inputs(7, 100);
    let options = saving(&Arc::new(Full), AT_ONCE);
    let log = log_in_two(&inputs, 50, |log| _ = run(&mut lane(log), &options).unwrap());
    let totals = run(&mut lane(&log), &options).unwrap();
    assert!(totals.replayed > 0);
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    let problems = problems();
    assert!(problems.iter().any(|problem| problem.contains("was not begun")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("permission denied")), "{problems:?}");
}

#[test]
fn in_a_folder_they_survive_the_process_and_an_unfinished_one_is_none() {
    let inputs = scene::inputs(8, 200);
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderStore::new(folder.path().join("snapshots")));
    let options = saving(&store, AT_ONCE);
    let log = log_in_two(&inputs, 120, |log| _ = run(&mut lane(log), &options).unwrap());
    let place = format!("{STAGE}/{}-0", log.topic_id(INPUT));
    let mut begun = store.create(&place, "99999999999999999999.snapshot").unwrap();
    begun.append(b"half").unwrap();
    let totals = run(&mut lane(&log), &saving(&Arc::new(FolderStore::new(folder.path().join("snapshots"))), AT_ONCE)).unwrap();
    drop(begun);
    assert_eq!(names(&*store, &place, UNFINISHED), Vec::<String>::new(), "it was swept away");
    assert_eq!(totals.replayed, 0);
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    assert_eq!(problems(), Vec::<String>::new());
}

fn after_records(store: &Arc<MemoryStore>, records: u64) -> RunOptions {
    let mut options = saving(store, Duration::from_hours(1));
    options.snapshots.as_mut().unwrap().records = records;
    options
}

/// A lane that catches up closes in a minute the sessions of hours: they may not all stay in memory until the interval is over.
#[test]
fn they_are_written_after_so_many_records_too() {
    let inputs = scene::inputs(10, 400);
    let store = Arc::new(MemoryStore::default());
    let log = memory_log(&inputs);
    let crash = Fault { at: 12, of: Some(Call::Commit), kind: FaultKind::Crash };
    run(&mut FaultLog::new(lane(&log), &[crash]), &after_records(&store, 1_000)).unwrap_err();
    assert!(store.with(|held| held.is_empty()));
    run(&mut FaultLog::new(lane(&log), &[crash]), &after_records(&store, 30)).unwrap_err();
    assert!(store.with(|held| !held.is_empty()));
    run(&mut lane(&log), &after_records(&store, 30)).unwrap();
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
}

#[test]
fn a_long_replay_is_saved_on_its_way() {
    let inputs = scene::inputs(11, 400);
    for records in [1, 20, 60] {
        let store = Arc::new(MemoryStore::default());
        let log = log_in_two(&inputs, 300, |log| _ = run(&mut lane(log), &options(7)).unwrap());
        let crash = Fault { at: 1, of: Some(Call::Send), kind: FaultKind::Crash };
        run(&mut FaultLog::new(lane(&log), &[crash]), &after_records(&store, records)).unwrap_err();
        assert!(store.with(|held| held.keys().any(|(_, name)| name.ends_with(".snapshot"))), "{records}");
        // The next restore goes on from there.
        let totals = run(&mut lane(&log), &after_records(&store, records)).unwrap();
        assert!(totals.replayed <= records * u64::from(PARTITIONS), "{} with one after {records} records", totals.replayed);
        assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
        assert_eq!(problems(), Vec::<String>::new());
    }
}

/// Unusable ones may stand above the one that is used: those that a replay wrote on its way are not swept away for them.
#[test]
fn those_of_a_replay_stay_below_unusable_ones() {
    let inputs = scene::inputs(12, 400);
    let store = Arc::new(MemoryStore::default());
    let mut other = Counter { state_format: Some(2), ..Counter::new(output_topics()) };
    let log = log_in_two(&inputs, 300, |log| _ = run_with(&mut other, &mut lane(log), &Letters, &saving(&store, AT_ONCE)).unwrap());
    let records = 20;
    let crash = Fault { at: 1, of: Some(Call::Send), kind: FaultKind::Crash };
    for _ in 0..3 {
        run(&mut FaultLog::new(lane(&log), &[crash]), &after_records(&store, records)).unwrap_err();
    }
    let totals = run(&mut lane(&log), &after_records(&store, records)).unwrap();
    assert!(totals.replayed <= records * u64::from(PARTITIONS), "{} with one after {records} records", totals.replayed);
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    let problems = problems();
    assert!(problems.iter().all(|problem| problem.ends_with("it is of another format or configuration")), "{problems:?}");
}

/// Two logs with the same topic ids, as a copy and what it was copied from, must not take each other's states.
#[test]
fn those_of_another_log_are_told_by_the_record_that_they_saw_last() {
    let (inputs, others) = (scene::inputs(13, 300), scene::inputs(14, 300));
    let store = Arc::new(MemoryStore::default());
    run(&mut lane(&memory_log(&others[..200])), &saving(&store, AT_ONCE)).unwrap();
    let log = log_in_two(&inputs, 250, |log| _ = run(&mut lane(log), &options(7)).unwrap());
    let totals = run(&mut lane(&log), &saving(&store, AT_ONCE)).unwrap();
    assert!(totals.replayed > 0);
    assert_eq!(Outcome::of_memory(&log), undisturbed(&inputs));
    let problems = problems();
    assert!(problems.iter().any(|problem| problem.contains("it is of another log")), "{problems:?}");
    assert!(problems.iter().all(|problem| problem.ends_with("deleted")), "{problems:?}");
}

#[test]
fn what_could_not_be_written_is_written_at_the_end_though_nothing_has_moved() {
    let inputs = scene::inputs(15, 100);
    let store = Arc::new(FullAtFirst::default());
    run(&mut lane(&memory_log(&inputs)), &saving(&store, AT_ONCE)).unwrap();
    assert!(!problems().is_empty());
    assert!(store.inner.with(|held| !held.is_empty()));
}

/// Takes a snapshot of an offset only when it comes for the second time.
#[derive(Debug, Default)]
struct FullAtFirst {
    inner: MemoryStore,
    refused: Mutex<BTreeSet<(String, String)>>,
}

impl SnapshotStore for FullAtFirst {
    fn list(&self, folder: &str) -> std::io::Result<Vec<Found>> {
        self.inner.list(folder)
    }
    fn read(&self, folder: &str, name: &str) -> std::io::Result<Vec<u8>> {
        self.inner.read(folder, name)
    }
    fn read_at(&self, folder: &str, name: &str, offset: u64, bytes: usize) -> std::io::Result<Vec<u8>> {
        self.inner.read_at(folder, name, offset, bytes)
    }
    fn create(&self, folder: &str, label: &str) -> std::io::Result<Box<dyn pipeline::SnapshotWriter>> {
        if label.ends_with(".snapshot") && self.refused.lock().unwrap().insert((folder.to_owned(), label.to_owned())) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.inner.create(folder, label)
    }
    fn delete(&self, folder: &str, name: &str) -> std::io::Result<()> {
        self.inner.delete(folder, name)
    }
}

#[test]
fn a_commit_that_fails_saves_nothing() {
    let inputs = scene::inputs(9, 60);
    let store = Arc::new(MemoryStore::default());
    let log = memory_log(&inputs);
    let first = Fault { at: 1, of: Some(Call::Commit), kind: FaultKind::Crash };
    run(&mut FaultLog::new(lane(&log), &[first]), &saving(&store, AT_ONCE)).unwrap_err();
    assert!(store.with(|held| held.is_empty()), "nothing is committed, so no state is worth saving");
}

/// A process that dies more often than states are saved: each replay is saved with the first commit after it, so the next is short.
#[test]
fn what_took_many_records_to_restore_is_saved_at_once() {
    let inputs = scene::inputs(13, 100_000);
    let store = Arc::new(MemoryStore::default());
    let log = log_in_two(&inputs, 99_000, |log| _ = run(&mut scene::lane(log), &options(1_000)).unwrap());
    let rarely = saving(&store, Duration::from_hours(1));
    let crash = Fault { at: 40, of: Some(Call::Commit), kind: FaultKind::Crash };
    run(&mut FaultLog::new(lane(&log), &[crash]), &rarely).unwrap_err();
    let totals = run(&mut lane(&log), &rarely).unwrap();
    assert!(totals.replayed < 10_000, "{totals:?}");
    assert_eq!(problems(), Vec::<String>::new());
}
