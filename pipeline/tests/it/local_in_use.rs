//! The local log while others write to it.

use std::ops::ControlFlow;
use std::time::Duration;

use pipeline::local::{LocalLane, LocalLog, TopicOptions};
use pipeline::{Committed, Log as _, OutputTopic, Outputs, Polled, Position, Spread, TopicPartition};

const IN: TopicPartition = TopicPartition { topic: 0, partition: 0 };

fn topic(log: &LocalLog) -> [OutputTopic; 1] {
    log.create_topic("in", TopicOptions { partitions: 1, max_future_ms: None }).unwrap();
    [log.output_topic("in", Spread::Unmarked).unwrap()]
}

/// Commits `from..to`, each in a transaction of its own.
fn write(log: &LocalLog, from: i64, to: i64) {
    let topics = topic(log);
    let mut lane = LocalLane::new(log, "writer", &[], &topics).unwrap();
    let mut out = Outputs::new(&topics);
    for number in from..to {
        out.push_to(0, 0, number, b"key", |value| value.extend_from_slice(&number.to_le_bytes()));
        lane.send(&mut out).unwrap();
        lane.commit(&[]).unwrap();
    }
}

#[test]
fn a_copy_is_of_one_moment_and_a_log_like_any_other() {
    const RECORDS: i64 = 500;
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(&folder.path().join("log.redb")).unwrap();
    write(&log, 0, RECORDS);
    let mut lane = LocalLane::new(&log, "stage", &["in"], &[]).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Assigned(_))));
    lane.commit(&[Position { source: IN, committed: Committed { next_offset: 7, metadata: "m".into() } }]).unwrap();

    let path = folder.path().join("copy.redb");
    std::thread::scope(|threads| {
        threads.spawn(|| write(&log, RECORDS, RECORDS + 200));
        log.copy_to(&path).unwrap();
    });
    let copy = LocalLog::open(&path).unwrap();
    assert_eq!(copy.topics(), log.topics());
    assert_eq!(copy.committed("stage", "in", 0).unwrap(), log.committed("stage", "in", 0).unwrap());
    let (first, end) = copy.bounds("in", 0).unwrap();
    assert!(first == 0 && (RECORDS..=RECORDS + 200).contains(&end), "{first}..{end}");
    let mut next = 0_i64;
    copy.read_partition("in", 0, 0, end, &mut |batch| {
        for record in &batch.records {
            assert_eq!((record.offset, record.value), (next, Some(&next.to_le_bytes()[..])));
            next += 1;
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(next, end);
    // It goes on by itself.
    write(&copy, end, end + 1);
    assert_eq!(copy.bounds("in", 0).unwrap().1, end + 1);
    assert!(log.copy_to(&folder.path().join("no/such/folder")).is_err());
}
