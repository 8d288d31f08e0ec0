//! What a restore makes of the log: state at the committed position, verdicts as they were given, and a loud stop where records are lost.

use std::cell::Cell;

use pipeline::testing::{Call, FaultLog, MemoryLog};
use pipeline::{
    Committed, DeadLetters, LogError, Moment, NoDeadLetters, Outputs, Record, Rejection, Shutdown, TopicId, TopicPartition, Totals,
    Unavailable, run_processor,
};

use crate::counter::{Counter, Letters, STAGE};
use crate::scene::{INPUT, lane, memory_log, options, output_topics, run, run_with};

const TIME_MS: i64 = 1_700_000_000_000;

fn put(log: &MemoryLog, value: &str) -> i64 {
    log.append(INPUT, 0, TIME_MS, Some(b"key"), Some(value.as_bytes()), &[])
}

fn clean(log: &MemoryLog) -> Vec<String> {
    let records = log.records("clean", 0).into_iter().filter_map(|record| record.value);
    records
        .map(|value| String::from_utf8(value).unwrap().split_once("number=").unwrap().1.replace(&format!(" time={TIME_MS}"), ""))
        .collect()
}

#[test]
fn what_was_accepted_stays_accepted_and_what_was_refused_refused() {
    let log = memory_log(&[]);
    for value in ["a", "!b", "c"] {
        put(&log, value);
    }
    run(&mut lane(&log), &options(2)).unwrap();
    assert_eq!(clean(&log), ["1 value=a", "2 value=c"]);
    // The rule is turned round: `!` would pass today, `c` would not.
    put(&log, "d");
    put(&log, "c");
    put(&log, "!b");
    let mut changed = Counter { poison: b'c', ..Counter::new(output_topics()) };
    let totals = run_with(&mut changed, &mut lane(&log), &Letters, &options(2)).unwrap();
    assert_eq!(totals.replayed, 3);
    // `!b` was never counted, so it is no duplicate. `c` was counted, so `d` is the third.
    assert_eq!(clean(&log)[2..], ["3 value=d", "4 value=!b"]);
    assert_eq!(log.records("dead_letters", 0).len(), 2, "the second `c` is judged by today's rule");
}

#[test]
fn a_verdict_of_another_stage_topic_or_partition_says_nothing() {
    let log = memory_log(&[]);
    put(&log, "a");
    run(&mut lane(&log), &options(1)).unwrap();
    let id = log.topic_id(INPUT);
    let other = pipeline::TopicId([9; 16]);
    for letter in [format!("else {id} 0 0 poison"), format!("{STAGE} {other} 0 0 poison"), format!("{STAGE} {id} 1 0 poison")] {
        log.append("dead_letters", 0, TIME_MS, Some(b"0-0"), Some(letter.as_bytes()), &[]);
    }
    put(&log, "a");
    let totals = run(&mut lane(&log), &options(1)).unwrap();
    assert_eq!((totals.replayed, totals.dropped), (1, 1), "the first `a` is remembered");
}

#[test]
fn a_refused_record_is_not_waited_for() {
    let log = memory_log(&[]);
    put(&log, "?!a");
    let id = log.topic_id(INPUT);
    log.append("dead_letters", 0, TIME_MS, Some(b"0-0"), Some(format!("{STAGE} {id} 0 0 unknown_schema_id").as_bytes()), &[]);
    log.set_committed(STAGE, INPUT, 0, Committed { next_offset: 1, metadata: String::new() });
    let mut never = Counter { unblocks_needed: u64::MAX, ..Counter::new(output_topics()) };
    let totals = run_with(&mut never, &mut lane(&log), &Letters, &options(1)).unwrap();
    assert_eq!((totals.replayed, never.unblocks), (1, 0));
}

#[test]
fn a_position_above_the_end_stops_the_run() {
    let log = memory_log(&[]);
    put(&log, "a");
    log.set_committed(STAGE, INPUT, 0, Committed { next_offset: 2, metadata: String::new() });
    let mut counted = FaultLog::new(lane(&log), &[]);
    let error = run(&mut counted, &options(1)).unwrap_err();
    assert_eq!(counted.calls(), [Call::Poll, Call::Committed, Call::Bounds], "before a single record is read");
    assert!(matches!(&error, LogError::OutOfRange { topic, partition: 0, position: 2, first: 0, end: 1 } if topic == INPUT), "{error:?}");
    assert_eq!(error.to_string(), "position 2 of events-0 lies outside the log, which holds 0..1");
    assert_eq!(log.records("clean", 0), []);
}

#[test]
fn a_position_before_the_beginning_stops_the_run() {
    let log = memory_log(&[]);
    for value in ["a", "b", "c", "d"] {
        put(&log, value);
    }
    log.set_committed(STAGE, INPUT, 0, Committed { next_offset: 2, metadata: String::new() });
    log.delete_before(INPUT, 0, 3);
    let error = run(&mut lane(&log), &options(1)).unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { position: 2, first: 3, end: 4, .. }), "{error:?}");
    // At the beginning itself nothing was lost.
    log.set_committed(STAGE, INPUT, 0, Committed { next_offset: 3, metadata: String::new() });
    run(&mut lane(&log), &options(1)).unwrap();
    assert_eq!(clean(&log), ["1 value=d"]);
}

#[test]
fn a_topic_made_anew_starts_anew() {
    let log = memory_log(&[]);
    put(&log, "a");
    run(&mut lane(&log), &options(1)).unwrap();
    log.create_topic(INPUT, 3);
    put(&log, "a");
    let totals = run(&mut lane(&log), &options(1)).unwrap();
    assert_eq!((totals.records, totals.replayed, totals.dropped), (1, 0, 0));
    assert_eq!(clean(&log), ["1 value=a", "1 value=a"]);
}

#[test]
fn without_dead_letters_nothing_is_read_of_them() {
    let log = memory_log(&[]);
    put(&log, "a");
    for _ in 0..2 {
        run_processor(&mut Counter::new(output_topics()), &mut lane(&log), &NoDeadLetters, &options(1), &Shutdown::default()).unwrap();
        put(&log, "a");
    }
    assert_eq!(clean(&log), ["1 value=a"]);
}

/// Cannot read its letters at first.
#[derive(Default)]
struct Unreadable {
    calls: Cell<u32>,
    /// So many calls fail.
    failing: u32,
    /// At which call a stop is asked for, counted from 1.
    stop: Option<(u32, Shutdown)>,
}

impl DeadLetters for Unreadable {
    fn topic(&self) -> &'static str {
        Letters.topic()
    }

    fn partition(&self, source: TopicPartition) -> u32 {
        Letters.partition(source)
    }

    fn write(&self, stage: &str, record: &Record<'_>, moment: &Moment, rejection: &Rejection, out: &mut Outputs) {
        Letters.write(stage, record, moment, rejection, out);
    }

    fn refused(&self, stage: &str, letter: &Record<'_>) -> Result<Option<(TopicId, u32, i64)>, Unavailable> {
        self.calls.set(self.calls.get() + 1);
        if let Some((at, stop)) = &self.stop
            && self.calls.get() == *at
        {
            stop.request();
        }
        if self.calls.get() > self.failing {
            return Letters.refused(stage, letter);
        }
        Err(Unavailable { what: "schema 7".into(), cause: "down".into() })
    }
}

#[test]
fn a_dead_letter_that_cannot_be_read_is_not_taken_for_none() {
    let log = memory_log(&[]);
    for value in ["a", "!b"] {
        put(&log, value);
    }
    run(&mut lane(&log), &options(1)).unwrap();
    put(&log, "c");
    let letters = Unreadable { failing: 5, ..Unreadable::default() };
    let mut counted = FaultLog::new(lane(&log), &[]);
    let totals = run_with(&mut Counter::new(output_topics()), &mut counted, &letters, &options(1)).unwrap();
    assert_eq!((totals.replayed, letters.calls.get()), (2, 6));
    assert_eq!(clean(&log), ["1 value=a", "2 value=c"], "`!b` was not counted");
    let made = |of| counted.calls().iter().filter(|call| **call == of).count();
    assert_eq!(made(Call::ReadTopic), 6);
    assert!(made(Call::KeepAlive) >= 6, "the group hears of the lane all the while");
}

#[test]
fn a_stop_during_a_restore_is_heard() {
    // While the letter cannot be read; and with the last letter read, before the first record is replayed.
    for (failing, at) in [(u32::MAX, 3), (0, 1)] {
        let log = memory_log(&[]);
        for value in ["a", "!b"] {
            put(&log, value);
        }
        run(&mut lane(&log), &options(1)).unwrap();
        put(&log, "c");
        let shutdown = Shutdown::default();
        let letters = Unreadable { failing, stop: Some((at, shutdown.clone())), ..Unreadable::default() };
        let mut lane = FaultLog::new(lane(&log), &[]);
        let totals = run_processor(&mut Counter::new(output_topics()), &mut lane, &letters, &options(1), &shutdown).unwrap();
        assert_eq!((totals, letters.calls.get()), (Totals::default(), at));
        assert_eq!(lane.calls().contains(&Call::Read), failing == 0);
        assert_eq!(clean(&log), ["1 value=a"], "nothing is judged without knowing");
    }
}

#[test]
fn a_replay_that_is_broken_off_reads_on_from_there() {
    let log = memory_log(&[]);
    for value in ["a", "?b", "c", "d"] {
        put(&log, value);
    }
    run(&mut lane(&log), &options(1)).unwrap();
    put(&log, "d");
    put(&log, "e");
    let mut counter = Counter { unblocks_needed: 4, ..Counter::new(output_topics()) };
    let mut counted = FaultLog::new(lane(&log), &[]);
    let totals = run_with(&mut counter, &mut counted, &Letters, &options(1)).unwrap();
    assert_eq!((totals.replayed, totals.dropped), (4, 1), "each record once");
    assert_eq!(clean(&log).last().map(String::as_str), Some("5 value=e"));
    let calls: Vec<Call> = counted.calls().iter().copied().filter(|call| matches!(call, Call::Read | Call::KeepAlive)).collect();
    // Before the letters and before each read; and each time that the schema is asked for in vain.
    let expected =
        [Call::KeepAlive, Call::KeepAlive, Call::Read, Call::KeepAlive, Call::KeepAlive, Call::KeepAlive, Call::KeepAlive, Call::Read];
    assert_eq!(calls, expected);
}
