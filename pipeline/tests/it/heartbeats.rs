//! Heartbeats are passed on once per 10 s of log time and input partition, to every partition that the outputs can go to.

use std::collections::BTreeMap;

use pipeline::heartbeat::{self, Beat};
use pipeline::testing::StoredRecord;

use crate::scene::{self, Input, TOTALS_PARTITIONS, lane, memory_log, options, run};

/// A whole number of intervals.
const START_MS: i64 = 1_700_000_000_000;

fn heartbeat_at(partition: u32, timestamp_ms: i64) -> Input {
    Input { partition, timestamp_ms, key: heartbeat::writer_key("gateway").into_bytes(), value: None }
}

fn event_at(partition: u32, timestamp_ms: i64, id: u32) -> Input {
    Input { partition, timestamp_ms, key: b"key".to_vec(), value: Some(id.to_string().into_bytes()) }
}

fn beats(records: &[StoredRecord]) -> Vec<(String, i64)> {
    let marked = records.iter().filter(|record| heartbeat::is_heartbeat(&record.borrow()));
    marked.map(|record| (String::from_utf8(record.key.clone().unwrap()).unwrap(), record.timestamp_ms)).collect()
}

#[test]
fn one_an_interval_whatever_comes_in() {
    assert_eq!(START_MS % heartbeat::INTERVAL_MS, 0);
    // Ten heartbeats and ten events a second for 25 s: intervals 0, 1 and 2.
    let inputs: Vec<Input> = (0..250)
        .flat_map(|step| {
            let time_ms = START_MS + i64::from(step) * 100;
            [heartbeat_at(1, time_ms), event_at(1, time_ms, step)]
        })
        .collect();
    let log = memory_log(&inputs);
    run(&mut lane(&log).with_batch_sizes(&[7]), &options(9)).unwrap();
    let key = "playhead.heartbeat/events/1".to_owned();
    let expected: Vec<(String, i64)> = (0..3).map(|number| (key.clone(), START_MS + number * heartbeat::INTERVAL_MS)).collect();
    assert_eq!(beats(&log.records("clean", 1)), expected, "same key, same partition");
    assert_eq!(beats(&log.records("clean", 0)), [], "another partition's log time is not known here");
    for partition in 0..TOTALS_PARTITIONS {
        assert_eq!(beats(&log.records("totals", partition)), expected, "a re-keyed record may go to any partition");
    }
    for partition in 0..scene::PARTITIONS {
        assert_eq!(beats(&log.records("dead_letters", partition)), [], "not marked");
    }
}

#[test]
fn a_leap_of_log_time_is_one_heartbeat_and_time_never_goes_back() {
    let times = [0, 95_000, 20_000, 94_999, 100_000];
    let inputs: Vec<Input> = times.iter().map(|offset_ms| heartbeat_at(0, START_MS + offset_ms)).collect();
    let log = memory_log(&inputs);
    run(&mut lane(&log), &options(2)).unwrap();
    let times: Vec<i64> = beats(&log.records("clean", 0)).into_iter().map(|(_, time_ms)| time_ms - START_MS).collect();
    assert_eq!(times, [0, 95_000, 100_000]);
}

#[test]
fn a_passed_on_heartbeat_says_what_it_stands_for() {
    let log = memory_log(&[heartbeat_at(2, START_MS + 1)]);
    run(&mut lane(&log), &options(1)).unwrap();
    for (topic, partitions) in [("clean", 2..3), ("totals", 0..TOTALS_PARTITIONS)] {
        for partition in partitions {
            let records = log.records(topic, partition);
            let [record] = &records[..] else { panic!("{topic}-{partition}: {records:?}") };
            assert_eq!(record.value, None);
            assert_eq!(heartbeat::forwarded_for(record.key.as_deref().unwrap()), Some(("events", 2)));
            let beat = record.borrow().header(heartbeat::HEADER).and_then(Beat::parse).unwrap();
            assert_eq!(beat, Beat { sequence: START_MS / heartbeat::INTERVAL_MS, sent_ms: START_MS + 1 });
        }
    }
}

#[test]
fn no_key_is_null_and_none_is_repeated_after_a_restart() {
    let inputs = scene::inputs(11, 200);
    let log = memory_log(&[]);
    for (number, input) in (0i64..).zip(&inputs) {
        scene::append(&log, number, input);
        run(&mut lane(&log), &options(1)).unwrap();
    }
    let mut by_interval = BTreeMap::new();
    for partition in 0..scene::PARTITIONS {
        for record in log.records("clean", partition) {
            assert!(record.key.is_some());
            if heartbeat::is_heartbeat(&record.borrow()) {
                let interval = record.timestamp_ms.div_euclid(heartbeat::INTERVAL_MS);
                *by_interval.entry((partition, interval)).or_insert(0) += 1;
            }
        }
    }
    assert!(by_interval.len() > 10, "{by_interval:?}");
    assert!(by_interval.values().all(|&count| count == 1), "{by_interval:?}");
}
