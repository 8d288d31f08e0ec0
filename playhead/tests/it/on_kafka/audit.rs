//! The books of a cluster: well, while stages run, and with one thing wrong.

use std::process::Stdio;

use schemas::{CleanPlaybackEvent, Decoder, Record as _};
use serde_json::{Value, json};

use super::topics::Lying;
use super::{OnKafka, start};

const CLEAN: &str = "playback_events.clean";
const SIMULATE: [&str; 11] = ["simulate", "--seed", "3", "--sessions", "60", "--duplicates", "5%", "--disorder", "10%", "--poison", "1%"];

/// The findings of a section: fault and place.
fn findings(section: &Value) -> Vec<(String, String)> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    section["first"].as_array().unwrap().iter().map(|finding| (text(finding, "fault"), text(finding, "place"))).collect()
}

/// Where a clean record says that it came from. The id of its schema is the registry's affair.
fn source_offset(record: &Lying) -> i64 {
    let registry = schemas::registry::Registry::new();
    let source = std::sync::Arc::new(std::sync::Mutex::new(registry));
    let id = source.lock().unwrap().register("clean-value", CleanPlaybackEvent::SCHEMA).unwrap();
    let mut decoder = Decoder::new::<CleanPlaybackEvent<'static>>(source);
    decoder.learn(id).unwrap();
    let mut value = record.value.clone();
    value[1..5].copy_from_slice(&id.to_be_bytes());
    decoder.decode::<CleanPlaybackEvent<'_>>(&value).unwrap().prefix.source_offset
}

#[test]
fn books_are_kept_while_stages_run_and_before_and_after() {
    let on_kafka = OnKafka::with_topics();
    let said = on_kafka.said(&["audit"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "an empty cluster: {}", said.out);
    let simulated = on_kafka.answer(0, &["simulate", "--seed", "4", "--sessions", "400", "--duplicates", "5%", "--poison", "1%"]);
    let audited = on_kafka.answer(0, &["audit"]);
    let events = &simulated["simulated"]["raw_records"];
    assert_eq!((&audited["pending"], &audited["agrees"]), (events, &json!(true)), "{audited}");

    let mut playback = start(&on_kafka, &["process", "playback"]);
    let mut profile = start(&on_kafka, &["process", "profile"]);
    let mut pending = Vec::new();
    let mut moved = 0;
    while pending.last() != Some(&0) {
        let audited = on_kafka.answer(0, &["audit"]);
        moved += audited["in_motion"].as_array().unwrap().len();
        pending.push(audited["pending"].as_u64().unwrap());
        assert!(pending.len() < 500, "the stages come to an end: {pending:?}");
    }
    for stage in [&mut playback, &mut profile] {
        stage.kill().unwrap();
        stage.wait().unwrap();
    }
    // Otherwise nothing ran meanwhile.
    assert!(pending.len() > 1, "{pending:?}, {moved} partitions seen in motion");
    on_kafka.process();
    let said = on_kafka.said(&["audit", "--truth"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    assert!(said.out.contains("not looked at: the serving store") && said.out.ends_with("the books agree\n"), "{}", said.out);
}

#[test]
fn what_is_wrong_is_named() {
    let on_kafka = OnKafka::with_topics();
    on_kafka.answer(0, &SIMULATE);
    on_kafka.process();
    let audited = on_kafka.answer(0, &["audit", "--truth"]);
    assert_eq!((&audited["agrees"], &audited["not_compared"]), (&json!(true), &json!(["serving"])), "{audited}");

    // One passed on twice.
    let clean = on_kafka.records(CLEAN);
    let event = &clean[clean.len() / 2];
    let place = ("playback_events", event.partition, source_offset(event));
    let place = format!("{}-{} offset {}", place.0, place.1, place.2);
    on_kafka.write(CLEAN, std::slice::from_ref(event));
    let audited = on_kafka.answer(1, &["audit"]);
    assert_eq!(findings(&audited["books"]["findings"]), [("doubled".to_owned(), place.clone())]);
    assert_eq!(audited["books"]["partitions"][event.partition as usize]["sums_equal"], false);
    let said = on_kafka.said(&["audit"]);
    assert!(said.code == 1 && said.out.contains(&place) && said.out.contains("the books DIFFER"), "{said:?}");

    // One not passed on.
    let without: Vec<_> = clean.iter().filter(|record| *record != event).cloned().collect();
    on_kafka.rewrite(CLEAN, &without);
    let audited = on_kafka.answer(1, &["audit"]);
    assert_eq!(findings(&audited["books"]["findings"]), [("missing".to_owned(), place)]);
    on_kafka.rewrite(CLEAN, &clean);
    on_kafka.answer(0, &["audit", "--truth"]);

    // A version of a session that is not told, and one that is told twice.
    let sessions = on_kafka.records("playback_sessions");
    let lost = &sessions[sessions.len() / 3];
    let without: Vec<_> = sessions.iter().filter(|record| *record != lost).cloned().collect();
    on_kafka.rewrite("playback_sessions", &without);
    let audited = on_kafka.answer(1, &["audit"]);
    assert_eq!(findings(&audited["sessions"][0]["findings"]), [("missing".to_owned(), format!("playback_sessions-{}", lost.partition))]);
    assert!(audited["sessions"][0]["findings"]["first"][0]["detail"].as_str().unwrap().contains(std::str::from_utf8(&lost.key).unwrap()));
    on_kafka.rewrite("playback_sessions", &sessions);
    on_kafka.write("playback_sessions", std::slice::from_ref(lost));
    let audited = on_kafka.answer(1, &["audit"]);
    assert_eq!(audited["sessions"][0]["findings"]["by_fault"], json!({"doubled": 1}), "{audited}");
    on_kafka.rewrite("playback_sessions", &sessions);

    // Viewings from which the positions can't have come.
    let progress = on_kafka.records("viewing_progress");
    let profile_id = progress[0].key.clone();
    let without: Vec<_> = progress.iter().filter(|record| record.key != profile_id).cloned().collect();
    on_kafka.rewrite("viewing_progress", &without);
    // The topic is another one, which the stage has not read.
    let audited = on_kafka.answer(1, &["audit"]);
    assert!(audited["resume"]["pending"].as_u64().unwrap() > 0, "{audited}");
    assert!(audited["resume"]["findings"]["by_fault"]["never_sent"].as_u64().unwrap() > 0, "{audited}");
}

#[test]
fn records_that_retention_has_taken_are_no_fault() {
    let on_kafka = OnKafka::with_topics();
    on_kafka.answer(0, &SIMULATE);
    on_kafka.process();
    let admin = on_kafka.admin();
    for topic in ["playback_events", "playback_sessions", "viewing_progress"] {
        for (partition, end) in (0..).zip(on_kafka.ends(topic)) {
            admin.delete_before(topic, partition, end / 3).unwrap();
        }
    }
    let audited = on_kafka.answer(0, &["audit"]);
    let expired: u64 = audited["books"]["partitions"].as_array().unwrap().iter().map(|books| books["expired"].as_u64().unwrap()).sum();
    assert!(audited["agrees"] == true && expired > 100, "{audited}");
    let said = on_kafka.said(&["audit"]);
    assert!(said.out.contains("came of what the log holds no longer"), "{}", said.out);
    // What of the rest is missing is still found.
    let clean = on_kafka.records(CLEAN);
    let last = clean.iter().rfind(|record| record.partition == 2).unwrap();
    let without: Vec<_> = clean.iter().filter(|record| *record != last).cloned().collect();
    on_kafka.rewrite(CLEAN, &without);
    let audited = on_kafka.answer(1, &["audit"]);
    assert_eq!(
        findings(&audited["books"]["findings"]),
        [("missing".to_owned(), format!("playback_events-2 offset {}", source_offset(last)))]
    );
}

#[test]
fn a_cluster_without_topics_says_so() {
    let on_kafka = OnKafka::new();
    let said = on_kafka.said(&["audit"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("playback_events is not on 127.0.0.1:"), "{}", said.err);
    let mut nowhere = on_kafka.command(&["audit", "--brokers", "127.0.0.1:1"]);
    nowhere.env_remove("PLAYHEAD_REGISTRY_URL").stdin(Stdio::null());
    let said = crate::support::said(&mut nowhere);
    assert!(said.code == 2 && said.err.contains("no schema registry is set"), "{said:?}");
}
