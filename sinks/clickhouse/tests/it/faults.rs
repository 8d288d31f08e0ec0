//! Whatever fails, at whichever call: every event is there once, and what may be wrong is marked.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use pipeline::testing::{Call as LogCall, Fault as LogFault, FaultKind, FaultLog};
use pipeline::{Log, LogTimeRule, Shutdown, SinkOptions, SinkRunError, SinkTotals, run_sink, unobserved};
use schemas::{CleanPlaybackEvent, CleanPrefix, Decoder, EventType, PlaybackEvent, QosSessionSummary};
use sink_clickhouse::{ClickHouseSink, INPUTS, Mark};

use crate::input::{GROUP, Input, PARTITIONS, START_US};
use crate::store::{Call, Fault, MemoryClickHouse};

const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;

fn options(breaks: bool) -> SinkOptions {
    SinkOptions {
        // After each poll.
        flush_interval: Duration::ZERO,
        retry_interval: Duration::ZERO,
        on_unavailable: if breaks { |_| ControlFlow::Break(()) } else { |_| ControlFlow::Continue(()) },
        stop_when_caught_up: true,
        log_times: vec![LogTimeRule::Records; INPUTS.len()],
        observer: unobserved(),
    }
}

fn run(input: &Input, store: &MemoryClickHouse, log: &mut impl Log, breaks: bool) -> Result<SinkTotals, SinkRunError> {
    let mut sink = ClickHouseSink::new(store.clone(), &input.schemas);
    run_sink(&mut sink, log, &options(breaks), &Shutdown::default())
}

/// The newest version of each session, as the topic has it.
fn sessions(input: &Input) -> BTreeMap<(String, i64), i64> {
    let mut decoder = Decoder::new::<QosSessionSummary<'static>>(input.schemas.clone());
    let mut sessions: BTreeMap<(String, i64), i64> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for value in input.log.records(INPUTS[1], partition).iter().filter_map(|record| record.value.as_deref()) {
            if let Some(id) = decoder.missing(value) {
                decoder.learn(id).unwrap();
            }
            let summary: QosSessionSummary<'_> = decoder.decode(value).unwrap();
            let held = sessions.entry((summary.session_id.to_owned(), summary.opened_at)).or_default();
            *held = summary.version.max(*held);
        }
    }
    sessions
}

fn assert_right(input: &Input, store: &MemoryClickHouse, context: &str) {
    assert_eq!(store.events(), input.events(), "{context}");
    assert_eq!(store.sessions(), sessions(input), "{context}");
    for hour in store.wrong_hours() {
        assert!(store.marks().contains(&Mark::Hour(hour)), "{context}: hour {hour} is wrong, and nobody says so");
    }
    for (_, opened_at) in store.sessions().keys() {
        assert!(store.marks().contains(&Mark::Day(opened_at.div_euclid(DAY_US) * DAY_US)), "{context}");
    }
    for partition in 0..PARTITIONS {
        for topic in &INPUTS[..2] {
            let committed = input.log.committed(GROUP, topic, partition).unwrap();
            assert_eq!((committed.next_offset, committed.metadata.as_str()), (input.log.bounds(topic, partition).1, ""), "{context}");
        }
    }
}

#[test]
fn undisturbed_it_writes_everything_once_and_marks_days_only() {
    let (input, store) = (Input::random(1, 120), MemoryClickHouse::default());
    run(&input, &store, &mut input.lane(), true).unwrap();
    assert_right(&input, &store, "undisturbed");
    assert!(store.wrong_hours().is_empty());
    assert!(store.marks().iter().all(|mark| matches!(mark, Mark::Day(_))), "{:?}", store.marks());
    assert_eq!(store.session_rows(), 12, "no version comes twice");
    assert!(store.heard().iter().any(|heard| heard.topic == INPUTS[0]) && store.heard().iter().any(|heard| heard.topic == INPUTS[1]));
    for call in [Call::IsInserting, Call::Offsets] {
        assert!(!store.calls().contains(&call), "nothing is asked for that is known");
    }
}

#[test]
fn a_store_that_fails_at_any_call_in_any_way_costs_and_doubles_nothing() {
    let (counted, whole) = (MemoryClickHouse::default(), Input::random(2, 90));
    run(&whole, &counted, &mut whole.lane(), true).unwrap();
    let calls = counted.calls();
    assert!(calls.iter().filter(|call| **call == Call::Insert).count() > 20);
    let faults = [Fault::Down, Fault::LostReply, Fault::TokenWithoutRows, Fault::RowsWithoutViews, Fault::ViewsWithoutRows, Fault::Crash];
    for fault in faults {
        for (at, call) in calls.iter().enumerate() {
            let context = format!("{fault:?} at call {at}, {call:?}");
            let (input, store) = (Input::random(2, 90), MemoryClickHouse::failing(at, fault));
            if fault == Fault::Crash {
                let ended = run(&input, &store, &mut input.lane(), true);
                assert!(ended.is_err() || *call == Call::NoteFreshness, "{context}");
                store.restart();
                run(&input, &store, &mut input.lane(), true).unwrap();
            } else {
                let totals = run(&input, &store, &mut input.lane(), false).unwrap();
                assert_eq!(totals.retries >= 1, *call != Call::NoteFreshness, "{context}");
            }
            assert!(store.has_failed(), "{context}");
            assert_right(&input, &store, &context);
        }
    }
}

/// As [`a_store_that_fails_at_any_call_in_any_way_costs_and_doubles_nothing`], where others have overrun the window of tokens meanwhile.
#[test]
fn a_token_that_is_forgotten_doubles_nothing() {
    let (counted, whole) = (MemoryClickHouse::default(), Input::random(7, 60));
    run(&whole, &counted, &mut whole.lane(), true).unwrap();
    for (at, _) in counted.calls().iter().enumerate().filter(|(_, call)| **call == Call::Insert) {
        for fault in [Fault::LostReply, Fault::RowsWithoutViews, Fault::Crash] {
            let (input, store) = (Input::random(7, 60), MemoryClickHouse::failing(at, fault));
            store.forget_tokens();
            if run(&input, &store, &mut input.lane(), true).is_err() {
                store.restart();
                run(&input, &store, &mut input.lane(), true).unwrap();
            }
            assert_right(&input, &store, &format!("{fault:?} at call {at}"));
        }
    }
}

#[test]
fn a_row_that_is_there_twice_where_nobody_knows_is_there_once_again() {
    let (counted, whole) = (MemoryClickHouse::default(), Input::random(8, 30));
    run(&whole, &counted, &mut whole.lane(), true).unwrap();
    let at = counted.calls().iter().position(|call| *call == Call::Insert).unwrap();
    let (input, store) = (Input::random(8, 30), MemoryClickHouse::failing(at, Fault::Crash));
    run(&input, &store, &mut input.lane(), true).unwrap_err();
    store.double_event(0);
    store.restart();
    run(&input, &store, &mut input.lane(), true).unwrap();
    assert!(store.calls().contains(&Call::TakeOut));
    assert_right(&input, &store, "doubled");
}

/// An hour of long ago is of no table by minute: made again, it would be taken out of what is kept of it.
#[test]
fn what_was_received_long_after_it_happened_marks_no_hour() {
    let (input, store) = (Input::empty(), MemoryClickHouse::failing(2, Fault::LostReply));
    for (happened, hash) in [(START_US - 79 * HOUR_US, 1), (START_US - 78 * HOUR_US, 2)] {
        let event = PlaybackEvent { kind: EventType::Heartbeat, event_time: happened, received_time: START_US, ..PlaybackEvent::default() };
        let prefix = CleanPrefix { effective_time: happened, content_hash: hash, ..CleanPrefix::default() };
        input.append(0, 0, START_US / 1_000, &CleanPlaybackEvent { prefix, event });
    }
    run(&input, &store, &mut input.lane(), false).unwrap();
    assert_eq!(store.marks(), [Mark::Hour(START_US - 78 * HOUR_US)].into());
    assert_eq!(store.events(), input.events());
}

#[test]
fn a_log_that_fails_at_any_commit_costs_and_doubles_nothing() {
    let (counted, whole) = (MemoryClickHouse::default(), Input::random(3, 60));
    let mut lane = FaultLog::new(whole.lane(), &[]);
    run(&whole, &counted, &mut lane, true).unwrap();
    let commits = lane.calls().iter().filter(|call| **call == LogCall::Commit).count() as u64;
    assert!(commits > 30);
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for at in 1..=commits {
            let (input, store) = (Input::random(3, 60), MemoryClickHouse::default());
            let mut disturbed = FaultLog::new(input.lane(), &[LogFault { at, of: Some(LogCall::Commit), kind }]);
            if run(&input, &store, &mut disturbed, true).is_err() {
                run(&input, &store, &mut input.lane(), true).unwrap();
            }
            assert_eq!(disturbed.fired(), 1);
            assert_right(&input, &store, &format!("{kind:?} at commit {at}"));
        }
    }
}

#[test]
fn what_the_store_will_never_take_stops_the_sink() {
    let (input, store) = (Input::random(4, 30), MemoryClickHouse::failing(1, Fault::Refused));
    let error = run(&input, &store, &mut input.lane(), false).unwrap_err();
    assert_eq!(error.to_string(), "sink clickhouse: ClickHouse: no such table");
}

/// A hold that comes between two blocks of a flush is seen.
#[test]
fn the_hold_is_looked_for_right_before_each_block_of_events() {
    let (input, store) = (Input::empty(), MemoryClickHouse::default());
    for number in 0..12 {
        let event = PlaybackEvent { kind: EventType::Heartbeat, event_time: START_US, received_time: START_US, ..PlaybackEvent::default() };
        let prefix = CleanPrefix { effective_time: START_US, content_hash: number, ..CleanPrefix::default() };
        input.append(0, u32::try_from(number).unwrap() % PARTITIONS, START_US / 1_000, &CleanPlaybackEvent { prefix, event });
    }
    run(&input, &store, &mut input.lane(), true).unwrap();
    let calls = store.calls();
    let inserts: Vec<usize> = (0..calls.len()).filter(|at| calls[*at] == Call::Insert).collect();
    assert!(inserts.len() >= 3);
    for at in inserts {
        assert_eq!(calls[at - 1], Call::IsHeld, "{calls:?}");
    }
}

#[test]
fn freshness_that_is_not_taken_stops_nothing() {
    let (counted, whole) = (MemoryClickHouse::default(), Input::random(9, 60));
    run(&whole, &counted, &mut whole.lane(), true).unwrap();
    let at = counted.calls().iter().position(|call| *call == Call::NoteFreshness).unwrap();
    let (input, store) = (Input::random(9, 60), MemoryClickHouse::failing(at, Fault::Refused));
    run(&input, &store, &mut input.lane(), true).unwrap();
    assert!(store.has_failed());
    assert_right(&input, &store, "without freshness");
    assert!(store.heard().len() < counted.heard().len());
}

#[test]
fn a_position_that_is_gone_doubles_nothing() {
    let (input, store) = (Input::random(6, 30), MemoryClickHouse::default());
    run(&input, &store, &mut input.lane(), true).unwrap();
    let mut of_another_group = pipeline::testing::MemoryLane::new(&input.log, "another", &INPUTS, &[]);
    let error = run(&input, &store, &mut of_another_group, false).unwrap_err();
    assert!(error.to_string().contains("has no committed position, but playback_events has rows of it"), "{error}");
    assert_eq!(store.events(), input.events());
}

#[test]
fn a_position_that_holds_what_is_no_intent_stops_the_sink() {
    let (input, store) = (Input::random(5, 30), MemoryClickHouse::default());
    let committed = pipeline::Committed { next_offset: 0, metadata: "of another".to_owned() };
    input.log.set_committed(GROUP, INPUTS[0], 0, committed);
    let error = run(&input, &store, &mut input.lane(), false).unwrap_err();
    assert!(error.to_string().contains("no intent of this sink"), "{error}");
    assert_eq!(store.events(), []);
}
