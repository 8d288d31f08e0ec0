//! Kafka's Java client and Avro serialisers that are not ours, on either side of the stage: partitions, framing, schemas, transactions.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use e2e::{INPUT, RunArguments, Scene, Stack, lane_options, until, with_prefix};
use kafka::{Admin, Cluster, KafkaLane, LaneOptions, NewTopic, Reader};
use pipeline::heartbeat::{self, KEY_PREFIX};
use pipeline::{Log as _, OutputTopic, Outputs, Record, Shutdown, Spread, partition_for};
use registry::{Address, ClientSettings, RegistryClient};
use schemas::{Schema, SchemaSource, json, wire};
use serde_json::{Map, Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Hands out every committed record of a topic with its partition.
fn read(cluster: &Cluster, topic: &str, mut each: impl FnMut(u32, &Record<'_>)) {
    let mut reader = Reader::new(cluster, PATIENCE).unwrap();
    for partition in 0..Admin::new(cluster, PATIENCE).unwrap().describe(topic).unwrap().partitions {
        let (first, end) = reader.bounds(topic, partition).unwrap();
        let read = reader.read(topic, partition, first, end, &mut |record| {
            each(partition, record);
            ControlFlow::Continue(())
        });
        read.unwrap();
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Keys of every length up to a few words of the hash, of one to four bytes a character, and composite ones.
fn keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::from([String::new(), "\0".to_owned(), "k".repeat(20_000), "東京🎬".repeat(2_000)]);
    for number in 0..100 {
        keys.insert(format!("session-{number:08x}"));
        keys.insert(format!("{KEY_PREFIX}playback_events/{number}"));
        keys.insert(format!("account-{number}\u{1f}session-{}", number * 7));
        keys.insert(format!("профиль-{number}\u{1f}título\u{1f}full"));
        for alphabet in ["abcdefghijklm", "äöüßéèñçåøæžš", "東京大阪名古屋札幌福岡京都", "🎬🍿📺🎥🎞️📽️🎭🎪🎫🎟️"]
        {
            keys.insert(alphabet.chars().cycle().skip(number / 13).take(number % 13).collect());
        }
    }
    keys
}

/// Writes a record under each key, and one under each key with another part behind it.
fn write_keys(cluster: &Cluster, topics: &[OutputTopic], keys: &BTreeSet<String>) {
    let mut out = Outputs::new(topics);
    let mut lane = KafkaLane::writer(LaneOptions::new(cluster.clone(), "keys", "keys", 0), &[], topics).unwrap();
    for topic in 0..u16::try_from(topics.len()).unwrap() {
        for key in keys {
            out.push_keyed(topic, 0, &[key.as_bytes()], |value| value.extend_from_slice(b"ours"));
            out.push_keyed(topic, 0, &[key.as_bytes(), b"more"], |value| value.extend_from_slice(b"composite"));
        }
    }
    lane.send(&mut out).unwrap();
    lane.commit(&[]).unwrap();
}

#[test]
fn a_key_has_the_partition_that_java_gives_it() {
    let stack = Stack::with(&["kafka", "registry"]);
    let cluster = with_prefix(&stack.kafka(), "java-keys");
    let admin = Admin::new(&cluster, PATIENCE).unwrap();
    let topics = [12, 7].map(|partitions| OutputTopic { name: format!("keys-{partitions}"), partitions, spread: Spread::Rekeyed });
    for OutputTopic { name, partitions, .. } in &topics {
        admin.create(&[NewTopic { name, partitions: *partitions, replicas: Some(1), settings: vec![("retention.ms", "-1")] }]).unwrap();
    }
    let keys = keys();
    write_keys(&cluster, &topics, &keys);
    let lines: String = keys.iter().map(|key| format!("{}\n", json!(key))).collect();
    let names = topics.each_ref().map(|topic| cluster.topic(&topic.name));
    assert!(stack.java(&["keys", &names[0], &names[1]], &lines).is_empty());

    for topic in &topics {
        // By key and by who wrote it.
        let mut found: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
        read(&cluster, &topic.name, |partition, record| {
            let (key, writer) = (text(record.key.unwrap()).to_owned(), text(record.value.unwrap()).to_owned());
            // The partition of a composite key is that of its first part.
            let key = if writer == "composite" { key[..key.len() - "\u{1f}more".len()].to_owned() } else { key };
            assert_eq!(found.entry(key).or_default().insert(writer, partition), None, "nobody writes a key twice");
        });
        assert!(found.keys().eq(&keys), "{}", topic.name);
        for (key, writers) in &found {
            let partition = partition_for(key.as_bytes(), topic.partitions);
            let expected = ["composite", "java", "ours"].map(|writer| (writer.to_owned(), partition));
            assert_eq!(*writers, expected.into(), "{}, a key of {} bytes: {:.80?}", topic.name, key.len(), key);
        }
        let used: BTreeSet<u32> = found.values().map(|writers| writers["java"]).collect();
        assert_eq!(used.len(), topic.partitions as usize, "{}: the keys go to every partition", topic.name);
    }
}

/// What a topic holds, as our own code reads it, in the form in which the Java program prints it.
fn as_we_read_it(cluster: &Cluster, schemas: &dyn SchemaSource, topic: &str) -> Vec<Value> {
    let mut known: BTreeMap<u32, Schema> = BTreeMap::new();
    let mut decode = |value: &[u8]| {
        let (id, body) = wire::split(value).unwrap();
        let schema = known.entry(id).or_insert_with(|| Schema::parse(&schemas.schema_by_id(id).unwrap().unwrap()).unwrap());
        json::to_value(schema, body).unwrap()
    };
    let mut records = Vec::new();
    read(cluster, topic, |partition, record| {
        let headers: Map<String, Value> = record.headers.iter().map(|(name, value)| (text(name).to_owned(), text(value).into())).collect();
        assert_eq!(record.value.is_none(), heartbeat::is_heartbeat(record), "there are no tombstones");
        records.push(json!({
            "topic": cluster.topic(topic),
            "partition": partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "key": text(record.key.unwrap()),
            "headers": headers,
            "value": record.value.map(&mut decode),
        }));
    });
    records
}

/// Equal, but that the last digit of a float may be lost on its way through JSON.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b))),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= a.abs() * f64::EPSILON
        }
        _ => a == b,
    }
}

/// Leaves a record that is no Avro in each topic, in a transaction that is aborted once the broker has all of it.
fn write_and_abort(scene: &Scene, topics: &[OutputTopic]) {
    let mut lane = KafkaLane::writer(LaneOptions::new(scene.cluster.clone(), "aborted", "aborted", 0), &[], topics).unwrap();
    let mut out = Outputs::new(topics);
    (0..).zip(topics).for_each(|(topic, _)| out.push_to(topic, 0, 0, b"key", |value| value.extend_from_slice(b"not to be seen")));
    lane.send(&mut out).unwrap();
    for topic in topics {
        let is_there = || scene.admin.end(&topic.name, 0).unwrap() > scene.admin.bounds(&topic.name, 0).unwrap().1;
        until("a record of an open transaction", || is_there().then_some(()));
    }
    lane.recover().unwrap();
}

/// Runs the stage to the end of the input.
fn run(scene: &Scene) {
    let mut stage = scene.stage();
    let mut lane = stage.lane(lane_options(scene.cluster.clone(), "one", true)).unwrap();
    stage.run(&mut lane, &RunArguments::default(), &Shutdown::default()).unwrap();
}

#[test]
fn java_reads_what_the_stage_writes_and_the_stage_what_java_writes() {
    const SESSION: &str = "sitzung-東京";
    let stack = Stack::with(&["kafka", "registry"]);
    let address = Address::parse(stack.variable("PLAYHEAD_TEST_REGISTRY")).unwrap();
    // Without other writers no id is fresh: what the registry does not know is not waited for.
    let settings = ClientSettings { grace: Duration::ZERO, ..ClientSettings::at(address) };
    let schemas = Arc::new(RegistryClient::new(&settings).unwrap());
    let mut scene = Scene::with_schemas(&stack.kafka(), "java", 20, Arc::clone(&schemas) as _);
    scene.write_all();
    let mut last_ms = 0;
    read(&scene.cluster, INPUT, |_, record| last_ms = last_ms.max(record.timestamp_ms));
    let at_ms = (last_ms + 3_600_000).to_string();
    let events = stack.java(&["write", &scene.cluster.topic(INPUT), "playback_events-value", SESSION, &at_ms], "");
    assert_eq!(events.len(), 4);
    let outputs = scene.stage().outputs().to_vec();
    write_and_abort(&scene, &outputs);
    run(&scene);

    let names: Vec<String> = outputs.iter().map(|output| scene.cluster.topic(&output.name)).collect();
    let arguments: Vec<&str> = ["read"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut by_java: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in stack.java(&arguments, "") {
        by_java.entry(record["topic"].as_str().unwrap().to_owned()).or_default().push(record);
    }
    for (output, name) in outputs.iter().zip(&names) {
        let (mut found, expected) = (by_java.remove(name).unwrap_or_default(), as_we_read_it(&scene.cluster, &*schemas, &output.name));
        found.sort_by_key(|record| (record["partition"].as_u64(), record["offset"].as_u64()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!(is_same(found, expected), "Java read {found}, we {expected}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        let heartbeats = found.iter().filter(|record| record["value"].is_null()).count();
        assert!(found.len() > heartbeats, "{name}: nothing but {heartbeats} heartbeats");
        assert_eq!(heartbeats > 0, output.spread != Spread::Unmarked, "{name}: {heartbeats} heartbeats");
        let of_java = |record: &&Value| record["value"]["session_id"] == SESSION;
        match output.name.as_str() {
            "playback_events.clean" => assert_clean(&found.iter().filter(of_java).collect::<Vec<_>>(), &events),
            "playback_sessions" => assert_eq!(found.iter().rfind(of_java).unwrap()["value"]["ended_by"], "end"),
            _ => {}
        }
    }
}

/// The events as Java wrote them, behind the few fields that the stage puts before them.
fn assert_clean(clean: &[&Value], events: &[Value]) {
    assert_eq!(clean.len(), events.len());
    for (clean, event) in clean.iter().zip(events) {
        for (name, value) in event.as_object().unwrap() {
            assert!(is_same(&clean["value"][name], value), "{name} of {clean}, which Java wrote as {event}");
        }
    }
}
