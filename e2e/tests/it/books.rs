//! The checker itself: it finds nothing where nothing is wrong, and each of these mistakes that a stage could make.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use e2e::{Books, Difference, INPUT, Input, PARTITIONS, RunArguments, Stage, Wrong, events_in_memory, recompute, record_hash};
use pipeline::testing::{MemoryLane, MemoryLog, StoredRecord};
use pipeline::{LogError, LogTimeRule, Record, Shutdown, TopicId};

const SESSIONS: u32 = 60;
const CLEAN: &str = "playback_events.clean";
const PROGRESS: &str = "viewing_progress";
const DEAD_LETTERS: &str = "dead_letters";
const SESSIONS_TOPIC: &str = "playback_sessions";

struct InMemory<'l>(&'l MemoryLog);

impl Input for InMemory<'_> {
    fn topic_id(&self) -> TopicId {
        self.0.topic_id(INPUT)
    }

    fn bounds(&mut self, partition: u32) -> Result<Range<i64>, LogError> {
        let (first, end) = self.0.bounds(INPUT, partition);
        Ok(first..end)
    }

    fn read(&mut self, partition: u32, range: Range<i64>, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        let records = self.0.records(INPUT, partition);
        _ = records.iter().filter(|record| range.contains(&record.offset)).try_for_each(|record| each(&record.borrow()));
        Ok(())
    }
}

/// What lies in the output topics.
type Found = BTreeMap<(String, u32), Vec<StoredRecord>>;

fn run(log: &MemoryLog) -> Found {
    let mut stage = Stage::new(PARTITIONS);
    let outputs = stage.outputs().to_vec();
    let mut lane = MemoryLane::new(log, "playback", &[INPUT], &outputs);
    stage.run(&mut lane, &RunArguments::default(), &Shutdown::default()).unwrap();
    let places = outputs.iter().flat_map(|topic| (0..PARTITIONS).map(|partition| (topic.name.clone(), partition)));
    places.map(|(topic, partition)| ((topic.clone(), partition), log.records(&topic, partition))).collect()
}

fn check(books: &Books, found: &Found) -> Vec<Difference> {
    let records = |topic: &str, partition| found[&(topic.to_owned(), partition)].iter();
    let hashes = |topic, partition| records(topic, partition).map(|record| (record.offset, record_hash(&record.borrow())));
    books.places().flat_map(|(topic, partition)| books.check(topic, partition, hashes(topic, partition))).collect()
}

/// Makes a mistake in what was found.
type Mistake = fn(&mut Found);

/// The records of the topic in the first partition that has some.
fn records<'f>(found: &'f mut Found, topic: &str) -> &'f mut Vec<StoredRecord> {
    found.iter_mut().find(|((name, _), records)| name == topic && records.len() > 5).map(|(_, records)| records).unwrap()
}

fn is_heartbeat(record: &StoredRecord) -> bool {
    record.key.as_deref().is_some_and(|key| key.starts_with(b"playhead.heartbeat"))
}

/// The report of a session.
fn report(found: &mut Found) -> &mut StoredRecord {
    records(found, SESSIONS_TOPIC).iter_mut().find(|record| !is_heartbeat(record)).unwrap()
}

const MISTAKES: &[(&str, Mistake)] = &[
    ("one lost", |found| drop(records(found, CLEAN).remove(3))),
    ("the last one lost", |found| drop(records(found, CLEAN).pop())),
    ("one doubled", |found| {
        let records = records(found, PROGRESS);
        records.insert(4, records[3].clone());
    }),
    ("one doubled, much later", |found| {
        let records = records(found, CLEAN);
        records.push(records[0].clone());
    }),
    ("two in the wrong order", |found| records(found, CLEAN).swap(2, 3)),
    ("half of a transaction: one topic has it, and another has not", |found| {
        let records = records(found, PROGRESS);
        records.truncate(records.len() / 2);
    }),
    ("a dead letter dropped", |found| drop(records(found, DEAD_LETTERS).remove(0))),
    ("a bit of a value", |found| *report(found).value.as_mut().unwrap().last_mut().unwrap() ^= 1),
    ("a timestamp", |found| report(found).timestamp_ms += 1),
    ("a key", |found| records(found, PROGRESS)[2].key.as_mut().unwrap().push(b'x')),
    ("a header", |found| records(found, CLEAN).iter_mut().find(|record| is_heartbeat(record)).unwrap().headers.push(0)),
    ("a heartbeat lost", |found| {
        let records = records(found, CLEAN);
        let at = records.iter().position(is_heartbeat).unwrap();
        records.remove(at);
    }),
    ("a value in place of a tombstone", |found| {
        records(found, CLEAN).iter_mut().find(|record| is_heartbeat(record)).unwrap().value = Some(vec![])
    }),
    ("another partition", |found| {
        let record = found.get_mut(&(CLEAN.to_owned(), 0)).unwrap().remove(5);
        found.get_mut(&(CLEAN.to_owned(), 1)).unwrap().insert(5, record);
    }),
    ("one that was never sent", |found| {
        let records = records(found, CLEAN);
        records.insert(2, StoredRecord { key: Some(b"made up".to_vec()), ..records[2].clone() });
    }),
];

#[test]
fn finds_nothing_wrong_with_a_run_and_each_mistake_made_in_it() {
    let stage = Stage::new(PARTITIONS);
    let log = events_in_memory(&stage, SESSIONS);
    let books = recompute(&mut InMemory(&log), INPUT, PARTITIONS, &LogTimeRule::Records, || stage.parts()).unwrap();
    assert!(books.records() > 1_000, "{}", books.records());
    let found = run(&log);
    assert_eq!(check(&books, &found), []);
    for (mistake, make) in MISTAKES {
        let mut found = found.clone();
        make(&mut found);
        assert_ne!(check(&books, &found), [], "{mistake} is not found");
    }
}

/// A mistake of the stage while it runs, and not of the log.
#[test]
fn finds_what_a_skipped_event_leads_to() {
    let stage = Stage::new(PARTITIONS);
    let log = events_in_memory(&stage, SESSIONS);
    let books = recompute(&mut InMemory(&log), INPUT, PARTITIONS, &LogTimeRule::Records, || stage.parts()).unwrap();
    let skipped = MemoryLog::new();
    skipped.create_topic(INPUT, PARTITIONS);
    stage.outputs().iter().for_each(|topic| _ = skipped.create_topic(&topic.name, PARTITIONS));
    for partition in 0..PARTITIONS {
        for record in log.records(INPUT, partition) {
            if (partition, record.offset) == (1, 40) {
                skipped.skip_offsets(INPUT, partition, 1);
                continue;
            }
            let headers = pipeline::Headers::from_encoded(&record.headers);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (std::str::from_utf8(name).unwrap(), value)).collect();
            skipped.append(INPUT, partition, record.timestamp_ms, record.key.as_deref(), record.value.as_deref(), &headers);
        }
    }
    assert_ne!(check(&books, &run(&skipped)), []);
}

/// What is told, and how.
#[test]
fn names_the_place() {
    let topic = pipeline::OutputTopic { name: "clean".to_owned(), partitions: 2, spread: pipeline::Spread::SamePartition };
    let mut books = Books::new(std::slice::from_ref(&topic), 2);
    let mut out = pipeline::Outputs::new(&[topic]);
    for key in ["a", "b", "c"] {
        out.push_to(0, 1, 5, key.as_bytes(), |_| {});
    }
    out.iter().for_each(|record| books.expect(1, &record));
    let hashes: Vec<u64> = out
        .iter()
        .map(|record| {
            let (key, value) = (record.key, record.value);
            record_hash(&Record { offset: 0, timestamp_ms: 5, key, value, headers: record.headers })
        })
        .collect();
    let check = |found: &[u64]| -> Vec<Wrong> {
        books.check("clean", 1, (10..).zip(found.iter().copied())).into_iter().map(|difference| difference.what).collect()
    };
    let [a, b, c] = hashes[..] else { panic!("three records") };
    assert_eq!(check(&[a, b, c]), []);
    assert_eq!(check(&[a, c]), [Wrong::Missing { source: 1, records: 1 }]);
    assert_eq!(check(&[a, b, a, c]), [Wrong::Again { offset: 12 }]);
    assert_eq!(check(&[b, a, c]), [Wrong::Missing { source: 1, records: 1 }, Wrong::Again { offset: 11 }]);
    assert_eq!(check(&[a, 7, b, c]), [Wrong::Foreign { offset: 11 }]);
    assert_eq!(check(&[a]), [Wrong::Missing { source: 1, records: 2 }]);
    let text = books.check("clean", 1, [(10, a), (11, 7)].into_iter());
    assert_eq!(text[0].to_string(), "clean-1: nothing makes the record at offset 11");
    assert_eq!(text[1].to_string(), "clean-1: 2 records of source 1 are missing, or come too late");
}
