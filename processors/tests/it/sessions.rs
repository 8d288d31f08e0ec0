//! Whole sessions through the processor: what the fold says of a set of events, the processor says of them in any order, with any
//! duplicates; and every figure of the cases arrives in the records.

use std::collections::BTreeMap;

use pipeline::testing::Seeded;
use schemas::{EventType, Plan, PlaybackEvent, PlaybackSession, QosSessionSummary, Record as _, ViewingProgress};
use serde_json::Value;

use crate::driver::{DAY, Driver, HOUR, SECOND, event};

fn one_in(random: &mut Seeded, bound: u64) -> bool {
    random.below(bound) == 0
}

const DEVICES: [Option<&str>; 3] = [None, Some("tv"), Some("phone")];
const CDNS: [Option<&str>; 4] = [None, Some("a"), Some("b"), Some("c")];

/// A random session of at most `most` events, rich in what the fold and the log must tell apart.
fn random_session(random: &mut Seeded, most: u64) -> Vec<PlaybackEvent<'static>> {
    let count = 1 + random.below(most);
    let mut at_ms = 0;
    let mut position_ms = 0;
    (0..count as u32)
        .map(|number| {
            let step_ms = [0, 1, 10, 400, 9_999, 10_000, 301_000][random.below(7) as usize];
            at_ms += step_ms;
            position_ms = if one_in(random, 6) { random.below(7_200_000) as i64 } else { position_ms + step_ms };
            let kind = EventType::ALL[random.below(18) as usize];
            let kind = if matches!(kind, EventType::End) && !one_in(random, 3) { EventType::Heartbeat } else { kind };
            PlaybackEvent {
                sequence: (!one_in(random, 8)).then_some(i64::from(number) + i64::from(one_in(random, 9))),
                event_time: (DAY + at_ms) * 1000 + i64::from(one_in(random, 4)) * 123,
                received_time: (DAY + 10 * HOUR) * 1000,
                position_ms: (!one_in(random, 4)).then_some(position_ms),
                runtime_ms: one_in(random, 5).then_some(5_400_000),
                duration_ms: one_in(random, 6).then(|| random.below(20_000) as i64),
                bitrate_bps: one_in(random, 5).then(|| 500_000 * random.below(5) as i64),
                playback_rate: one_in(random, 9).then(|| [0.5, 1.0, 1.25, 2.0][random.below(4) as usize]),
                error_code: one_in(random, 9).then_some("e1"),
                error_fatal: one_in(random, 3).then(|| one_in(random, 2)),
                device_type: DEVICES[random.below(3) as usize],
                cdn: CDNS[random.below(4) as usize],
                ..event(number, kind, 0)
            }
        })
        .collect()
}

/// Plans of the records compared, made once: making one parses its schema.
struct Plans {
    session: Plan,
    summary: Plan,
    progress: Plan,
}

impl Plans {
    fn new() -> Self {
        Self {
            session: Plan::current::<PlaybackSession<'_>>(),
            summary: Plan::current::<QosSessionSummary<'_>>(),
            progress: Plan::current::<ViewingProgress<'_>>(),
        }
    }
}

/// The last version that was said of a session: session, summary, newest progress.
fn final_words(driver: &mut Driver, plans: &Plans) -> (String, String, String) {
    let written = driver.take();
    let last = |topic: &str| written.iter().rev().find(|written| written.topic == topic);
    let session = last("playback_sessions").map(|written| {
        let mut session = PlaybackSession::decode(&plans.session, written.body()).unwrap();
        session.opened_at = 0;
        format!("{session:?}")
    });
    let summary = last("qos_session_summary").map(|written| {
        let mut summary = QosSessionSummary::decode(&plans.summary, written.body()).unwrap();
        summary.opened_at = 0;
        format!("{summary:?}")
    });
    let progress = last("viewing_progress").map(|written| {
        let mut progress = ViewingProgress::decode(&plans.progress, written.body()).unwrap();
        progress.opened_at = 0;
        format!("{progress:?}")
    });
    (session.unwrap_or_default(), summary.unwrap_or_default(), progress.unwrap_or_default())
}

fn run(driver: &mut Driver, plans: &Plans, events: &[&PlaybackEvent<'_>], random: &mut Seeded) -> (String, String, String) {
    driver.restart();
    let mut log_ms = DAY + 10 * HOUR;
    for event in events {
        driver.event(log_ms, event);
        log_ms += random.below(3 * SECOND as u64) as i64;
    }
    driver.at(log_ms + 5 * HOUR);
    final_words(driver, plans)
}

fn shuffled<'e>(events: &'e [PlaybackEvent<'static>], random: &mut Seeded) -> Vec<&'e PlaybackEvent<'static>> {
    let mut order: Vec<&PlaybackEvent<'_>> = Vec::new();
    for event in events {
        (0..=random.below(3)).for_each(|_| order.push(event));
    }
    for index in (1..order.len()).rev() {
        order.swap(index, random.below(index as u64 + 1) as usize);
    }
    order
}

/// `PLAYHEAD_RANDOM_SESSIONS` sets how many; `make soak` runs a million.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is for its caller to say")]
fn random_sessions() -> u64 {
    std::env::var("PLAYHEAD_RANDOM_SESSIONS").ok().map_or(3_000, |count| count.parse().expect("PLAYHEAD_RANDOM_SESSIONS is a number"))
}

#[test]
fn any_order_and_duplication_of_a_random_session_gives_the_same_version_and_summary() {
    let seed = 20_261_121;
    let (mut driver, plans) = (Driver::new(), Plans::new());
    for number in 0..random_sessions() {
        let mut random = Seeded::new(seed + number);
        let events = random_session(&mut random, if number % 50 == 0 { 200 } else { 24 });
        let in_order: Vec<&PlaybackEvent<'_>> = events.iter().collect();
        let expected = run(&mut driver, &plans, &in_order, &mut random);
        let order = shuffled(&events, &mut random);
        assert_eq!(run(&mut driver, &plans, &order, &mut random), expected, "seed {}: {events:#?}", seed + number);
    }
}

fn case_event(case: &Value, number: u32) -> PlaybackEvent<'_> {
    let field = |name: &str| case[name].as_i64();
    let at_us = field("effective_time_us").unwrap();
    PlaybackEvent {
        sequence: field("sequence"),
        event_time: DAY * 1000 + at_us,
        received_time: (DAY + HOUR * 24) * 1000,
        position_ms: field("position_ms"),
        duration_ms: field("duration_ms"),
        bitrate_bps: field("bitrate_bps"),
        playback_rate: case["playback_rate"].as_f64().map(|rate| rate as f32),
        error_code: case["error_code"].as_str(),
        error_fatal: case["error_fatal"].as_bool(),
        cdn: case["cdn"].as_str(),
        ..event(number, EventType::from_symbol(case["type"].as_str().unwrap()).unwrap(), 0)
    }
}

/// Every figure of a summary as JSON, by the schema's own names.
fn figures(written: &crate::driver::Written) -> BTreeMap<String, Value> {
    let schema = schemas::Schema::parse(<QosSessionSummary<'_> as schemas::Record>::SCHEMA).unwrap();
    let value = schemas::json::to_value(&schema, written.body()).unwrap();
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn every_figure_of_every_case_arrives_in_the_records() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../testdata/qos-cases/cases.json")).expect("testdata/qos-cases/cases.json is JSON");
    assert!(cases.len() >= 80);
    let mut compared = 0;
    for case in cases.iter().filter(|case| case["closed"] == true) {
        let events: Vec<PlaybackEvent<'_>> =
            (0..).zip(case["events"].as_array().unwrap()).map(|(number, event)| case_event(event, number)).collect();
        let mut driver = Driver::new();
        for event in &events {
            driver.event(DAY + 24 * HOUR, event);
        }
        driver.at(DAY + 30 * HOUR);
        let written = driver.take();
        let last = written.iter().rev().find(|written| written.topic == "qos_session_summary").unwrap();
        let figures = figures(last);
        for (name, expected) in case["expected"].as_object().unwrap() {
            if ["started_at", "ended_at"].contains(&name.as_str()) {
                continue;
            }
            let got = &figures[name];
            let is_equal = match (got.as_f64(), expected.as_f64()) {
                (Some(got), Some(expected)) => (got - expected).abs() < 1e-9,
                _ => got == expected,
            };
            assert!(is_equal, "case {}: {name} is {got}, not {expected}", case["case"]);
            compared += 1;
        }
    }
    assert!(compared > 2_500, "{compared} figures");
}
