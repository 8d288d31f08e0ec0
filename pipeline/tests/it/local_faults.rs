//! The run loops over the local log in a file: faults, crashes and restarts end as an undisturbed run does.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use pipeline::heartbeat;
use pipeline::local::{LocalLane, LocalLog, TopicOptions};
use pipeline::testing::{Call, Fault, FaultKind, FaultLog, StoredRecord};
use pipeline::{Log, LogError, OutputTopic, Outputs, RunOptions, Spread, Totals};

use crate::counter::STAGE;
use crate::scene::{self, INPUT, Input, Outcome, PARTITIONS, TOTALS_PARTITIONS, options, output_topics, run};

/// A log in a file with the scene's input, which has no gaps here.
fn make(path: &Path, inputs: &[Input]) {
    let log = LocalLog::open(path).unwrap();
    for (name, partitions) in [(INPUT, PARTITIONS), ("clean", PARTITIONS), ("totals", TOTALS_PARTITIONS), ("dead_letters", PARTITIONS)] {
        log.create_topic(name, TopicOptions { partitions, max_future_ms: None }).unwrap();
    }
    let topics = [OutputTopic { name: INPUT.into(), partitions: PARTITIONS, spread: Spread::Unmarked }];
    let mut producer = LocalLane::new(&log, "import", &[], &topics).unwrap();
    let mut out = Outputs::new(&topics);
    // Several commits, so several blocks.
    for chunk in inputs.chunks(17) {
        for (number, input) in (0i64..).zip(chunk) {
            match &input.value {
                Some(value) => out.push_to(0, input.partition, input.timestamp_ms, &input.key, |bytes| bytes.extend_from_slice(value)),
                None => {
                    let text = scene::beat_text(number, input.timestamp_ms);
                    out.push_marker(0, input.partition, input.timestamp_ms, &input.key, (heartbeat::HEADER, text.as_bytes()));
                }
            }
        }
        producer.send(&mut out).unwrap();
        producer.commit(&[]).unwrap();
    }
}

fn lane(log: &LocalLog) -> LocalLane {
    LocalLane::new(log, STAGE, &[INPUT], &output_topics()).unwrap().with_poll_records(4)
}

/// A lane at the end waits for as long as the interval before it says so.
fn short() -> RunOptions {
    RunOptions { commit_interval: Duration::from_millis(1), ..options(7) }
}

fn outcome(log: &LocalLog) -> Outcome {
    let id = log.topic(INPUT).unwrap().0.to_string();
    let records = |topic: &str, partition| {
        let mut records = Vec::new();
        log.read_partition(topic, partition, 0, i64::MAX, &mut |batch| {
            records.extend(batch.records.iter().map(|record| StoredRecord {
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: record.key.map(Vec::from),
                // Topic ids are made at random.
                value: record.value.map(|value| String::from_utf8_lossy(value).replace(&id, "id").into_bytes()),
                headers: record.headers.as_encoded().to_vec(),
            }));
            ControlFlow::Continue(())
        })
        .unwrap();
        records
    };
    Outcome::new(records, |partition| log.committed(STAGE, INPUT, partition).unwrap().map(|committed| committed.next_offset))
}

fn undisturbed(inputs: &[Input]) -> (Outcome, Totals) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    make(&path, inputs);
    let log = LocalLog::open(&path).unwrap();
    let totals = run(&mut lane(&log), &short()).unwrap();
    (outcome(&log), totals)
}

#[test]
fn faults_at_many_calls() {
    let inputs = scene::inputs(50, 120);
    let (expected, totals) = undisturbed(&inputs);
    assert!(totals.dropped > 0 && totals.rejected > 0 && totals.commits > 5, "{totals:?}");
    let commits = (1..=4).map(|at| (at * 3, Some(Call::Commit)));
    let places: Vec<(u64, Option<Call>)> = (1..80).step_by(9).map(|at| (at, None)).chain(commits).collect();
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for &(at, of) in &places {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            make(&path, &inputs);
            let log = LocalLog::open(&path).unwrap();
            let mut disturbed = FaultLog::new(lane(&log), &[Fault { at, of, kind }]);
            let first = run(&mut disturbed, &short());
            assert_eq!(disturbed.fired(), 1, "{kind:?} at {of:?} {at}");
            // The handles go as they would with the process.
            drop((disturbed, log));
            let log = LocalLog::open(&path).unwrap();
            match first {
                Ok(_) => assert_ne!(kind, FaultKind::Crash),
                Err(LogError::Fatal(message)) if message == "crash" => {
                    run(&mut lane(&log), &short()).unwrap();
                }
                Err(error) => panic!("{kind:?} at {of:?} {at}: {error}"),
            }
            assert_eq!(outcome(&log), expected, "{kind:?} at {of:?} {at}");
        }
    }
}

#[test]
fn a_run_after_the_last_changes_nothing() {
    let inputs = scene::inputs(51, 60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    make(&path, &inputs);
    let run_again = || {
        let log = LocalLog::open(&path).unwrap();
        let totals = run(&mut lane(&log), &short()).unwrap();
        (outcome(&log), totals.records, totals.replayed)
    };
    let (first, records, replayed) = run_again();
    assert_eq!((records, replayed), (60, 0));
    assert_eq!(run_again(), (first, 0, 60));
}
