//! The gateway: requests judged, and made durable before they are answered.

use std::sync::mpsc::channel;

use pipeline::local::{LocalLane, LocalLog, TopicOptions};
use producers::ReceivedTime;
use producers::gateway::{JudgedRequest, NotTaken, RequestOptions, Status, intake, judge_request, run_intake};
use producers::ingest::{RawTopic, outputs};
use proptest::prelude::{any, prop, proptest};

/// 2024-01-01.
const NOW_MS: i64 = 1_704_067_200_000;

const OPTIONS: RequestOptions = RequestOptions { topic: RawTopic::PlaybackEvents, schema_id: 7, late_horizon_ms: 72 * 3_600_000 };

fn judged(body: &str) -> JudgedRequest {
    judge_request(body.as_bytes(), ReceivedTime::now(NOW_MS), &OPTIONS).unwrap()
}

/// A request of one event of that session.
fn request(session_id: &str) -> JudgedRequest {
    judged(&format!(r#"{{"events":[{{"session_id":"{session_id}","type":"PLAY","event_time":"2024-01-01T00:00:00Z","title_id":"t"}}]}}"#))
}

fn log(partitions: u32, max_future_ms: Option<i64>) -> LocalLog {
    let log = LocalLog::in_memory().unwrap();
    log.create_topic("playback_events", TopicOptions { partitions, max_future_ms }).unwrap();
    log
}

fn ends(log: &LocalLog, partitions: u32) -> i64 {
    (0..partitions).map(|partition| log.bounds("playback_events", partition).unwrap().1).sum()
}

#[test]
fn whoever_is_told_finds_the_events_in_the_log() {
    let log = log(4, None);
    let (sender, told) = channel();
    let (intake, queue) = intake(100);
    for number in 0..100 {
        let (log, sender) = (log.clone(), sender.clone());
        let events = request(&format!("s{number}")).accepted;
        intake.offer(events, move |result| sender.send((result, ends(&log, 4))).unwrap()).unwrap();
    }
    drop(intake);
    let topics = outputs(RawTopic::PlaybackEvents, 4);
    let mut lane = LocalLane::new(&log, "gateway", &[], &topics).unwrap();
    let commits = log.durable_commits();
    run_intake(&queue, &mut lane, &topics).unwrap();
    // They waited together, so they share a transaction: each is told when all are there.
    assert_eq!(told.try_iter().collect::<Vec<_>>(), vec![(Ok(()), 100); 100]);
    assert_eq!(log.durable_commits(), commits + 1);
}

#[test]
fn too_many_are_refused_at_once_and_a_log_that_fails_is_told() {
    let (intake, queue) = intake(2);
    let (sender, told) = channel();
    let offer = |session_id: &str| {
        let sender = sender.clone();
        intake.offer(request(session_id).accepted, move |result| sender.send(result).unwrap())
    };
    assert_eq!([offer("a"), offer("b"), offer("c")], [Ok(()), Ok(()), Err(NotTaken::Busy)]);
    // No record may be ahead of a clock that stands at 1970.
    let options = pipeline::local::LocalLogOptions { clock: std::sync::Arc::new(|| 0), cache_bytes: 1 << 20 };
    let log = LocalLog::in_memory_with(options).unwrap();
    log.create_topic("playback_events", TopicOptions { partitions: 1, max_future_ms: Some(60_000) }).unwrap();
    let topics = outputs(RawTopic::PlaybackEvents, 1);
    let mut lane = LocalLane::new(&log, "gateway", &[], &topics).unwrap();
    assert!(run_intake(&queue, &mut lane, &topics).is_err());
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [Err(NotTaken::Stopped); 2]);
    drop(queue);
    assert_eq!(offer("d"), Err(NotTaken::Stopped));
    assert_eq!(ends(&log, 1), 0);
}

/// Equal events of a request are two, and those of the request sent again are the same two.
#[test]
fn ids_that_are_made_are_the_same_when_a_request_is_sent_again() {
    let event = r#"{"session_id":"s","type":"PLAY","event_time":"2024-01-01T00:00:00Z","title_id":"t"}"#;
    let ids = |sent_at: &str| -> Vec<[u8; 16]> {
        let body = format!(r#"{{"sent_at":"{sent_at}","events":[{event},{event}]}}"#);
        judged(&body).accepted.iter().map(|accepted| accepted.event_id).collect()
    };
    let first = ids("2024-01-01T00:00:00Z");
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1]);
    assert_eq!(ids("2024-01-01T00:00:09Z"), first);
}

proptest! {
    /// Whatever comes is judged, and each event once, in order.
    #[test]
    fn any_body_gets_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), events in prop::collection::vec(".{0,20}", 0..5)) {
        // Random bytes are mostly no request; that is an answer too.
        judge_request(&bytes, ReceivedTime::now(NOW_MS), &OPTIONS).ok();
        let body = serde_json::json!({"events": events}).to_string();
        let judged = judged(&body);
        assert_eq!(judged.verdicts.iter().map(|verdict| verdict.index).collect::<Vec<_>>(), (0..events.len()).collect::<Vec<_>>());
        assert!(judged.verdicts.iter().all(|verdict| verdict.status == Status::Rejected && verdict.reason == Some("not_json")));
    }
}
