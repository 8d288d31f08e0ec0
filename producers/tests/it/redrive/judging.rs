//! Which letters are meant, and which of them can go back.

use std::sync::Arc;

use producers::redrive::{Filter, RedriveOptions, Verdict};
use producers::viewing_activity::IMPORT_HEADER;
use schemas::{PlaybackEvent, Record as _, SchemaSource as _};

use super::AT_MS;
use super::scene::{EVENTS, H_MS, HOUR_MS, Raw, Scene};
use crate::support::NOW_MS;

/// An event whose value is too large for its letter.
fn large(scene: &Scene, fill: &str) -> Raw {
    let (code, at_us) = (fill.repeat(200_000), AT_MS * 1000);
    let event = PlaybackEvent {
        event_id: [77; 16],
        session_id: "large",
        title_id: "t",
        event_time: at_us,
        received_time: at_us,
        error_code: Some(&code),
        ..PlaybackEvent::default()
    };
    Raw { headers: vec![(b"trace".to_vec(), b"1".to_vec())], ..scene.raw(&event, AT_MS) }
}

#[test]
fn only_the_letters_that_are_meant_go_back() {
    let scene = Scene::new();
    for number in 0..8u8 {
        let reason = if number % 2 == 0 { "bad_rate" } else { "key_mismatch" };
        let raw = Raw { partition: u32::from(number) / 2, ..scene.event(number, AT_MS + i64::from(number) * 1000) };
        scene.refuse(&raw, reason);
    }
    let other = scene.event(50, AT_MS);
    scene.letter(&other, 1_000, &|letter| letter.stage = "profile");
    scene.letter(&Raw { partition: 3, ..other }, 1_001, &|letter| {
        (letter.stage, letter.source, letter.topic_id) =
            ("profile", "viewing_progress-3", scene.log.topic("viewing_progress").unwrap().0.0);
    });
    let named = |filter: &Filter| {
        let ran = scene.run_with(&RedriveOptions { filter: filter.clone(), is_dry_run: true, ..scene.options() });
        let found = ran.outcomes.iter().filter(|outcome| outcome.id.is_some());
        let mut offsets: Vec<_> = found.map(|outcome| (outcome.source.clone(), outcome.offset.unwrap())).collect();
        offsets.sort();
        offsets
    };
    let of = |place: &[(&str, i64)]| place.iter().map(|(source, offset)| ((*source).to_owned(), *offset)).collect::<Vec<_>>();
    let [p0, p1, p2, p3] = [0, 1, 2, 3].map(|partition| format!("{EVENTS}-{partition}"));
    let text = |text: &str| Some(text.to_owned());
    let filter = Filter::default();
    assert_eq!(named(&filter).len(), 10);
    assert_eq!(named(&Filter { reason: text("bad_rate"), ..filter.clone() }), of(&[(&p0, 0), (&p1, 0), (&p2, 0), (&p3, 0)]));
    assert_eq!(named(&Filter { stage: text("profile"), ..filter.clone() }).len(), 2);
    assert_eq!(named(&Filter { topic: text("viewing_progress"), ..filter.clone() }), of(&[("viewing_progress-3", 1_001)]));
    assert_eq!(named(&Filter { topic: text("playback"), ..filter.clone() }), []);
    assert_eq!(
        named(&Filter { partition: Some(2), topic: text(EVENTS), stage: text("playback"), ..filter.clone() }),
        of(&[(&p2, 0), (&p2, 1)])
    );
    let at = |number: i64| Some((AT_MS + number * 1000) * 1000);
    let playback = Filter { stage: text("playback"), ..filter.clone() };
    assert_eq!(named(&Filter { since_us: at(6), ..playback.clone() }), of(&[(&p3, 0), (&p3, 1)]));
    assert_eq!(named(&Filter { until_us: at(1), ..playback.clone() }), of(&[(&p0, 0)]));
    assert_eq!(named(&Filter { since_us: at(2), until_us: at(4), ..playback }), of(&[(&p1, 0), (&p1, 1)]));
    let ids = [format!("{EVENTS}-1-1-playback"), format!("{}-2-0-playback", scene.topic_id())];
    assert_eq!(named(&Filter { ids: Some(ids.clone().into()), ..filter.clone() }), of(&[(&p1, 1), (&p2, 0)]));
    assert_eq!(named(&Filter { ids: Some(ids.into()), partition: Some(1), ..filter.clone() }).first(), of(&[(&p1, 1)]).first());

    let limited = scene.run_with(&RedriveOptions { limit: Some(3), ..scene.options() });
    assert_eq!((limited.report.redriven(), scene.redriven().len()), (3, 3));
    let ids = ["playback_events-0-7-playback".to_owned()];
    let missing = scene.run_with(&RedriveOptions { filter: Filter { ids: Some(ids.clone().into()), ..filter }, ..scene.options() });
    assert_eq!((missing.codes(), missing.report.failures, &missing.outcomes[0].source), (vec!["not_found"], 1, &ids[0]));
}

/// Log time is the largest timestamp of the topic; what is older than H against it may have a copy that is forgotten.
#[test]
fn what_is_older_than_state_remembers_goes_by_force_only() {
    let cases = [
        // When it was refused, when it happened (both against log time), whether it was imported.
        (0, 0, false, "redriven"),
        (-H_MS, -H_MS, false, "redriven"),
        (-H_MS - 1, -H_MS - 1, false, "too_old"),
        // Refused now, but of a session that may be forgotten.
        (0, -H_MS - 1, false, "too_old"),
        (0, -H_MS - 1, true, "redriven"),
        (-H_MS - 1, -H_MS - 1, true, "too_old"),
        // A clock that is ahead.
        (-H_MS - 1, HOUR_MS, false, "too_old"),
    ];
    for (refused_ms, happened_ms, is_import, expected) in cases {
        let scene = Scene::new();
        scene.append(&scene.event(99, NOW_MS));
        let mut raw = scene.event(1, NOW_MS + happened_ms);
        raw.timestamp_ms = NOW_MS + refused_ms;
        if is_import {
            raw.headers.push((IMPORT_HEADER.as_bytes().to_vec(), b"viewing-activity".to_vec()));
        }
        scene.refuse(&raw, "bad_rate");
        let ran = scene.run();
        assert_eq!(ran.codes(), [expected], "{refused_ms} {happened_ms} {is_import}");
        assert_eq!(ran.report.failures, u64::from(expected == "too_old"));
        let forced = scene.run_with(&RedriveOptions { is_forced: true, ..scene.options() });
        assert_eq!(forced.codes(), [if expected == "too_old" { "redriven" } else { "already_redriven" }]);
        assert_eq!(scene.redriven().len(), 1);
    }
}

#[test]
fn what_a_letter_holds_in_part_is_read_from_its_topic() {
    let scene = Scene::new();
    let raw = large(&scene, "x");
    scene.refuse(&raw, "bad_rate");
    assert_eq!(scene.run().codes(), ["redriven"]);
    assert_eq!(scene.redriven().remove(0).before(), raw);
    // The id stands in the whole value only.
    assert!(scene.marks().iter().any(|(id, _)| *id == uuid::Uuid::from_bytes([77; 16]).to_string()));
}

/// Never a part of a record, and never another one.
#[test]
fn what_is_not_there_as_it_was_does_not_go_back() {
    let scene = Scene::new();
    let raw = large(&scene, "x");
    // Past the end; another value of the same length and beginning; of another length, at another time, under another key.
    scene.letter(&raw, 500, &|_| ());
    let mut flipped = raw.clone();
    *flipped.value.as_mut().unwrap().last_mut().unwrap() ^= 1;
    let mut longer = raw.clone();
    longer.value.as_mut().unwrap().push(0);
    let later = Raw { timestamp_ms: AT_MS + 1, ..raw.clone() };
    let keyless = Raw { key: None, ..raw.clone() };
    for other in [flipped, longer, later, keyless] {
        let offset = scene.append(&other);
        scene.letter(&raw, offset, &|_| ());
    }
    let offset = scene.append(&raw);
    scene.letter(&raw, offset, &|letter| letter.value_length = Some(1));
    let ran = scene.run_with(&RedriveOptions { is_forced: true, ..scene.options() });
    assert_eq!((ran.codes(), ran.report.failures), (vec!["record_gone"; 6], 6));
    let details: Vec<_> = ran.outcomes.iter().map(|outcome| outcome.verdict.in_words()).collect();
    assert!(details[0].contains("is gone"), "{details:?}");
    assert!(details[1..].iter().all(|detail| detail.contains("another record")), "{details:?}");
    assert_eq!((scene.redriven(), scene.marks()), (vec![], vec![]));
}

/// Refused again, and the header that says so found no room in the letter: the record has it.
#[test]
fn what_a_record_came_of_is_read_from_it_where_the_letter_has_no_room() {
    let scene = Scene::new();
    scene.refuse(&scene.event(1, AT_MS), "bad_rate");
    assert_eq!(scene.run().codes(), ["redriven"]);
    let again = scene.redriven().remove(0);
    let offset = scene.append(&again);
    let part = Raw { headers: Vec::new(), ..again };
    scene.letter(&part, offset, &|letter| letter.detail = "why (the first 0 of 1 headers are kept)");
    assert_eq!(scene.run().codes(), ["already_redriven", "redriven"]);
}

/// Headers that found no room in the letter are had from the record, or nothing goes.
#[test]
fn headers_that_were_left_out_are_read_from_the_topic() {
    let scene = Scene::new();
    let mut raw = scene.event(1, AT_MS);
    raw.headers = vec![(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())];
    let offset = scene.append(&raw);
    let part = Raw { headers: raw.headers[..1].to_vec(), ..raw.clone() };
    scene.letter(&part, offset, &|letter| letter.detail = "why (the first 1 of 2 headers are kept)");
    scene.letter(&part, offset + 100, &|letter| letter.detail = "why (the first 1 of 2 headers are kept)");
    assert_eq!(scene.run_with(&RedriveOptions { is_forced: true, ..scene.options() }).codes(), ["redriven", "record_gone"]);
    assert_eq!(scene.redriven().remove(0).before(), raw);
}

#[test]
fn a_topic_that_was_made_anew_is_another_one() {
    let scene = Scene::new();
    let raw = scene.event(1, AT_MS);
    scene.letter(&raw, 0, &|letter| letter.topic_id = [9; 16]);
    scene.letter(&large(&scene, "x"), 7, &|letter| letter.topic_id = [9; 16]);
    scene.letter(&raw, 1, &|letter| letter.partition = 4);
    scene.letter(&raw, 2, &|letter| letter.source = "titles-1");
    let mut codes = scene.run().codes();
    codes.sort_unstable();
    assert_eq!(codes, ["topic_gone"; 4]);
    let forced = scene.run_with(&RedriveOptions { is_forced: true, ..scene.options() });
    let mut codes = forced.codes();
    codes.sort_unstable();
    assert_eq!(codes, ["redriven", "topic_gone", "topic_gone", "topic_gone"]);
    assert_eq!(scene.redriven().remove(0).before(), raw);
}

#[test]
fn a_record_that_is_as_large_as_its_topic_takes_has_no_room_for_the_header() {
    let scene = Scene::new();
    let mut raw = scene.event(1, AT_MS);
    raw.value.as_mut().unwrap().resize((1 << 20) - 150, 0);
    scene.refuse(&raw, "bad_rate");
    scene.refuse(&scene.event(2, AT_MS), "bad_rate");
    let ran = scene.run();
    assert_eq!((ran.report.redriven(), ran.report.failures), (1, 1));
    assert!(ran.outcomes.iter().any(|outcome| matches!(outcome.verdict, Verdict::NoRoom { excess_bytes: 1..200 })), "{:?}", ran.outcomes);
}

#[test]
fn what_is_no_letter_is_named_and_the_rest_goes_on() {
    let scene = Scene::new();
    scene.write_rubbish_letter();
    scene.refuse(&scene.event(2, AT_MS), "bad_rate");
    scene.letter(&scene.event(3, AT_MS), 9, &|letter| letter.timestamp = -1_000);
    let ran = scene.run();
    let mut codes = ran.codes();
    codes.sort_unstable();
    assert_eq!((codes, ran.report.failures), (vec!["redriven", "unreadable", "unreadable"], 2));
    // Whose it is nobody knows.
    let filter = Filter { reason: Some("key_mismatch".to_owned()), ..Filter::default() };
    assert!(scene.run_with(&RedriveOptions { filter, ..scene.options() }).outcomes.iter().all(|outcome| outcome.id.is_some()));
}

/// Refused for its schema, which is registered since: now the bytes are an event, and its copies are known.
#[test]
fn an_event_is_known_once_its_schema_is() {
    let scene = Scene::new();
    let id = 4;
    let framed = |raw: &Raw| {
        let mut raw = raw.clone();
        raw.value.as_mut().unwrap()[1..5].copy_from_slice(&u32::to_be_bytes(id));
        raw
    };
    let raw = framed(&scene.event(1, AT_MS));
    scene.refuse(&raw, "bad_rate");
    let schemas = Arc::clone(&scene.schemas);
    assert_eq!(schemas.schema_by_id(id).unwrap(), None);
    // The same record under another id.
    let newer = PlaybackEvent::SCHEMA.replacen("What a video player", "What any video player", 1);
    assert_eq!(schemas.register("elsewhere-value", &newer).unwrap(), id);
    scene.refuse(&raw, "bad_rate");
    assert_eq!(scene.run().codes(), ["redriven", "same_event_redriven"]);
}
