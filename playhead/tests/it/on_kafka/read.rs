//! Records of a cluster, read by offset and by time.

use chrono::{Duration, SecondsFormat, Utc};
use pipeline::Log as _;
use serde_json::{Value, json};

use super::OnKafka;

/// Events of one session, received at these times; and the partition that they lie in.
fn ingested(on_kafka: &OnKafka, hours_ago: &[i64]) -> (Vec<String>, String) {
    let mut times = Vec::new();
    for (number, hours) in hours_ago.iter().enumerate() {
        let time = (Utc::now() - Duration::hours(*hours)).to_rfc3339_opts(SecondsFormat::Millis, true);
        let event = json!({"session_id": "s", "sequence": number, "type": "HEARTBEAT", "event_time": time, "title_id": "t"}).to_string();
        let file = on_kafka.folder.write("event.ndjson", event);
        on_kafka.answer(0, &["ingest", &file, "--received-time", &time]);
        times.push(time);
    }
    let partition = on_kafka.answers(0, &["read", "playback_events"])[0]["partition"].to_string();
    (times, partition)
}

fn sequences(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["value"]["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn by_offset_and_by_time() {
    let on_kafka = OnKafka::with_topics();
    let (times, partition) = ingested(&on_kafka, &[30, 20, 10]);
    let read = |options: &[&str]| on_kafka.answers(0, &[&["read", "playback_events"], options].concat());
    let all = read(&[]);
    assert_eq!(sequences(&all), [0, 1, 2]);
    assert!(all[1]["offset"].as_i64().unwrap() > all[0]["offset"].as_i64().unwrap() + 1, "markers and heartbeats lie between: {all:?}");
    assert_eq!(sequences(&read(&["--from-time", &times[1]])), [1, 2]);
    assert_eq!(sequences(&read(&["--from-time", &times[2], "--partition", &partition])), [2]);
    assert_eq!(sequences(&read(&["--from-time", "2100-01-01"])), [0; 0]);
    assert_eq!(sequences(&read(&["--from-offset", &all[1]["offset"].to_string(), "--partition", &partition])), [1, 2]);
    assert_eq!(sequences(&read(&["--from-offset", "1000000"])), [0; 0]);
    assert_eq!(sequences(&read(&["--limit", "2"])), [0, 1]);
    let said = on_kafka.said(&["read", "playback_events", "--limit", "1"]);
    assert!(
        said.out.starts_with(&format!("{}-{partition} ", on_kafka.cluster().topic("playback_events"))) && said.out.contains("HEARTBEAT"),
        "{said:?}"
    );

    // What is not committed is not there.
    let (mut lane, mut out) = on_kafka.writer("playback_events");
    out.push_to(0, 0, 5, b"s", |value| value.push(1));
    lane.send(&mut out).unwrap();
    assert_eq!(sequences(&read(&[])), [0, 1, 2]);
}

#[test]
fn what_is_not_there_is_said() {
    let on_kafka = OnKafka::with_topics();
    let (_, partition) = ingested(&on_kafka, &[3, 2]);
    let refused = |options: &[&str], why: &str| {
        let said = on_kafka.said(&[&["read"], options].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        assert!(said.err.contains(why), "{options:?}: {}", said.err);
    };
    refused(&["nothing"], &format!("there is no topic \"nothing\"; topics: {}, ", on_kafka.cluster().topic("playback_events")));
    refused(&["playback_events", "--partition", "4"], "playback_events has partitions 0 to 3, not 4");
    let number = partition.parse().unwrap();
    let second = on_kafka.answers(0, &["read", "playback_events"])[1]["offset"].as_i64().unwrap();
    on_kafka.admin().delete_before("playback_events", number, second).unwrap();
    refused(
        &["playback_events", "--partition", &partition, "--from-offset", "0"],
        &format!("playback_events-{partition} from 0 on are gone: it holds {second} to "),
    );
    assert_eq!(sequences(&on_kafka.answers(0, &["read", "playback_events"])), [1]);
    // Nor is a registry that does not answer taken for one that does not know the schema.
    refused(&["playback_events", "--registry", "http://127.0.0.1:1"], "the schema registry is not available");
}
