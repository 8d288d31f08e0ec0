//! Positions outside of the log, and topics that are not what they were: a loud stop, never a silent step.

use std::thread;
use std::time::{Duration, Instant};

use e2e::{INPUT, RunArguments, Scene, Stack, until};
use kafka::{KafkaLane, LaneOptions};
use pipeline::{Committed, Log as _, LogError, Polled, Position, Shutdown, TopicPartition};

use crate::running::{Running, fixed};

#[test]
fn a_position_that_retention_has_passed_stops_the_lane() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "passed", 60);
    scene.write(scene.left() / 2);
    let run = |scene: &Scene| {
        let mut stage = scene.stage();
        let mut lane = stage.lane(fixed(scene, &scene.cluster, "one")).unwrap();
        stage.run(&mut lane, &RunArguments::default(), &Shutdown::default())
    };
    run(&scene).unwrap();
    let (_, committed) = scene.admin.bounds(INPUT, 1).unwrap();
    scene.write_all();
    // At the position itself nothing is lost; behind it something is.
    scene.admin.delete_before(INPUT, 1, committed + 2).unwrap();
    let (held_first, held_end) = scene.admin.bounds(INPUT, 1).unwrap();
    assert_eq!(held_first, committed + 2);
    match run(&scene).unwrap_err() {
        LogError::OutOfRange { topic, partition, position, first, end } => {
            assert_eq!((topic.as_str(), partition, position, first, end), ("playback_events", 1, committed, held_first, held_end));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn retention_that_passes_a_lane_while_it_reads_stops_it() {
    const SOURCE: TopicPartition = TopicPartition { topic: 0, partition: 2 };
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "overtaken", 60);
    scene.write_all();
    let mut lane = scene.stage().lane(fixed(&scene, &scene.cluster, "one")).unwrap();
    let sources = until("the assignment", || match lane.poll(Duration::from_secs(1)).unwrap() {
        Polled::Assigned(sources) => Some(sources),
        polled => panic!("{polled:?}"),
    });
    assert!(sources.contains(&SOURCE));
    scene.admin.delete_before(INPUT, SOURCE.partition, 5).unwrap();
    // Read again, a range must be there as a whole.
    let mut each = |_: &pipeline::Batch<'_>| panic!("nothing is read of a range that is not whole");
    let error = lane.read(SOURCE, 3, 9, &mut each).unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { position: 3, first: 5, .. }), "{error}");
    lane.seek(SOURCE, 3).unwrap();
    let error = until("the error", || match lane.poll(Duration::from_secs(1)) {
        Ok(Polled::Idle { caught_up }) => (caught_up).then(|| panic!("nothing was read")),
        Ok(polled) => panic!("{polled:?}"),
        Err(error) => Some(error),
    });
    assert!(
        matches!(&error, LogError::OutOfRange { topic, partition: 2, position: 3, first: 5, .. } if *topic == scene.cluster.topic(INPUT)),
        "{error}"
    );
}

/// A broker that has just come back after a kill may not know its end again yet.
#[test]
fn a_position_beyond_the_end_is_waited_for() {
    const AHEAD: i64 = 5;
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "beyond", 60);
    scene.write(scene.left() / 2);
    let (_, end) = scene.admin.bounds(INPUT, 0).unwrap();
    let source = TopicPartition { topic: 0, partition: 0 };
    let assigned = |options: LaneOptions| {
        let mut lane = KafkaLane::sink(options, &[INPUT]).unwrap();
        until("the assignment", || match lane.poll(Duration::from_secs(1)).unwrap() {
            Polled::Assigned(sources) => Some(sources),
            polled => panic!("{polled:?}"),
        });
        lane
    };
    let patience = Duration::from_secs(1);
    let mut lane = assigned(LaneOptions { patience, ..fixed(&scene, &scene.cluster, "one") });
    let committed = Committed { next_offset: end + AHEAD, metadata: String::new() };
    lane.commit(&[Position { source, committed: committed.clone() }]).unwrap();
    assert_eq!(lane.committed(source).unwrap(), Some(committed));
    let asked = Instant::now();
    assert_eq!(lane.bounds(source).unwrap().1, end);
    assert!(asked.elapsed() >= patience, "it was asked again until its patience was at an end");
    drop(lane);
    let mut lane = assigned(fixed(&scene, &scene.cluster, "one"));
    lane.committed(source).unwrap();
    let found = thread::scope(|scope| {
        scope.spawn(|| scene.write_all());
        lane.bounds(source).unwrap()
    });
    assert!(found.1 >= end + AHEAD, "{found:?}");
}

#[test]
fn a_seek_right_after_the_assignment_skips_nothing() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "sought", 60);
    scene.write_all();
    let ends: i64 = (0..e2e::PARTITIONS).map(|partition| scene.admin.bounds(INPUT, partition).unwrap().1).sum();
    let mut lane = scene.stage().lane(fixed(&scene, &scene.cluster, "one")).unwrap();
    let mut next_offsets = std::collections::BTreeMap::new();
    let mut records = 0;
    until("the end", || {
        match lane.poll(Duration::from_millis(100)).unwrap() {
            Polled::Assigned(sources) => sources.into_iter().for_each(|source| lane.seek(source, 0).unwrap()),
            Polled::Batch(batch) => {
                let expected = next_offsets.insert(batch.source, batch.next_offset).unwrap_or(0);
                let first = batch.records.first().map_or(expected, |record| record.offset);
                // At most the marker of one transaction is between two batches.
                assert!((expected..=expected + 1).contains(&first), "{first} after {expected}");
                records += batch.records.len();
            }
            Polled::Idle { caught_up } => return caught_up.then_some(()),
            polled @ Polled::Revoked { .. } => panic!("{polled:?}"),
        }
        None
    });
    assert_eq!(next_offsets.values().sum::<i64>(), ends, "every position is at its end, past the last marker");
    assert!(records > 1_000);
}

#[test]
fn a_topic_made_anew_is_noticed_and_starts_anew() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "anew", 60);
    scene.write(scene.left() / 2);
    let running = Running::start(&scene, fixed(&scene, &scene.cluster, "one"), 100);
    running.wait_for_commits(2);
    let old = scene.admin.describe(INPUT).unwrap().id;
    scene.admin.delete(&[INPUT]).unwrap();
    until("the deletion", || scene.admin.describe(INPUT).is_err().then_some(()));
    until("a topic of the same name", || {
        let topic = kafka::NewTopic { name: INPUT, partitions: e2e::PARTITIONS, replicas: Some(1), settings: vec![("retention.ms", "-1")] };
        scene.admin.create(&[topic]).ok()
    });
    assert_ne!(scene.admin.describe(INPUT).unwrap().id, old);
    let error = running.end().unwrap_err();
    assert!(matches!(&error, LogError::Fatal(message) if message.contains(INPUT)), "{error}");
    // Positions belong to the topic that is gone.
    let mut lane = scene.stage().lane(fixed(&scene, &scene.cluster, "one")).unwrap();
    let sources = until("the assignment", || match lane.poll(Duration::from_secs(1)).unwrap() {
        Polled::Assigned(sources) => Some(sources),
        _ => None,
    });
    for source in sources {
        assert_eq!(lane.committed(source).unwrap(), None);
    }
}
