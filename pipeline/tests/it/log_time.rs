//! Log time: the largest timestamp seen; of a re-keyed partition the smallest among its inputs' heartbeats, none until all are heard.

use pipeline::heartbeat::{self, Beat};
use pipeline::testing::{MemoryLane, MemoryLog, Seeded};
use pipeline::{
    Headers, LogTime, LogTimeRule, Moment, NoDeadLetters, Outcome, OutputTopic, Outputs, Processor, Record, RunOptions, Shutdown, Spread,
    TopicPartition, run_processor,
};

use crate::scene::{self, INPUT, PARTITIONS, TOTALS_PARTITIONS};

fn record<'a>(timestamp_ms: i64, key: &'a str, headers: &'a [u8]) -> Record<'a> {
    Record { offset: 0, timestamp_ms, key: Some(key.as_bytes()), value: None, headers: Headers::from_encoded(headers) }
}

fn beat_header() -> Vec<u8> {
    let mut encoded = Vec::new();
    Headers::append(&mut encoded, heartbeat::HEADER.as_bytes(), Beat { sequence: 1, sent_ms: 2 }.to_text().as_bytes());
    encoded
}

fn rekeyed(partitions: u32) -> LogTimeRule {
    LogTimeRule::Heartbeats { topic: "events".into(), partitions }
}

#[test]
fn the_largest_timestamp_never_goes_back() {
    let mut log_time = LogTime::new(&LogTimeRule::Records);
    assert_eq!(log_time.now_ms(), None);
    for (timestamp_ms, moved, now_ms) in [(-5, true, -5), (10, true, 10), (9, false, 10), (10, false, 10), (11, true, 11)] {
        assert_eq!(log_time.observe(&record(timestamp_ms, "key", &[]), false), moved);
        assert_eq!(log_time.now_ms(), Some(now_ms));
    }
}

#[test]
fn a_rekeyed_partition_waits_for_all_its_inputs() {
    let headers = beat_header();
    let mut log_time = LogTime::new(&rekeyed(3));
    let steps = [
        ("playhead.heartbeat/events/0", 100, None),
        ("playhead.heartbeat/events/2", 50, None),
        ("playhead.heartbeat/other/1", 70, None),
        ("playhead.heartbeat/events/3", 70, None),
        ("playhead.heartbeat/events/1", 80, Some(50)),
        ("playhead.heartbeat/events/2", 40, Some(50)),
        ("playhead.heartbeat/events/2", 90, Some(80)),
        ("playhead.heartbeat/events/1", 300, Some(90)),
        ("playhead.heartbeat/gateway", 900, Some(90)),
    ];
    for (key, timestamp_ms, now_ms) in steps {
        let before = log_time.now_ms();
        let moved = log_time.observe(&record(timestamp_ms, key, &headers), true);
        assert_eq!(log_time.now_ms(), now_ms, "after {key} at {timestamp_ms}");
        assert_eq!(moved, before != now_ms, "after {key} at {timestamp_ms}");
    }
    assert!(!log_time.observe(&record(10_000, "events/0", &[]), false), "a record says nothing about the other inputs");
}

#[test]
fn it_is_the_smallest_of_the_largest() {
    let headers = beat_header();
    let mut seeded = Seeded::new(3);
    for _ in 0..200 {
        let mut log_time = LogTime::new(&rekeyed(4));
        let mut largest = [None; 4];
        for _ in 0..40 {
            let (partition, timestamp_ms) = (usize::try_from(seeded.below(4)).unwrap(), i64::try_from(seeded.below(1_000)).unwrap());
            let key = heartbeat::forwarded_key("events", u32::try_from(partition).unwrap());
            log_time.observe(&record(timestamp_ms, &key, &headers), true);
            largest[partition] = largest[partition].max(Some(timestamp_ms));
            assert_eq!(log_time.now_ms(), largest.iter().copied().min().unwrap());
        }
    }
}

/// Writes down the log time at which it sees every record.
struct Witness {
    outputs: Vec<OutputTopic>,
}

impl Processor for Witness {
    type State = Vec<i64>;

    fn name(&self) -> &'static str {
        "witness"
    }

    fn outputs(&self) -> &[OutputTopic] {
        &self.outputs
    }

    fn new_state(&self, _: TopicPartition) -> Vec<i64> {
        Vec::new()
    }

    fn advance(&self, advanced: &mut Vec<i64>, log_time_ms: i64, _: &mut Outputs) {
        assert!(advanced.last().is_none_or(|last| *last < log_time_ms), "log time moved back");
        advanced.push(log_time_ms);
    }

    fn process(&self, advanced: &mut Vec<i64>, record: &Record<'_>, moment: &Moment, out: &mut Outputs) -> Outcome {
        assert_eq!(moment.log_time_ms, advanced.last().copied(), "timers fire before the record that moved log time");
        let text = format!("{:?}", moment.log_time_ms);
        out.push_to(0, moment.source.partition, record.timestamp_ms, b"key", |value| value.extend_from_slice(text.as_bytes()));
        Outcome::Done
    }
}

fn witness(log: &MemoryLog) {
    let outputs = vec![OutputTopic { name: "seen".into(), partitions: TOTALS_PARTITIONS, spread: Spread::SamePartition }];
    let options = RunOptions {
        log_time: LogTimeRule::Heartbeats { topic: INPUT.into(), partitions: PARTITIONS },
        inputs: vec!["totals".into()],
        ..scene::options(5)
    };
    let mut lane = MemoryLane::new(log, "witness", &["totals"], &outputs).with_batch_sizes(&[3]);
    run_processor(&mut Witness { outputs }, &mut lane, &NoDeadLetters, &options, &Shutdown::default()).unwrap();
}

#[test]
fn two_stages_in_a_row() {
    let log = scene::memory_log(&scene::inputs(12, 300));
    log.create_topic("seen", TOTALS_PARTITIONS);
    scene::run(&mut scene::lane(&log).with_batch_sizes(&[4]), &scene::options(6)).unwrap();
    witness(&log);
    let mut before_all_are_heard = 0;
    for partition in 0..TOTALS_PARTITIONS {
        let seen: Vec<String> = log
            .records("seen", partition)
            .into_iter()
            .filter(|record| !heartbeat::is_heartbeat(&record.borrow()))
            .map(|record| String::from_utf8(record.value.unwrap()).unwrap())
            .collect();
        // The same, from the records of the topic between.
        let mut newest = vec![None; PARTITIONS as usize];
        let mut now_ms = None;
        let mut expected = Vec::new();
        for record in log.records("totals", partition) {
            match heartbeat::forwarded_for(record.key.as_deref().unwrap()) {
                Some((_, from)) => newest[from as usize] = newest[from as usize].max(Some(record.timestamp_ms)),
                None => expected.push(format!("{now_ms:?}")),
            }
            now_ms = now_ms.max(newest.iter().copied().min().flatten());
        }
        assert_eq!(seen, expected);
        assert!(seen.last().is_some_and(|time| time != "None"), "{seen:?}");
        before_all_are_heard += seen.iter().filter(|time| *time == "None").count();
    }
    assert!(before_all_are_heard > 0, "some record came first");
}
