//! Records that the broker would refuse are refused before they are sent: there, one takes its whole batch along.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{INPUT, PARTITIONS, Scene, Stack, until};
use kafka::{KafkaLane, Reader};
use pipeline::{Log as _, LogError, OutputTopic, Outputs, Spread};

use crate::running::dynamic;

const HOUR_MS: i64 = 3_600_000;

/// What sending a record with this timestamp and so many bytes of value comes to.
fn send(scene: &Scene, lane: &mut KafkaLane, timestamp_ms: i64, bytes: usize) -> Result<(), LogError> {
    let mut out = Outputs::new(&[topic()]);
    out.push_to(0, 1, timestamp_ms, b"key", |value| value.resize(bytes, 7));
    let sent = lane.send(&mut out).and_then(|()| lane.commit(&[]));
    if sent.is_err() {
        lane.recover().unwrap();
    }
    let reader = Reader::new(&scene.cluster, Duration::from_secs(30)).unwrap();
    let records = || reader.bounds(INPUT, 1).map(|(first, end)| (end > first).then_some(end)).unwrap();
    match &sent {
        // The marker that ends the transaction comes a little after the answer.
        Ok(()) => scene.admin.delete_before(INPUT, 1, until("the record", records)).unwrap(),
        Err(_) => assert_eq!(scene.admin.end(INPUT, 1).unwrap(), reader.bounds(INPUT, 1).unwrap().0, "nothing was sent"),
    }
    sent
}

fn topic() -> OutputTopic {
    OutputTopic { name: INPUT.to_owned(), partitions: PARTITIONS, spread: Spread::SamePartition }
}

#[test]
fn a_clock_that_is_ahead_and_a_record_that_is_too_large() {
    let stack = Stack::with(&["kafka"]);
    let scene = Scene::new(&stack.kafka(), "refused", 1);
    scene.admin.set(INPUT, &[("message.timestamp.after.max.ms", "3600000"), ("message.timestamp.before.max.ms", "86400000")]).unwrap();
    scene.admin.set(INPUT, &[("max.message.bytes", "200000")]).unwrap();
    let mut lane = KafkaLane::writer(dynamic(&scene, "writer"), &[], &[topic()]).unwrap();
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let mut refused = |timestamp_ms, bytes| match send(&scene, &mut lane, timestamp_ms, bytes) {
        Err(LogError::Fatal(message)) => message,
        other => panic!("{other:?}"),
    };
    // An hour is allowed; a clock that is two hours ahead is named with both times.
    let message = refused(now_ms + 2 * HOUR_MS, 10);
    assert!(
        message.starts_with(&format!("a record for {}-1: timestamp {}, now ", scene.cluster.topic(INPUT), now_ms + 2 * HOUR_MS)),
        "{message}"
    );
    assert!(message.ends_with("the topic takes 86400000 ms back, 3600000 ms ahead"), "{message}");
    assert!(refused(now_ms - 25 * HOUR_MS, 10).contains("86400000 ms back"));
    let message = refused(now_ms, 200_000);
    assert!(message.contains("bytes, and the topic takes 200000"), "{message}");
    // And the lane goes on.
    for (timestamp_ms, bytes) in [(now_ms + HOUR_MS - 60_000, 10), (now_ms - 23 * HOUR_MS, 10), (now_ms, 199_000)] {
        send(&scene, &mut lane, timestamp_ms, bytes).unwrap();
    }
}
