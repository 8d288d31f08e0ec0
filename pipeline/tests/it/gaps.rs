//! Gaps in the offsets at a partition's end: control markers and compaction leave them. A position that passes one is committed.

use pipeline::testing::{MemoryLog, MemorySink, MemoryStore, PositionOwner};
use pipeline::{Committed, LogError, SinkRunError, Totals};

use crate::counter::STAGE;
use crate::scene::{self, INPUT, Outcome, PARTITIONS, lane, memory_log, options, run};
use crate::sinks::{self, NAME, OWNERS};

/// Markers at every end.
fn skip_at_ends(log: &MemoryLog) {
    (0..PARTITIONS).for_each(|partition| log.skip_offsets(INPUT, partition, 3));
}

/// Retention takes everything.
fn delete_all(log: &MemoryLog) {
    for partition in 0..PARTITIONS {
        log.delete_before(INPUT, partition, log.bounds(INPUT, partition).1);
    }
}

fn ends(log: &MemoryLog) -> Vec<Option<i64>> {
    (0..PARTITIONS).map(|partition| Some(log.bounds(INPUT, partition).1)).collect()
}

fn committed(log: &MemoryLog, group: &str) -> Vec<Option<i64>> {
    (0..PARTITIONS).map(|partition| log.committed(group, INPUT, partition).map(|at| at.next_offset)).collect()
}

#[test]
fn a_processor_that_has_read_everything_stays_healthy_when_it_is_deleted() {
    // The markers come while the lane runs, or after it has stopped.
    for is_restarted in [false, true] {
        let log = memory_log(&scene::inputs(60, 40));
        if is_restarted {
            run(&mut lane(&log), &options(7)).unwrap();
        }
        skip_at_ends(&log);
        let totals = run(&mut lane(&log), &options(7)).unwrap();
        if is_restarted {
            assert_eq!((totals.records, totals.commits), (0, 1), "a position alone is worth a commit, once");
        }
        assert_eq!(committed(&log, STAGE), ends(&log));
        let outputs = Outcome::of_memory(&log);
        delete_all(&log);
        assert_eq!(run(&mut lane(&log), &options(7)).unwrap(), Totals::default());
        assert_eq!(Outcome::of_memory(&log), outputs);
    }
}

#[test]
fn a_sink_that_has_read_everything_stays_healthy_when_it_is_deleted() {
    for owner in OWNERS {
        for is_restarted in [false, true] {
            let (log, store) = (memory_log(&scene::inputs(61, 40)), MemoryStore::default());
            let run_once = || sinks::run(&mut MemorySink::new(NAME, &store, owner, 7), &mut sinks::lane(&log));
            if is_restarted {
                run_once().unwrap();
            }
            skip_at_ends(&log);
            run_once().unwrap();
            sinks::assert_complete(&log, &store, &format!("{owner:?}"));
            let rows = store.rows();
            delete_all(&log);
            assert_eq!(run_once().unwrap().records, 0, "{owner:?}");
            assert_eq!(store.rows(), rows, "{owner:?}");
        }
    }
}

#[test]
fn a_gap_that_is_deleted_with_unread_records_is_a_loss() {
    let log = memory_log(&scene::inputs(62, 40));
    run(&mut lane(&log), &options(7)).unwrap();
    let before = log.committed(STAGE, INPUT, 0).unwrap().next_offset;
    log.append(INPUT, 0, 1_700_000_100_000, Some(b"key"), Some(b"unread"), &[]);
    delete_all(&log);
    let error = run(&mut lane(&log), &options(7)).unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { position, first, .. } if position == before && first > before), "{error:?}");

    let store = MemoryStore::default();
    log.set_committed(NAME, INPUT, 0, Committed { next_offset: before, metadata: String::new() });
    let error = sinks::run(&mut MemorySink::new(NAME, &store, PositionOwner::Log, 7), &mut sinks::lane(&log)).unwrap_err();
    assert!(matches!(error, SinkRunError::Log(LogError::OutOfRange { position, .. }) if position == before), "{error:?}");
}
