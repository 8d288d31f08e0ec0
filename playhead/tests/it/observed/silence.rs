//! No personal id and no secret is in a line of the log, nor in metrics or answers: records that are marked, and credentials that are wrong.

use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

use e2e::until;
use kafka::{KafkaLane, LaneOptions};
use pipeline::local::LocalLog;
use pipeline::{Log as _, OutputTopic, Outputs, Spread};
use registry::{Address, ClientSettings, RegistryClient};
use schemas::registry::value_subject;
use schemas::{PlaybackEvent, Record as _, SchemaSource as _, wire};
use serde_json::json;

use super::watched::Watched;
use crate::dev_server::event;
use crate::on_kafka::OnKafka;
use crate::support::{Folder, said};

/// In every id of the input.
const MARK: &str = "mark5e55";
/// In every credential.
const SECRET: &str = "s3cret0f";
const INPUT: &str = "playback_events";

/// Events with marked ids, as a gateway would write them: key and Avro body.
fn marked_events() -> Vec<(Vec<u8>, Vec<u8>)> {
    let folder = Folder::new();
    let more = json!({
        "account_id": format!("account-{MARK}"), "device_id": format!("device-{MARK}"), "profile_id": format!("profile-{MARK}"),
        "attributes": {"ip": format!("203.0.113.7-{MARK}")},
    });
    let events: Vec<String> =
        (0..20).map(|number| event(&format!("session-{MARK}-{}", number % 4), "PLAY", 60 - number, &more).to_string()).collect();
    let file = folder.write("events.ndjson", events.join("\n"));
    folder.well(&["ingest", &file]);
    let log = LocalLog::open(&folder.data().join("log.redb")).unwrap();
    let mut records = Vec::new();
    for partition in 0..log.topic(INPUT).unwrap().1 {
        let (first, end) = log.bounds(INPUT, partition).unwrap();
        log.read_partition(INPUT, partition, first, end, &mut |batch| {
            let values =
                batch.records.iter().filter_map(|record| Some((record.key?.to_vec(), wire::split(record.value?).unwrap().1.to_vec())));
            records.extend(values);
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    assert_eq!(records.len(), 20);
    records
}

/// Writes them to the cluster, and beside them records that must be refused: not framed, cut short, of an unknown schema, under another key.
fn write(on_kafka: &OnKafka) {
    let address = Address::parse(on_kafka.stack.variable("PLAYHEAD_TEST_REGISTRY")).unwrap();
    let client = RegistryClient::new(&ClientSettings::at(address)).unwrap();
    let id = client.register(&value_subject(INPUT), PlaybackEvent::SCHEMA).unwrap();
    let topic = OutputTopic { name: INPUT.to_owned(), partitions: 4, spread: Spread::Unmarked };
    let options = LaneOptions::new(on_kafka.cluster(), "marked", "test", 0);
    let mut lane = KafkaLane::writer(options, &[], std::slice::from_ref(&topic)).unwrap();
    let mut out = Outputs::new(&[topic]);
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let key = format!("session-{MARK}-x").into_bytes();
    for (event_key, body) in marked_events() {
        let framed = |id: u32, body: &[u8]| {
            let mut value = Vec::new();
            wire::frame(id, &mut value);
            value.extend_from_slice(body);
            value
        };
        let values = [
            (&event_key, framed(id, &body)),
            (&event_key, framed(id, &body[..body.len() / 2])),
            (&event_key, framed(id, &[&body[..], MARK.as_bytes()].concat())),
            (&key, framed(id, &body)),
            (&event_key, format!("{MARK} is no event").into_bytes()),
            (&event_key, framed(1_999_999_999, &body)),
        ];
        for (key, value) in values {
            out.push_keyed(0, now_ms, &[key], |bytes| bytes.extend_from_slice(&value));
        }
    }
    lane.send(&mut out).unwrap();
    lane.commit(&[]).unwrap();
}

fn assert_silent(what: &str, said: &str) {
    for forbidden in [MARK, SECRET, "203.0.113.7"] {
        assert!(!said.contains(forbidden), "{what} says {forbidden}: {said}");
    }
}

#[test]
fn no_id_of_a_person_is_in_log_metrics_or_answers() {
    let on_kafka = OnKafka::new();
    on_kafka.json(0, &["topics", "apply", "--dev"]);
    write(&on_kafka);
    let mut command = on_kafka.command(&["process", "playback", "--log-level", "debug", "--snapshot-interval", "0s"]);
    command.env("PLAYHEAD_REGISTRY_GRACE", "0s");
    let process = Watched::start(&mut command);
    let refused = until("all is judged", || {
        let metrics = process.metrics();
        let refused = metrics.sum("playhead_dead_letters_total", &[]);
        (metrics.sum("playhead_records_total", &[]) == 120.0).then_some(refused)
    });
    assert_eq!(refused, 100.0);
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_silent(path, &process.get(path).1);
    }
    let (code, out, lines) = process.end_by("-TERM");
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains("refused records went to dead_letters") && line.contains("key_mismatch 20")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.contains("state saved")), "debug is told too: {lines:?}");
    assert_silent("the log", &lines.join("\n"));
    assert_silent("standard output", &out);
}

#[test]
fn no_secret_is_in_what_is_said_of_it() {
    let on_kafka = OnKafka::new();
    let sasl = on_kafka.stack.kafka_sasl();
    let mut command = on_kafka.command(&["process", "playback", "--log-level", "debug"]);
    for (key, value) in &sasl.client {
        command.env(format!("PLAYHEAD_KAFKA_CLIENT_{}", key.replace('.', "_").to_uppercase()), value);
    }
    command
        .env("PLAYHEAD_KAFKA_BROKERS", &sasl.brokers)
        .env("PLAYHEAD_KAFKA_CLIENT_SASL_PASSWORD", SECRET)
        .env("PLAYHEAD_REGISTRY_USER", "someone")
        .env("PLAYHEAD_REGISTRY_PASSWORD", SECRET)
        .env("AWS_ACCESS_KEY_ID", "someone")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("PLAYHEAD_METRICS_LISTEN", "127.0.0.1:0");
    let said = said(&mut command);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.to_lowercase().contains("authentication failed"), "{said:?}");
    assert_silent("the log", &said.err);
    assert_silent("standard output", &said.out);

    // A registry and a bucket that do not know us.
    let open = OnKafka::new();
    open.json(0, &["topics", "apply", "--dev"]);
    let mut command = open.command(&["process", "playback", "--log-level", "debug", "--snapshots", "s3://nowhere/states"]);
    command
        .env("PLAYHEAD_REGISTRY_USER", "someone")
        .env("PLAYHEAD_REGISTRY_PASSWORD", SECRET)
        .env("PLAYHEAD_STATE_S3_ENDPOINT", "http://127.0.0.1:1")
        .env("AWS_ACCESS_KEY_ID", "someone")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "us-east-1");
    let process = Watched::start(&mut command);
    until("it says something of its bucket", || process.lines().iter().any(|line| line.contains("snapshot")).then_some(()));
    let (_, out, lines) = process.end_by("-TERM");
    assert_silent("the log", &lines.join("\n"));
    assert_silent("standard output", &out);
}
