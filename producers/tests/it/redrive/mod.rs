//! Redrives, over a local log in memory with letters made by hand.

mod faults;
mod judging;
mod scene;

use producers::redrive::{Filter, Verdict};
use schemas::PlaybackEvent;
use schemas::redrive::{HEADER, Redriven};

use crate::support::NOW_MS;
use scene::{HOUR_MS, Raw, Scene};

/// Refused an hour ago.
const AT_MS: i64 = NOW_MS - HOUR_MS;

#[test]
fn a_record_goes_back_as_it_came() {
    let scene = Scene::new();
    let header = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
    let plain = scene.event(1, AT_MS);
    let records = [
        Raw {
            headers: vec![header(b"trace", b"1"), header(b"caf\xe9", b"\xff\x00"), header(b"trace", b"2"), header(b"\\x", b"")],
            ..plain.clone()
        },
        Raw { key: None, ..scene.event(2, AT_MS + 1) },
        Raw { key: Some(Vec::new()), ..scene.event(3, AT_MS + 2) },
        Raw { value: None, ..scene.event(4, AT_MS + 3) },
        Raw { value: Some(Vec::new()), ..scene.event(5, AT_MS + 4) },
        Raw { value: Some(b"\0\0\0\0\x09rubbish".to_vec()), timestamp_ms: AT_MS - 17, ..scene.event(6, AT_MS) },
        // Another partition than its key's.
        Raw { partition: (plain.partition + 1) % 4, ..scene.event(7, AT_MS) },
    ];
    let letters: Vec<_> = records.iter().map(|raw| scene.refuse(raw, "key_mismatch")).collect();
    let ran = scene.run();
    assert_eq!(ran.codes(), ["redriven"; 7]);
    assert_eq!((ran.report.redriven(), ran.report.failures), (7, 0));

    let redriven = scene.redriven();
    assert_eq!(redriven.len(), 7);
    for (raw, letter) in records.iter().zip(&letters) {
        let expected = Redriven { letter: letter.clone(), attempts: 1 }.to_text();
        let found = redriven.iter().find(|found| found.header(HEADER) == Some(expected.as_bytes())).unwrap();
        assert_eq!(&found.clone().before(), raw);
        assert_eq!(found.headers.len(), raw.headers.len() + 1);
    }
    // A mark for each letter, and one for each event that can be read, whatever is wrong with it.
    let mut expected: Vec<_> = letters.iter().map(|letter| (letter.to_string(), "redrive".to_owned())).collect();
    for (number, letter) in (1u8..).zip(&letters).filter(|(number, _)| ![4, 5, 6].contains(number)) {
        expected.push((uuid::Uuid::from_bytes([number; 16]).to_string(), format!("redrive {letter}")));
    }
    expected.sort();
    assert_eq!(scene.marks(), expected);
}

#[test]
fn a_second_redrive_finds_the_marks_whenever_it_comes() {
    let scene = Scene::new();
    (0..5).for_each(|number| _ = scene.refuse(&scene.event(number, AT_MS), "bad_rate"));
    assert_eq!(scene.run().report.redriven(), 5);
    let ends = |scene: &Scene| (scene.redriven(), scene.marks(), scene.beats());
    let before = ends(&scene);
    assert_eq!(scene.run().codes(), ["already_redriven"; 5]);
    // A week later, and by force.
    let later = producers::redrive::RedriveOptions { now_ms: NOW_MS + 7 * 24 * HOUR_MS, is_forced: true, ..scene.options() };
    let ran = scene.run_with(&later);
    assert_eq!((ran.codes(), ran.report.failures), (vec!["already_redriven"; 5], 0));
    assert_eq!(ends(&scene), before);
    // What is new goes, and nothing else.
    scene.refuse(&scene.event(9, AT_MS), "bad_rate");
    assert_eq!(scene.run().report.redriven(), 1);
    assert_eq!(scene.redriven().len(), 6);
}

/// Refused, redriven, refused again: the next letter is another one, and its header says whose it is.
#[test]
fn what_is_refused_again_goes_back_again_when_it_is_told_to() {
    let scene = Scene::new();
    let raw = Raw { headers: vec![(b"trace".to_vec(), b"1".to_vec())], ..scene.event(1, AT_MS) };
    let first = scene.refuse(&raw, "bad_rate");
    assert_eq!(scene.run().codes(), ["redriven"]);
    let again = scene.redriven().remove(0);
    let end = scene.log.bounds(scene::EVENTS, raw.partition).unwrap().1;
    let second = scene.letter(&again, end - 3, &|letter| letter.attempts = 2);
    assert_ne!(first, second);

    let ran = scene.run();
    assert_eq!(ran.codes(), ["already_redriven", "redriven"]);
    assert_eq!(ran.outcomes[1].attempts, 2);
    let redriven = scene.redriven();
    assert_eq!(redriven.len(), 2);
    // One header, not two: it names the newest letter.
    assert_eq!(redriven[1].headers.iter().filter(|(name, _)| name == HEADER.as_bytes()).count(), 1);
    assert_eq!(redriven[1].header(HEADER), Some(Redriven { letter: second, attempts: 2 }.to_text().as_bytes()));
    assert_eq!(redriven[1].clone().before(), raw);
    assert_eq!(scene.run().codes(), ["already_redriven"; 2]);
}

#[test]
fn of_the_copies_of_an_event_one_goes_back() {
    let scene = Scene::new();
    let raw = scene.event(1, AT_MS);
    scene.refuse(&raw, "bad_rate");
    let copy = scene.refuse(&raw, "bad_rate");
    let ran = scene.run();
    assert_eq!((ran.codes(), ran.report.failures), (vec!["redriven", "same_event_redriven"], 0));
    // Another copy, refused later.
    scene.refuse(&raw, "bad_rate");
    let ran = scene.run();
    assert_eq!(ran.codes(), ["already_redriven", "same_event_redriven", "same_event_redriven"]);
    assert_eq!(scene.redriven().len(), 1);
    let forced = producers::redrive::RedriveOptions {
        filter: Filter { ids: Some([copy.to_string()].into()), ..Filter::default() },
        is_forced: true,
        ..scene.options()
    };
    assert_eq!(scene.run_with(&forced).codes(), ["redriven"]);
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let scene = Scene::new();
    let large = PlaybackEvent { error_code: Some(&"x".repeat(200_000)), title_id: "t", session_id: "large", ..PlaybackEvent::default() };
    scene.refuse(&scene.raw(&PlaybackEvent { event_time: AT_MS * 1000, received_time: AT_MS * 1000, ..large }, AT_MS), "bad_rate");
    scene.refuse(&scene.event(1, AT_MS), "bad_rate");
    scene.refuse(&scene.event(1, AT_MS), "bad_rate");
    scene.refuse(&scene.event(2, AT_MS - 100 * HOUR_MS), "bad_rate");
    scene.append(&scene.event(3, AT_MS));
    let (ends, commits) = (scene.ends(), scene.log.durable_commits());
    let dry = scene.run_with(&producers::redrive::RedriveOptions { is_dry_run: true, ..scene.options() });
    assert_eq!((scene.ends(), scene.log.durable_commits()), (ends, commits));
    let codes = |ran: &scene::Ran| {
        let codes = ran.outcomes.iter().map(|outcome| (outcome.id.clone(), outcome.verdict.as_str().replace("would_redrive", "redriven")));
        let mut codes: Vec<_> = codes.collect();
        codes.sort();
        codes
    };
    assert_eq!(dry.report.redriven(), 2);
    assert!(dry.outcomes.iter().any(|outcome| outcome.verdict == Verdict::WouldRedrive));
    assert_eq!(codes(&dry), codes(&scene.run()));
}

/// Late events of closed sessions are reported by log time, so it goes on behind them; once, and also where the run is cut off before.
#[test]
fn ends_with_heartbeats_on_every_partition() {
    let scene = Scene::new();
    scene.append(&scene.event(9, NOW_MS - 40 * 60_000));
    assert_eq!(scene.run().report.redriven(), 0);
    assert_eq!(scene.beats(), []);
    scene.refuse(&scene.event(1, AT_MS), "bad_rate");
    scene.run();
    let log_time_ms = NOW_MS - 40 * 60_000;
    let expected: Vec<_> = (0..4).flat_map(|partition| [(partition, log_time_ms), (partition, log_time_ms + 31 * 60_000)]).collect();
    assert_eq!(scene.beats(), expected);
    scene.run();
    assert_eq!(scene.beats(), expected);
}

#[test]
fn log_time_goes_on_to_now_at_most() {
    let cases = [
        (NOW_MS - 31 * 60_000, vec![NOW_MS - 31 * 60_000, NOW_MS]),
        (NOW_MS - 20_000, vec![NOW_MS - 20_000, NOW_MS]),
        (NOW_MS, vec![NOW_MS]),
    ];
    for (log_time_ms, expected) in cases {
        let scene = Scene::new();
        scene.append(&scene.event(9, log_time_ms));
        scene.refuse(&scene.event(1, AT_MS), "bad_rate");
        scene.run();
        let of_one: Vec<_> = scene.beats().into_iter().filter(|(partition, _)| *partition == 2).map(|(_, at_ms)| at_ms).collect();
        assert_eq!(of_one, expected);
    }
}
