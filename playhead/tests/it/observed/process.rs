//! `playhead process` on a real broker and registry.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::time::Duration;

use e2e::until;
use kafka::{Admin, Reader};
use pipeline::heartbeat::{self, Beat};

use super::watched::Watched;
use crate::on_kafka::OnKafka;
use crate::support::{Folder, said};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn an_address_in_use_is_told_by_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let args = ["process", "playback", "--brokers", "127.0.0.1:1", "--registry", "http://127.0.0.1:1", "--metrics-listen", &address];
    let said = said(&mut folder.command(&args));
    assert_eq!(said.code, 2, "{said:?}");
    let line: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    let message = line["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("metrics.listen: cannot listen on {address}")), "{message}");
    assert_eq!((line["level"].as_str(), message.contains("Address already in use")), (Some("error"), true), "{line}");
    // For people it is the one plain line.
    let said = crate::support::said(&mut folder.command(&[&args[..], &["--log-format", "human"]].concat()));
    assert!(said.err.contains("playhead: metrics.listen: cannot listen on"), "{said:?}");
    let wrong = folder.run(&["process", "playback", "--metrics-listen", "9464"]);
    let expected = "playhead: --metrics-listen: metrics.listen: \"9464\" must be an address and a port, as in 127.0.0.1:9464 or 0.0.0.0:9464, or off\n";
    assert_eq!((wrong.code, wrong.err.as_str()), (2, expected));
}

/// Heartbeats of a topic by partition, and the keys of all its records that have none.
fn beats(on_kafka: &OnKafka, topic: &str) -> BTreeMap<u32, Vec<(String, Beat, i64)>> {
    let mut reader = Reader::new(&on_kafka.cluster(), PATIENCE).unwrap();
    let partitions = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap().describe(topic).unwrap().partitions;
    let mut found: BTreeMap<u32, Vec<(String, Beat, i64)>> = BTreeMap::new();
    for partition in 0..partitions {
        let (first, end) = reader.bounds(topic, partition).unwrap();
        reader
            .read(topic, partition, first, end, &mut |record| {
                assert!(record.key.is_some(), "{topic}-{partition} at {}: a record without a key", record.offset);
                if let Some(beat) = record.header(heartbeat::HEADER) {
                    assert_eq!(record.value, None);
                    let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                    found.entry(partition).or_default().push((key, Beat::parse(beat).unwrap(), record.timestamp_ms));
                }
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    found
}

/// One for each input partition and ten seconds of log time, in each partition that outputs of that input can go to.
fn assert_passed_on(on_kafka: &OnKafka, input: &str, inputs: u32, output: &str, is_rekeyed: bool) {
    let found = beats(on_kafka, output);
    let outputs = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap().describe(output).unwrap().partitions;
    for partition in 0..outputs {
        let beats = found.get(&partition).unwrap_or_else(|| panic!("{output}-{partition} has no heartbeat"));
        let mut newest: BTreeMap<&str, Beat> = BTreeMap::new();
        for (key, beat, timestamp_ms) in beats {
            assert_eq!((beat.sequence, *timestamp_ms), (beat.sent_ms.div_euclid(heartbeat::INTERVAL_MS), beat.sent_ms), "{output} {key}");
            let before = newest.insert(key, *beat);
            assert!(before.is_none_or(|before| before.sequence < beat.sequence), "{output}-{partition} {key}: one for each 10 s, in order");
        }
        let heard: BTreeSet<&str> = newest.keys().copied().collect();
        let expected: Vec<String> =
            (0..inputs).filter(|&from| is_rekeyed || from == partition).map(|from| format!("playhead.heartbeat/{input}/{from}")).collect();
        assert_eq!(heard, expected.iter().map(String::as_str).collect(), "{output}-{partition}");
    }
}

#[test]
fn a_stage_is_measured_from_its_start_to_its_end() {
    let on_kafka = OnKafka::new();
    on_kafka.json(0, &["topics", "apply", "--dev"]);
    let brokers = on_kafka.stack.variable("PLAYHEAD_TEST_BROKERS").to_owned();
    let simulated = on_kafka.json(0, &["simulate", "--sessions", "100", "--duplicates", "5%", "--poison", "2%", "--brokers", &brokers]);
    let raw = simulated["simulated"]["raw_records"].as_f64().unwrap();
    let playback = Watched::start(&mut on_kafka.command(&["process", "playback", "--snapshot-interval", "0s", "--log-level", "debug"]));
    playback.until_ready();
    let partitions = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap().describe("playback_events").unwrap().partitions;
    let metrics = until("all is read", || {
        let metrics = playback.metrics();
        let lag = metrics.values("playhead_lag_records", &[]);
        (lag.len() == partitions as usize && lag.iter().all(|lag| *lag == 0.0) && metrics.sum("playhead_records_total", &[]) >= raw)
            .then_some(metrics)
    });
    let heartbeats: usize = beats(&on_kafka, "playback_events").values().map(Vec::len).sum();
    assert_eq!(metrics.sum("playhead_records_total", &[]), raw + heartbeats as f64, "every record once");
    assert!(metrics.sum("playhead_duplicates_total", &[]) > 0.0);
    assert!(metrics.values("playhead_dead_letters_total", &["reason="]).len() > 3, "poison of several kinds");
    assert!(metrics.sum("playhead_outputs_total", &[]) > raw);
    assert_eq!(metrics.sum("playhead_partitions", &["state=\"running\""]), f64::from(partitions));
    for name in ["freshness_seconds", "log_time_age_seconds", "last_stable_offset_age_seconds"] {
        until(name, || {
            (playback.metrics().values(&format!("playhead_{name}"), &["topic=\"playback_events\""]).len() == partitions as usize)
                .then_some(())
        });
    }
    // One after the other, each with a commit.
    assert!(metrics.sum("playhead_snapshot_bytes", &[]) > 0.0 && !metrics.values("playhead_snapshot_age_seconds", &[]).is_empty());
    assert_eq!(metrics.sum("playhead_commits_total", &[]), metrics.sum("playhead_commit_duration_seconds_count", &[]));
    let (status, health) = playback.get("/healthz");
    assert_eq!(status, 200, "{health}");

    let profile = Watched::start(&mut on_kafka.command(&["process", "profile", "--log-level", "debug"]));
    profile.until_ready();
    let fed = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap().describe("viewing_progress").unwrap().partitions;
    until("every partition is as fresh as its stalest input", || {
        let freshness = profile.metrics().values("playhead_freshness_seconds", &["stage=\"profile\""]);
        (freshness.len() == fed as usize).then_some(())
    });

    for (process, stage) in [(playback, "playback"), (profile, "profile")] {
        let log = process.log();
        let (code, out, lines) = process.end_by("-TERM");
        assert_eq!((code, out.lines().count()), (Some(0), 1), "{out}{lines:?}");
        for line in &log {
            let time = line["time"].as_str().unwrap();
            assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'), "{line}");
            assert!(["debug", "info", "warn"].contains(&line["level"].as_str().unwrap()), "{line}");
        }
        let ready = log.iter().find(|line| line["message"].as_str().unwrap().starts_with("restored")).unwrap();
        assert_eq!(ready["stage"], stage);
        for field in ["lane", "partition", "offset"] {
            assert!(ready[field].is_number(), "{field}: {ready}");
        }
    }

    // Heartbeats on Kafka: to each partition that outputs of an input can go to.
    for output in ["playback_events.clean", "playback_sessions", "qos_session_summary"] {
        assert_passed_on(&on_kafka, "playback_events", partitions, output, false);
    }
    for output in ["viewing_progress", "active_streams"] {
        assert_passed_on(&on_kafka, "playback_events", partitions, output, true);
    }
    assert_passed_on(&on_kafka, "viewing_progress", fed, "resume_state", false);
    assert_eq!(beats(&on_kafka, "dead_letters").len(), 0, "outside freshness");
}

/// Passes connections on to `to`, until the test ends.
fn pass_on(listener: TcpListener, to: String) {
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        std::thread::spawn(move || {
            // Whoever goes away first.
            std::io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Write).ok();
        })
    };
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(&to).unwrap());
            copy(near.try_clone().unwrap(), far.try_clone().unwrap());
            copy(far, near);
        }
    });
}

#[test]
fn what_is_waited_for_is_named_and_the_process_goes_on_when_it_comes() {
    let on_kafka = OnKafka::new();
    on_kafka.json(0, &["topics", "apply", "--dev"]);
    // Nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = on_kafka.command(&["process", "playback"]);
    let path = on_kafka.stack.variable("PLAYHEAD_TEST_REGISTRY").splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    command.env("PLAYHEAD_REGISTRY_URL", format!("http://{nobody}/{path}"));
    let process = Watched::start(&mut command);
    until("the registry is missed", || process.missing().contains(&"registry".to_owned()).then_some(()));
    assert_eq!(process.get("/healthz").0, 200, "it is not to be started again for that");
    let registry = on_kafka.stack.variable("PLAYHEAD_TEST_REGISTRY").strip_prefix("http://").unwrap().to_owned();
    let host = registry.split('/').next().unwrap().to_owned();
    pass_on(TcpListener::bind(nobody).unwrap(), host);
    process.until_ready();
    let (code, _, lines) = process.end_by("-TERM");
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("the schema registry is not available")), "{lines:?}");
}

#[test]
fn who_gives_way_to_another_process_of_its_name_says_what_each_needs() {
    let on_kafka = OnKafka::with_topics();
    let start = || Watched::start(&mut on_kafka.command(&["process", "playback"]));
    let first = start();
    first.until_ready();
    let second = start();
    let told =
        "another process of stage playback with --instance test (kafka.instance) has taken over: give each process an instance of its own";
    until("the first gives way", || first.lines().iter().any(|line| line.contains(told)).then_some(()));
    second.until_ready();
    let (code, _, lines) = second.end_by("-TERM");
    assert_eq!(code, Some(0), "{lines:?}");
}
