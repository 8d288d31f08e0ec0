//! What an observer is told comes to what the run did: once each, whatever goes wrong on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pipeline::heartbeat;
use pipeline::testing::{Call, Fault, FaultKind, FaultLog, MemorySink, MemoryStore as Rows, PositionOwner, Rebalance};
use pipeline::{
    Commit, LogTimeRule, MemoryStore, Observer, Progress, Restored, RunOptions, SavedState, Shutdown, SinkOptions, TopicPartition, run_sink,
};

use crate::scene::{self, INPUT, Input, PARTITIONS, inputs, lane, memory_log, options, run};
use crate::{rebalance, sinks, snapshots};

/// Everything that an observer was told.
#[derive(Debug, Default)]
struct Told {
    heard: Mutex<Heard>,
}

#[derive(Clone, Debug, Default)]
struct Heard {
    turns: u64,
    assigned: usize,
    revoked: usize,
    replayed: u64,
    restored: Vec<(TopicPartition, Restored)>,
    commits: u64,
    /// Sums of records, outputs, duplicates and refused ones.
    sums: [u64; 4],
    rejected: BTreeMap<&'static str, u64>,
    last: BTreeMap<TopicPartition, Progress>,
    lost: Vec<String>,
    saved: Vec<(TopicPartition, SavedState)>,
}

impl Told {
    fn with<T>(&self, act: impl FnOnce(&mut Heard) -> T) -> T {
        act(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn heard(&self) -> Heard {
        self.with(|heard| heard.clone())
    }
}

impl Observer for Told {
    fn turned(&self) {
        self.with(|heard| heard.turns += 1);
    }

    fn assigned(&self, sources: &[TopicPartition]) {
        self.with(|heard| heard.assigned += sources.len());
    }

    fn revoked(&self, sources: &[TopicPartition], _: bool) {
        self.with(|heard| heard.revoked += sources.len());
    }

    fn replayed(&self, _: TopicPartition, records: u64) {
        self.with(|heard| heard.replayed += records);
    }

    fn restored(&self, source: TopicPartition, restored: &Restored) {
        self.with(|heard| heard.restored.push((source, *restored)));
    }

    fn committed(&self, commit: &Commit<'_>) {
        self.with(|heard| {
            heard.commits += 1;
            for progress in commit.partitions {
                let counts = &progress.counts;
                let rejected = counts.rejected.iter().map(|(_, count)| count).sum();
                for (sum, of) in heard.sums.iter_mut().zip([counts.records, counts.outputs, counts.dropped, rejected]) {
                    *sum += of;
                }
                counts.rejected.iter().for_each(|(reason, count)| *heard.rejected.entry(reason).or_default() += count);
                heard.last.insert(progress.source, progress.clone());
            }
        });
    }

    fn lost_transaction(&self, why: &str) {
        self.with(|heard| heard.lost.push(why.to_owned()));
    }

    fn saved(&self, source: TopicPartition, saved: &SavedState) {
        self.with(|heard| heard.saved.push((source, *saved)));
    }
}

fn observed(options: RunOptions) -> (RunOptions, Arc<Told>) {
    let told = Arc::new(Told::default());
    (RunOptions { observer: Arc::clone(&told) as _, ..options }, told)
}

#[test]
fn it_comes_to_what_the_run_did() {
    let log = memory_log(&inputs(21, 400));
    let (options, told) = observed(options(7));
    let totals = run(&mut lane(&log).with_batch_sizes(&[3]), &options).unwrap();
    let heard = told.heard();
    let outputs: usize = [("clean", PARTITIONS), ("totals", scene::TOTALS_PARTITIONS), ("dead_letters", PARTITIONS)]
        .into_iter()
        .map(|(topic, partitions)| (0..partitions).map(|partition| log.records(topic, partition).len()).sum::<usize>())
        .sum();
    assert!(totals.rejected > 0 && totals.dropped > 0, "{totals:?}");
    assert_eq!(heard.sums, [totals.records, outputs as u64, totals.dropped, totals.rejected]);
    assert_eq!(heard.rejected.values().sum::<u64>(), totals.rejected);
    assert_eq!((heard.commits, heard.lost.len()), (totals.commits, 0));
    assert_eq!((heard.assigned, heard.restored.len()), (PARTITIONS as usize, PARTITIONS as usize));
    assert!(heard.turns > heard.commits, "{heard:?}");
    for (source, progress) in &heard.last {
        let records = log.records(INPUT, source.partition);
        let newest = |is_wanted: &dyn Fn(&pipeline::testing::StoredRecord) -> bool| {
            records.iter().filter(|record| is_wanted(record)).map(|record| record.timestamp_ms).max()
        };
        assert_eq!(progress.log_time_ms, newest(&|_| true), "{source:?}");
        assert_eq!(progress.heartbeat_ms, newest(&|record| heartbeat::is_heartbeat(&record.borrow())), "{source:?}");
        assert!(progress.next_offset > records.last().unwrap().offset);
    }
}

#[test]
fn a_lost_transaction_is_in_no_figure_but_its_own() {
    let expected = {
        let log = memory_log(&inputs(22, 200));
        let (options, told) = observed(options(7));
        run(&mut lane(&log), &options).unwrap();
        told.heard().sums
    };
    for (of, kind) in [(Call::Commit, FaultKind::Abort), (Call::Commit, FaultKind::LostReply), (Call::Send, FaultKind::Abort)] {
        let log = memory_log(&inputs(22, 200));
        let (options, told) = observed(options(7));
        let fault = Fault { at: 3, of: Some(of), kind };
        let totals = run(&mut FaultLog::new(lane(&log).with_batch_sizes(&[5]), &[fault]), &options).unwrap();
        let heard = told.heard();
        assert_eq!((totals.lost_transactions, heard.lost.len()), (1, 1), "{fault:?}");
        assert_eq!(heard.replayed, totals.replayed, "{fault:?}");
        assert_eq!(heard.restored.len(), 2 * PARTITIONS as usize, "{fault:?}: each, and each again");
        let missing = match kind {
            // It stands, but nobody knows: what it held was counted by nobody.
            FaultKind::LostReply => expected[0] - heard.sums[0],
            _ => 0,
        };
        assert!(missing <= 10, "{fault:?}: {missing}");
        assert_eq!(missing > 0, kind == FaultKind::LostReply, "{fault:?}");
        if missing == 0 {
            assert_eq!(heard.sums, expected, "{fault:?}");
        }
    }
}

#[test]
fn partitions_that_are_lost_are_told_of_and_so_are_the_transactions_with_them() {
    let mut lost_transactions = 0;
    for lost_at in 2..40 {
        let log = memory_log(&inputs(24, 80));
        let script = vec![(1, Rebalance::Assign(rebalance::all())), (lost_at, Rebalance::Lose(vec![rebalance::MOVED]))];
        let (options, told) = observed(options(7));
        let totals = run(&mut rebalance::scripted(&log, script), &options).unwrap();
        let heard = told.heard();
        assert_eq!((heard.lost.len() as u64, heard.revoked, heard.assigned), (totals.lost_transactions, 1, 3), "lost at poll {lost_at}");
        lost_transactions += totals.lost_transactions;
    }
    assert!(lost_transactions > 0);
}

#[test]
fn a_saved_state_is_told_of_with_its_length() {
    let log = memory_log(&inputs(23, 100));
    let store = Arc::new(MemoryStore::default());
    let (options, told) = observed(snapshots::saving(&store, Duration::ZERO));
    run(&mut lane(&log), &options).unwrap();
    let heard = told.heard();
    assert!(heard.saved.len() >= PARTITIONS as usize, "{heard:?}");
    assert!(heard.saved.iter().all(|(_, saved)| saved.bytes > 0));
    // The next run begins with what was saved last.
    let (options, told) = observed(options);
    run(&mut lane(&log), &options).unwrap();
    for (source, restored) in told.heard().restored {
        let last = heard.saved.iter().rev().find(|(saved, _)| *saved == source).unwrap().1;
        assert_eq!((restored.from_snapshot, restored.next_offset), (Some(last.offset), last.offset));
        assert_eq!(restored.log_time_ms, heard.last[&source].log_time_ms);
    }
}

#[test]
fn a_re_keyed_partition_is_as_fresh_as_its_stalest_input() {
    let at = |partition, timestamp_ms| Input { partition, timestamp_ms, key: heartbeat::writer_key("gateway").into_bytes(), value: None };
    let start_ms = 1_700_000_000_000;
    // Input partition 1 was heard of last a minute before the others.
    let times = [(0, 60_000), (1, 0), (2, 60_000)];
    let log = memory_log(&times.map(|(partition, offset_ms)| at(partition, start_ms + offset_ms)));
    run(&mut lane(&log), &options(7)).unwrap();
    let told = Arc::new(Told::default());
    let rule = LogTimeRule::Heartbeats { topic: INPUT.into(), partitions: PARTITIONS };
    let options = SinkOptions { log_times: vec![rule], observer: Arc::clone(&told) as _, ..sinks::options() };
    let mut lane = pipeline::testing::MemoryLane::new(&log, "fresh", &["totals"], &[]);
    let store = Rows::default();
    run_sink(&mut MemorySink::new("fresh", &store, PositionOwner::Store, 5), &mut lane, &options, &Shutdown::default()).unwrap();
    let heard = told.heard();
    assert_eq!(heard.last.len(), scene::TOTALS_PARTITIONS as usize, "{heard:?}");
    for progress in heard.last.values() {
        assert_eq!((progress.heartbeat_ms, progress.log_time_ms), (Some(start_ms), Some(start_ms)));
    }
    let all: usize = (0..scene::TOTALS_PARTITIONS).map(|partition| log.records("totals", partition).len()).sum();
    assert_eq!(heard.sums[0], all as u64);
}
