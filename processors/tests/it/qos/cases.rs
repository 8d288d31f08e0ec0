//! The cases of the design, every figure of each.

use processors::qos::{Closing, Event, Label, Summary, rate_thousandths};
use schemas::EventType;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::fold_unsorted;

const CASES: &str = include_str!("../../../../testdata/qos-cases/cases.json");

/// A case's events, and the texts that they name: `texts[index - 1]`.
struct Session {
    events: Vec<Event>,
    texts: Vec<String>,
}

fn session(case: &Value) -> Session {
    let mut texts = Vec::new();
    let events = case["events"].as_array().expect("events").iter().map(|event| parse(event, &mut texts)).collect();
    Session { events, texts }
}

fn parse(event: &Value, texts: &mut Vec<String>) -> Event {
    let kind = EventType::ALL.into_iter().find(|kind| Some(kind.as_str()) == event["type"].as_str()).expect("a known type");
    let hash = xxh3_64(event["event_id"].as_str().expect("event_id").as_bytes());
    let mut intern = |value: &Value| match value.as_str() {
        None => 0,
        Some(text) => {
            let index = texts.iter().position(|known| known == text).unwrap_or_else(|| {
                texts.push(text.to_owned());
                texts.len() - 1
            });
            u16::try_from(index + 1).expect("few texts")
        }
    };
    Event::new(event["effective_time_us"].as_i64().expect("effective_time_us"), hash, kind)
        .with_sequence(event["sequence"].as_i64())
        .with_position_ms(event["position_ms"].as_i64())
        .with_duration_ms(event["duration_ms"].as_i64())
        .with_bitrate_bps(event["bitrate_bps"].as_i64())
        .with_rate_thousandths(event["playback_rate"].as_f64().and_then(|rate| rate_thousandths(rate as f32)))
        .with_error(event["error_fatal"].as_bool() == Some(true), intern(&event["error_code"]))
        .with_cdn(intern(&event["cdn"]))
}

/// A summary's figure by its name in the cases.
fn figure(summary: &Summary, texts: &[String], name: &str) -> Value {
    let text = |index: Option<u16>| index.map(|index| texts[usize::from(index) - 1].as_str());
    let label = Label::ALL.into_iter().find(|label| name.strip_suffix("_ms") == Some(label.as_str()));
    match name {
        "event_count" => json!(summary.event_count),
        "ended_by" => json!(summary.ended_by.as_str()),
        "outcome" => json!(summary.outcome.map(|outcome| outcome.as_str())),
        "started_at" => json!(summary.started_at_us),
        "ended_at" => json!(summary.ended_at_us),
        "startup_ms" => json!(summary.startup_ms()),
        "media_ms" => json!(summary.media_ms()),
        "rebuffer_count" => json!(summary.rebuffer_count),
        "micro_stall_count" => json!(summary.micro_stall_count),
        "seek_count" => json!(summary.seek_count),
        "pause_count" => json!(summary.pause_count),
        "ad_count" => json!(summary.ad_count),
        "error_count" => json!(summary.error_count),
        "first_error_code" => json!(text(summary.first_error_code)),
        "bitrate_up_count" => json!(summary.bitrate_up_count),
        "bitrate_down_count" => json!(summary.bitrate_down_count),
        "ended_in_rebuffer" => json!(summary.ended_in_rebuffer),
        "avg_bitrate_bps" => json!(summary.avg_bitrate_bps),
        "min_bitrate_bps" => json!(summary.min_bitrate_bps),
        "max_bitrate_bps" => json!(summary.max_bitrate_bps),
        "startup_bitrate_bps" => json!(summary.startup_bitrate_bps),
        "cdn" => json!(text(summary.cdn)),
        "lost_events" => json!(summary.lost_events),
        "anomalies" => json!(summary.anomalies),
        "rebuffer_ratio_cta2066" => json!(summary.rebuffer_ratio_cta2066()),
        "rebuffer_ratio_media3" => json!(summary.rebuffer_ratio_media3()),
        "rebuffer_ratio_mux" => json!(summary.rebuffer_ratio_mux()),
        "connection_induced_rebuffer_ratio" => json!(summary.connection_induced_rebuffer_ratio()),
        _ => json!(summary.label_ms(label.unwrap_or_else(|| panic!("the fold has no figure {name}")))),
    }
}

fn same(expected: &Value, found: &Value) -> bool {
    match (expected.as_f64(), found.as_f64()) {
        (Some(expected), Some(found)) if expected.fract() == 0.0 && found.fract() == 0.0 => expected == found,
        (Some(expected), Some(found)) => (expected - found).abs() < 1e-9,
        _ => expected == found,
    }
}

fn case<'a>(cases: &'a Value, name: &str) -> &'a Value {
    cases.as_array().expect("cases").iter().find(|case| case["case"] == name).expect("the case")
}

#[test]
fn every_figure_of_every_case() {
    let cases: Value = serde_json::from_str(CASES).expect("cases.json");
    let cases = cases.as_array().expect("cases");
    assert_eq!(cases.len(), 80);
    let mut wrong = Vec::new();
    for case in cases {
        let Session { events, texts } = session(case);
        let closing = if case["closed"] == true { Closing::Timeout } else { Closing::Open };
        let summary = fold_unsorted(&events, closing);
        let expected = case["expected"].as_object().expect("expected");
        assert_eq!(expected.len(), 39, "case {} has every figure", case["case"]);
        for (name, expected) in expected {
            let found = figure(&summary, &texts, name);
            if !same(expected, &found) {
                wrong.push(format!("case {} ({}): {name} is {found}, not {expected}", case["case"], case["title"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_order_gives_the_same_summary() {
    let cases: Value = serde_json::from_str(CASES).expect("cases.json");
    let mut events = session(case(&cases, "1")).events;
    let expected = fold_unsorted(&events, Closing::Timeout);
    let mut tried = 0;
    permute(&mut events, 0, &mut |order| {
        assert_eq!(fold_unsorted(order, Closing::Timeout), expected);
        tried += 1;
    });
    assert_eq!(tried, 120);
}

fn permute(events: &mut [Event], from: usize, check: &mut impl FnMut(&[Event])) {
    if from == events.len() {
        return check(events);
    }
    for chosen in from..events.len() {
        events.swap(from, chosen);
        permute(events, from + 1, check);
        events.swap(from, chosen);
    }
}

#[test]
fn an_error_that_comes_late_turns_an_exit_into_a_failure() {
    let cases: Value = serde_json::from_str(CASES).expect("cases.json");
    let events = session(case(&cases, "15")).events;
    let without_error: Vec<Event> = events.iter().copied().filter(|event| event.kind() != EventType::Error).collect();
    let before = fold_unsorted(&without_error, Closing::Open);
    assert_eq!((before.event_count, before.outcome), (2, Some(schemas::Outcome::ExitBeforeStart)));
    let after = fold_unsorted(&events, Closing::Open);
    assert_eq!((after.event_count, after.outcome), (3, Some(schemas::Outcome::StartFailure)));
}

#[test]
fn rates_are_rounded_to_thousandths() {
    let rates = [0.0, -1.0, f32::NAN, 0.01, 0.000_1, 0.75, 1.0, 1.1, 1.2345, 16.0, f32::INFINITY];
    let expected = [None, None, None, Some(10), Some(1), Some(750), Some(1_000), Some(1_100), Some(1_235), Some(16_000), Some(u32::MAX)];
    assert_eq!(rates.map(rate_thousandths), expected);
}
