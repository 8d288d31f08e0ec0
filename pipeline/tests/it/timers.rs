//! Timers fire per record: those that a record makes due come before what the record itself does, in order of (due time, key).

use crate::counter::SILENCE_MS;
use crate::scene::{Input, lane, memory_log, options, run};

const START_MS: i64 = 1_700_000_000_000;

fn event(key: &str, after_ms: i64, value: &str) -> Input {
    Input { partition: 0, timestamp_ms: START_MS + after_ms, key: key.into(), value: Some(value.into()) }
}

/// Outputs as (time after the start, key, text), heartbeats left out.
fn outputs(inputs: &[Input], batch_size: usize) -> Vec<(i64, String, String)> {
    let log = memory_log(inputs);
    run(&mut lane(&log).with_batch_sizes(&[batch_size]), &options(100)).unwrap();
    let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap();
    let records = log.records("clean", 0).into_iter().filter(|record| record.value.is_some());
    records
        .map(|record| {
            let value = text(record.value).replace("from=0 ", "");
            let what = value.split(" time=").next().unwrap_or_default().to_owned();
            (record.timestamp_ms - START_MS, text(record.key), what)
        })
        .collect()
}

fn at(after_ms: i64, key: &str, what: &str) -> (i64, String, String) {
    (after_ms, key.into(), what.into())
}

#[test]
fn before_the_record_that_makes_them_due() {
    let inputs = [
        event("b", 0, "1"),
        event("a", 0, "1"),
        event("a", 100, "2"),
        // One millisecond early: still the same.
        event("b", SILENCE_MS - 1, "2"),
        // To the millisecond: `a` is closed, and starts anew.
        event("a", SILENCE_MS + 100, "1"),
        // A leap: all are closed, each at its own due time.
        event("c", 10 * SILENCE_MS, "1"),
        // Log time does not go back with an old record.
        event("c", 0, "2"),
    ];
    let expected = [
        at(0, "b", "number=1"),
        at(0, "a", "number=1"),
        at(100, "a", "number=2"),
        at(SILENCE_MS - 1, "b", "number=2"),
        at(SILENCE_MS + 100, "a", "closed count=2"),
        at(SILENCE_MS + 100, "a", "number=1"),
        at(2 * SILENCE_MS - 1, "b", "closed count=2"),
        at(2 * SILENCE_MS + 100, "a", "closed count=1"),
        at(10 * SILENCE_MS, "c", "number=1"),
        at(10 * SILENCE_MS, "c", "number=2"),
    ];
    for batch_size in 1..8 {
        assert_eq!(outputs(&inputs, batch_size), expected, "batches of {batch_size}");
    }
}

#[test]
fn at_the_same_time_by_key() {
    let keys = ["m", "b", "z", "a"];
    let mut inputs: Vec<Input> = keys.iter().map(|key| event(key, 7, "1")).collect();
    inputs.push(event("last", 7 + SILENCE_MS, "1"));
    let closed: Vec<String> =
        outputs(&inputs, 100).into_iter().filter(|(.., what)| what.starts_with("closed")).map(|(_, key, _)| key).collect();
    assert_eq!(closed, ["a", "b", "m", "z"]);
}
