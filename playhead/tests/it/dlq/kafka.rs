//! On a real broker and registry.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kafka::{Admin, KafkaLane, LaneOptions, Membership, Reader};
use pipeline::heartbeat::{self, Beat};
use pipeline::{Log as _, OutputTopic, Outputs, Record, Spread, TopicPartition};
use registry::{Address, ClientSettings, Credentials, RegistryClient};
use schemas::redrive::HEADER;
use schemas::{PlaybackSession, Reason, Record as _, wire};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::poison::{ANSWERED, Ids, OF_STATE, Poison, event, framed, playback, progress};
use super::{lines, verdicts};
use crate::on_kafka::{OnKafka, PATIENCE};
use crate::support::{Folder, Said, said};

const EVENTS: &str = "playback_events";
const PROGRESS: &str = "viewing_progress";
const PARTITIONS: u32 = 4;
/// Longer than a simulation lasts.
const STATE_HORIZON: &str = "240h";

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn registry(on: &OnKafka) -> RegistryClient {
    let address = Address::parse(on.stack.variable("PLAYHEAD_TEST_REGISTRY")).unwrap();
    let settings = ClientSettings {
        addresses: vec![address],
        credentials: Credentials::None,
        authorities: None,
        timeout: PATIENCE,
        grace: std::time::Duration::ZERO,
    };
    RegistryClient::new(&settings).unwrap()
}

/// Writes to one topic, outside of everything.
struct Writer {
    lane: KafkaLane,
    out: Outputs,
}

impl Writer {
    fn new(on: &OnKafka, topic: &str) -> Self {
        let topics = [OutputTopic { name: topic.to_owned(), partitions: PARTITIONS, spread: Spread::Unmarked }];
        let options = LaneOptions { membership: Membership::Dynamic, ..LaneOptions::new(on.cluster(), "test-writer", topic, 0) };
        Self { lane: KafkaLane::writer(options, &[], &topics).unwrap(), out: Outputs::new(&topics) }
    }

    fn write(&mut self, partition: u32, at_ms: i64, records: &[Poison]) {
        for Poison { key, value, .. } in records {
            self.out.push_copy(0, partition, at_ms, key.as_deref(), value.as_deref(), [(&b"trace"[..], &b"\xff"[..])]);
        }
        self.lane.send(&mut self.out).unwrap();
        self.lane.commit(&[]).unwrap();
    }

    /// Log time goes on, as the heartbeats of a gateway make it.
    fn beat(&mut self, at_ms: i64) {
        let beat = Beat { sequence: 1, sent_ms: at_ms }.to_text();
        for partition in 0..PARTITIONS {
            let key = heartbeat::writer_key("test");
            self.out.push_marker(0, partition, at_ms, key.as_bytes(), (heartbeat::HEADER, beat.as_bytes()));
        }
        self.lane.send(&mut self.out).unwrap();
        self.lane.commit(&[]).unwrap();
    }
}

/// Reads a topic to its end.
fn for_each(on: &OnKafka, topic: &str, mut each: impl FnMut(u32, &Record<'_>)) {
    let mut reader = Reader::new(&on.cluster(), PATIENCE).unwrap();
    for partition in 0..Admin::new(&on.cluster(), PATIENCE).unwrap().describe(topic).unwrap().partitions {
        let (first, end) = reader.bounds(topic, partition).unwrap();
        reader
            .read(topic, partition, first, end, &mut |record| {
                each(partition, record);
                ControlFlow::Continue(())
            })
            .unwrap();
    }
}

/// Events of each row of a session, as its newest version counts them.
fn event_counts(on: &OnKafka) -> BTreeMap<(String, i64), i64> {
    let plan = schemas::Plan::current::<PlaybackSession<'_>>();
    let mut rows = BTreeMap::<(String, i64), (i64, i64)>::new();
    for_each(on, "playback_sessions", |_, record| {
        if let Some((_, body)) = record.value.map(|value| wire::split(value).unwrap()) {
            let session = PlaybackSession::decode(&plan, body).unwrap();
            let row = rows.entry((session.session_id.to_owned(), session.opened_at)).or_default();
            *row = (*row).max((session.version, session.event_count));
        }
    });
    rows.into_iter().map(|(row, (_, count))| (row, count)).collect()
}

/// How often each letter went back.
fn redriven(on: &OnKafka) -> BTreeMap<String, u64> {
    let mut redriven = BTreeMap::new();
    for_each(on, EVENTS, |_, record| {
        if let Some(letter) = record.header(HEADER) {
            *redriven.entry(String::from_utf8(letter.to_vec()).unwrap()).or_default() += 1;
        }
    });
    redriven
}

fn dlq(on: &OnKafka, args: &[&str]) -> std::process::Command {
    let brokers = on.stack.variable("PLAYHEAD_TEST_BROKERS").to_owned();
    let mut command = on.command(&[&["dlq"], args, &["--brokers", &brokers]].concat());
    command.env("PLAYHEAD_PLAYBACK_STATE_HORIZON", STATE_HORIZON);
    command
}

fn run(on: &OnKafka, args: &[&str]) -> Said {
    let said = said(dlq(on, args).arg("--json"));
    assert!(said.code < 2 && said.err.is_empty(), "{args:?}: {said:?}");
    said
}

fn process(on: &OnKafka, stage: &str, most_events: Option<u32>) {
    let mut command = on.command(&["process", stage, "--until-caught-up"]);
    if let Some(most) = most_events {
        command.env("PLAYHEAD_PLAYBACK_MAX_SESSION_EVENTS", most.to_string());
    }
    let said = said(command.env("PLAYHEAD_REGISTRY_GRACE", "0s").env("PLAYHEAD_PLAYBACK_STATE_HORIZON", STATE_HORIZON));
    assert_eq!(said.code, 0, "{said:?}");
}

/// Every reason that there is: refused by a stage on the broker, listed with its bytes, taken back, and refused again or counted once.
#[test]
fn every_reason_is_listed_and_goes_back() {
    let on = OnKafka::new();
    on.json(0, &["topics", "apply", "--dev"]);
    let ids = Ids::of(&registry(&on), 1_999_999_999);
    let at_ms = now_ms() - 3_600_000;
    let mut events = playback(&ids, at_ms);
    let covered: BTreeSet<Reason> = events.iter().map(|poison| poison.reason).chain(ANSWERED).chain([OF_STATE]).collect();
    assert_eq!(covered, Reason::ALL.iter().copied().collect());
    // Two that are taken, two too many.
    let long = |number| {
        let event = schemas::PlaybackEvent { session_id: "long", ..event(number, at_ms + i64::from(number)) };
        Poison { reason: OF_STATE, key: Some(b"long".to_vec()), value: Some(framed(ids.event, &event)) }
    };
    let partition = pipeline::partition_for(b"long", PARTITIONS);
    let mut writer = Writer::new(&on, EVENTS);
    writer.write(partition, at_ms, &[long(0), long(1)]);
    events.extend([long(2), long(3)]);
    writer.write(partition, at_ms - 7, &events);
    let options = LaneOptions { membership: Membership::Dynamic, ..LaneOptions::new(on.cluster(), "test-reader", "test", 0) };
    let mut reader = KafkaLane::reader(options, &[EVENTS]).unwrap();
    let mut log_time_ms = |partition| reader.largest_timestamp_ms(TopicPartition { topic: 0, partition }).unwrap();
    // Later rather than earlier: the broker counts the markers of transactions, too.
    assert!(log_time_ms(partition).unwrap() >= at_ms);
    assert_eq!(log_time_ms((partition + 1) % PARTITIONS), None);
    process(&on, "playback", Some(2));
    let progress = progress(&ids);
    Writer::new(&on, PROGRESS).write(1, at_ms, &progress);
    process(&on, "profile", None);

    // The gateway's and ingest's own: answered, and nothing is kept.
    let brokers = on.stack.variable("PLAYHEAD_TEST_BROKERS").to_owned();
    let line = |received_ms: i64, happened_ms: i64| {
        json!({"session_id": "x", "type": "PLAY", "title_id": "t", "event_time": happened_ms * 1000, "received_time": received_ms * 1000})
            .to_string()
            + "\n"
    };
    let old =
        json!({"session_id": "x", "type": "PLAY", "title_id": "t", "event_time": (now_ms() - 80 * 3_600_000) * 1000}).to_string() + "\n";
    let file = on.folder.write("answered.ndjson", [old, line(now_ms() + 3_600_000, now_ms())].concat());
    let answered = said(&mut on.command(&["ingest", &file, "--brokers", &brokers, "--json"]));
    for reason in ANSWERED {
        assert!(answered.out.contains(&format!("\"{reason}\"")), "{reason}: {answered:?}");
    }

    let (letters, summary) = lines(&run(&on, &["list"]).out);
    assert_eq!(letters.len(), events.len() + progress.len());
    assert_eq!((&summary["letters"], &summary["redriven"]), (&json!(letters.len()), &json!(0)));
    check_letters(&on, &letters, "playback", EVENTS, partition, &events);
    check_letters(&on, &letters, "profile", PROGRESS, 1, &progress);

    let names: BTreeSet<&str> = letters.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    let ends = |on: &OnKafka| {
        let admin = Admin::new(&on.cluster(), PATIENCE).unwrap();
        let places = [EVENTS, PROGRESS, "ledger", "dead_letters"]
            .into_iter()
            .flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)));
        places.map(|(topic, partition)| admin.bounds(topic, partition).unwrap().1).collect::<Vec<_>>()
    };
    let before = ends(&on);
    let dry = run(&on, &["redrive", "--dry-run"]);
    assert_eq!((dry.code, ends(&on)), (0, before), "a dry run writes nothing");
    let dry = verdicts(&dry.out);
    assert!(dry.iter().all(|(_, verdict)| verdict == "would_redrive"), "{dry:?}");
    assert_eq!(dry.iter().map(|(id, _)| id.as_str()).collect::<BTreeSet<_>>(), names);

    let done = run(&on, &["redrive", "--all"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(verdicts(&done.out).iter().all(|(_, verdict)| verdict == "redriven"), "{done:?}");
    // The limit is raised meanwhile: of the session that was too long all arrives, once. The rest is refused again.
    process(&on, "playback", None);
    process(&on, "profile", None);
    let again = event_counts(&on).into_iter().filter(|((session, _), _)| session == "long").collect::<Vec<_>>();
    writer.beat(now_ms() + 30_000);
    process(&on, "playback", None);
    let counts: Vec<i64> = event_counts(&on).into_iter().filter(|((session, _), _)| session == "long").map(|(_, count)| count).collect();
    assert_eq!(counts, [4], "{again:?}");
    let (all, _) = lines(&run(&on, &["list"]).out);
    let came_again: Vec<&Value> = all.iter().filter(|letter| letter["attempts"] == 2).collect();
    assert_eq!((all.len(), came_again.len()), (2 * letters.len() - 2, letters.len() - 2));
    for letter in &came_again {
        let first = letters.iter().find(|first| first["id"] == letter["came_of"]).unwrap_or_else(|| panic!("{letter}"));
        for field in ["reason", "raw", "value_length", "value_sha256", "key", "timestamp", "stage", "partition"] {
            assert_eq!(first[field], letter[field], "{field} of {letter}");
        }
    }
    let ids: Vec<&str> = names.into_iter().collect();
    let second = run(&on, &[&["redrive"], &ids[..]].concat());
    assert!(verdicts(&second.out).iter().all(|(_, verdict)| verdict == "already_redriven"), "{second:?}");
    let shown = said(dlq(&on, &["show", came_again[0]["came_of"].as_str().unwrap()]).arg("--json"));
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&shown["came_again"][0]["id"], shown["redriven_at"].is_string()), (&came_again[0]["id"], true), "{shown}");
}

/// The letters of a stage are those of these records, in their order, with their bytes.
fn check_letters(on: &OnKafka, all: &[Value], stage: &str, topic: &str, partition: u32, expected: &[Poison]) {
    let topic_id = Admin::new(&on.cluster(), PATIENCE).unwrap().describe(topic).unwrap().id;
    let mut of_stage: Vec<&Value> = all.iter().filter(|letter| letter["stage"] == stage).collect();
    of_stage.sort_by_key(|letter| letter["offset"].as_i64());
    assert_eq!(of_stage.len(), expected.len());
    let mut offsets = Vec::new();
    for_each(on, topic, |of, record| {
        if of == partition && expected.iter().any(|poison| poison.value.as_deref() == record.value) && !heartbeat::is_heartbeat(record) {
            offsets.push(record.offset);
        }
    });
    assert_eq!(offsets.len(), expected.len());
    for ((letter, poison), offset) in of_stage.into_iter().zip(expected).zip(offsets) {
        let reason = poison.reason;
        assert_eq!(letter["reason"], reason.as_str(), "{letter}");
        assert_eq!(letter["id"], format!("{topic_id}-{partition}-{offset}-{stage}"), "{reason}");
        assert_eq!(
            (&letter["name"], &letter["attempts"]),
            (&json!(format!("{topic}-{partition}-{offset}-{stage}")), &json!(1)),
            "{reason}"
        );
        let key = poison.key.as_ref().map(|key| String::from_utf8(key.clone()).unwrap());
        assert_eq!(letter["key"], json!(key), "{reason}");
        assert_eq!(letter["value_length"], json!(poison.value.as_ref().map(Vec::len)), "{reason}");
        let raw = letter["raw"].as_str().map(|raw| STANDARD.decode(raw).unwrap());
        if reason == Reason::RecordTooLarge {
            let value = poison.value.as_ref().unwrap();
            let hash: String = Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((raw.as_deref(), &letter["value_sha256"]), (Some(&value[..64 * 1024]), &json!(hash)));
        } else {
            assert_eq!((raw, &letter["value_sha256"]), (poison.value.clone(), &Value::Null), "{reason}");
        }
    }
}

/// Killed, and two at once: every letter goes back once, and the sessions are what they would have been without the limit.
#[test]
fn killed_and_two_at_once_every_letter_goes_back_once() {
    let on = OnKafka::new();
    on.json(0, &["topics", "apply", "--dev"]);
    let brokers = on.stack.variable("PLAYHEAD_TEST_BROKERS").to_owned();
    // Over for an hour at least, so that a redrive can close what it opens again, and young enough for the broker to keep.
    let start_us = ((now_ms() - 5 * 24 * 3_600_000 - 2 * 3_600_000) * 1_000).to_string();
    let simulate = ["simulate", "--seed", "21", "--sessions", "150", "--duplicates", "5%", "--start", &start_us];
    on.json(0, &[&simulate[..], &["--brokers", &brokers]].concat());
    process(&on, "playback", Some(8));
    let (letters, _) = lines(&run(&on, &["list"]).out);
    assert!(letters.len() > 3_000, "{}", letters.len());

    let start = || dlq(&on, &["redrive", "--all"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut fenced = 0;
    for number in 0..4_u64 {
        let (mut older, mut younger) = (start(), start());
        if number % 2 == 0 {
            // As soon as something went back, or nothing more will.
            e2e::until("something goes back", || {
                (redriven(&on).len() as u64 > number || older.try_wait().unwrap().is_some()).then_some(())
            });
            older.kill().unwrap();
            younger.kill().unwrap();
        }
        for process in [&mut older, &mut younger] {
            fenced += u64::from(process.wait().unwrap().code() == Some(2));
        }
    }
    assert!(fenced > 0, "the younger one stops the older");
    let done = run(&on, &["redrive", "--all"]);
    assert_eq!(done.code, 0, "{done:?}");
    let redriven = redriven(&on);
    assert!(redriven.values().all(|times| *times == 1), "{:?}", redriven.iter().find(|(_, times)| **times > 1));
    let (_, summary) = lines(&run(&on, &["redrive", "--all"]).out);
    let count = |code: &str| summary[code].as_u64().unwrap_or(0);
    assert_eq!(count("already_redriven"), redriven.len() as u64);
    assert_eq!(count("already_redriven") + count("same_event_redriven"), letters.len() as u64);

    process(&on, "playback", None);
    let local = Folder::new();
    local.well(&simulate);
    let counted =
        |session: &Value| (session["value"]["session_id"].as_str().unwrap().to_owned(), session["value"]["event_count"].as_i64().unwrap());
    let mut expected = BTreeMap::<String, i64>::new();
    for session in local.json_lines(&["read", "playback_sessions"]) {
        let (session_id, events) = counted(&session);
        let most = expected.entry(session_id).or_default();
        *most = events.max(*most);
    }
    let found: BTreeMap<String, i64> = event_counts(&on).into_iter().map(|((session_id, _), count)| (session_id, count)).collect();
    assert_eq!(found.len(), 150);
    assert!(found == expected, "{:?}", found.iter().find(|(session, count)| expected.get(*session) != Some(count)));

    on.json(0, &["process", "profile", "--until-caught-up"]);
    let audited = on.said(&["audit"]);
    assert_eq!(audited.code, 0, "the books agree after all that: {audited:?}");
}
