//! What can be asked of a cluster without being a member of anything: offsets by time, ends behind open transactions, a group's positions. And a
//! writer in no group, which gives way.

use std::ops::ControlFlow;
use std::time::Duration;

use e2e::{INPUT, PARTITIONS, RunArguments, Scene, Stack, until};
use kafka::{KafkaLane, LaneOptions, Reader};
use pipeline::{Log as _, LogError, OutputTopic, Outputs, Shutdown, Spread};

use crate::running::dynamic;

const PATIENCE: Duration = Duration::from_secs(30);
const TOPIC: &str = "asked";
const START_MS: i64 = 1_760_000_000_000;

/// A topic for the records of a test, and a writer to it.
fn writer(scene: &Scene) -> (KafkaLane, Outputs) {
    let topic = OutputTopic { name: TOPIC.to_owned(), partitions: PARTITIONS, spread: Spread::Unmarked };
    let options = LaneOptions { group: "writer".to_owned(), ..dynamic(scene, "writer") };
    (KafkaLane::writer(options, &[], std::slice::from_ref(&topic)).unwrap(), Outputs::new(&[topic]))
}

fn write(lane: &mut KafkaLane, out: &mut Outputs, timestamps_ms: &[i64]) {
    for &timestamp_ms in timestamps_ms {
        out.push_to(0, 0, timestamp_ms, b"key", |value| value.push(7));
    }
    lane.send(out).unwrap();
}

#[test]
fn the_offset_for_a_time_is_that_of_the_first_committed_record_that_is_not_before_it() {
    let stack = Stack::with(&["kafka"]);
    let scene = Scene::new(&stack.kafka(), "times", 1);
    scene.create(TOPIC);
    let (mut lane, mut out) = writer(&scene);
    // Each commit leaves a marker behind its records, which has the time of today: offsets 0 1 2 (3) 4 5 (6).
    for timestamps_ms in [&[10, 20, 20][..], &[15, 30]] {
        write(&mut lane, &mut out, &timestamps_ms.iter().map(|ms| START_MS + ms).collect::<Vec<_>>());
        lane.commit(&[]).unwrap();
    }
    // What is not committed is not found.
    write(&mut lane, &mut out, &[START_MS + 40]);
    let mut reader = Reader::new(&scene.cluster, PATIENCE).unwrap();
    let cases = [(i64::MIN, 0), (-1, 0), (0, 0), (START_MS + 10, 0), (START_MS + 11, 1), (START_MS + 20, 1), (START_MS + 21, 5)];
    for (timestamp_ms, offset) in cases {
        assert_eq!(reader.offset_for_time(TOPIC, 0, timestamp_ms).unwrap(), offset, "{timestamp_ms}");
    }
    for timestamp_ms in [START_MS + 31, START_MS + 40, i64::MAX] {
        assert_eq!(reader.offset_for_time(TOPIC, 0, timestamp_ms).unwrap(), 7, "the end: {timestamp_ms}");
    }
    assert_eq!(reader.offset_for_time(TOPIC, 1, START_MS).unwrap(), 0, "an empty partition");
}

#[test]
fn settled_bounds_wait_for_the_transaction_that_is_open() {
    let stack = Stack::with(&["kafka"]);
    let scene = Scene::new(&stack.kafka(), "settled", 1);
    scene.create(TOPIC);
    let (mut lane, mut out) = writer(&scene);
    write(&mut lane, &mut out, &[1, 2]);
    let impatient = Reader::new(&scene.cluster, Duration::from_millis(200)).unwrap();
    let error = until("the records are there", || impatient.settled_bounds(&[(TOPIC, 0)]).err());
    assert!(matches!(&error, LogError::Transaction(why) if why.contains("stays open")), "{error}");
    assert_eq!(impatient.bounds(TOPIC, 0).unwrap(), (0, 0));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Reader::new(&scene.cluster, PATIENCE).unwrap().settled_bounds(&[(TOPIC, 0)]).unwrap());
        lane.commit(&[]).unwrap();
        // Whether it asked before the commit or after it, it has seen both records.
        assert!(waiting.join().unwrap()[0].1 >= 2);
    });
    let places = [(TOPIC, 1), (TOPIC, 0)];
    assert_eq!(impatient.settled_bounds(&places).unwrap(), [(0, 0), (0, 3)], "two records and a marker");
}

#[test]
fn positions_of_a_group_are_told_for_the_topic_that_is_there_now() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "positions", 30);
    let committed = |scene: &Scene, group: &str| -> Vec<Option<i64>> {
        let found = scene.admin.committed(group, INPUT).unwrap();
        found.into_iter().map(|committed| committed.map(|committed| committed.next_offset)).collect()
    };
    assert_eq!(committed(&scene, "playback"), vec![None; PARTITIONS as usize]);
    scene.write_all();
    let mut stage = scene.stage();
    let options = dynamic(&scene, "one");
    let group = options.group.clone();
    let mut lane = stage.lane(options).unwrap();
    stage.run(&mut lane, &RunArguments::default(), &Shutdown::default()).unwrap();
    let ends: Vec<Option<i64>> = (0..PARTITIONS).map(|partition| Some(scene.admin.bounds(INPUT, partition).unwrap().1)).collect();
    assert_eq!(committed(&scene, &group), ends);
    assert_eq!(committed(&scene, "another"), vec![None; PARTITIONS as usize]);
    drop(lane);
    // Positions belong to the topic that is gone.
    scene.admin.delete(&[INPUT]).unwrap();
    until("the deletion", || scene.admin.describe(INPUT).is_err().then_some(()));
    let anew = kafka::NewTopic { name: INPUT, partitions: PARTITIONS, replicas: Some(1), settings: Vec::new() };
    until("a topic of the same name", || scene.admin.create(std::slice::from_ref(&anew)).ok());
    assert_eq!(committed(&scene, &group), vec![None; PARTITIONS as usize]);
}

#[test]
fn a_writer_that_is_fenced_gives_way_and_does_not_take_its_name_back() {
    let stack = Stack::with(&["kafka"]);
    let scene = Scene::new(&stack.kafka(), "gives-way", 1);
    scene.create(TOPIC);
    let (mut first, mut out) = writer(&scene);
    write(&mut first, &mut out, &[1]);
    first.commit(&[]).unwrap();
    write(&mut first, &mut out, &[2]);
    let (mut second, mut out_of_second) = writer(&scene);
    let error = first.commit(&[]).unwrap_err();
    assert!(matches!(error, LogError::Fenced(_)), "{error}");
    write(&mut second, &mut out_of_second, &[3]);
    second.commit(&[]).unwrap();
    let mut timestamps_ms = Vec::new();
    let mut reader = Reader::new(&scene.cluster, PATIENCE).unwrap();
    // The marker of the last transaction comes a little after the answer to its commit.
    let (_, end) = reader.settled_bounds(&[(TOPIC, 0)]).unwrap()[0];
    let read = reader.read(TOPIC, 0, 0, end, &mut |record| {
        timestamps_ms.push(record.timestamp_ms);
        ControlFlow::Continue(())
    });
    read.unwrap();
    assert_eq!(timestamps_ms, [1, 3]);
}
