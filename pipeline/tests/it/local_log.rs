//! The local log itself: what is committed is there after any end of the process, and nothing else is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pipeline::local::{FORMAT_VERSION, LocalLane, LocalLog, LocalLogError, LocalLogOptions, TopicOptions, fuzz_block};
use pipeline::testing::Seeded;
use pipeline::{Committed, Log, LogError, OutputTopic, Outputs, Polled, Position, Spread, TopicPartition};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

const BLOCKS: TableDefinition<'_, (u32, u32, u64), &[u8]> = TableDefinition::new("blocks");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const IN: TopicPartition = TopicPartition { topic: 0, partition: 0 };
const NOW_MS: i64 = 1_700_000_000_000;

fn plain(partitions: u32) -> TopicOptions {
    TopicOptions { partitions, max_future_ms: None }
}

fn outputs(log: &LocalLog) -> Vec<OutputTopic> {
    vec![log.output_topic("out", Spread::SamePartition).unwrap()]
}

/// A log with the topics `in` and `out` of two partitions each.
fn prepared(log: &LocalLog) {
    log.create_topic("in", plain(2)).unwrap();
    log.create_topic("out", plain(2)).unwrap();
}

fn stage(log: &LocalLog, group: &str) -> LocalLane {
    let mut lane = LocalLane::new(log, group, &["in"], &outputs(log)).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Assigned(sources)) if sources.len() == 2));
    lane
}

fn producer(log: &LocalLog, topic: &str) -> (LocalLane, Outputs) {
    let topics = [log.output_topic(topic, Spread::Unmarked).unwrap()];
    (LocalLane::new(log, "import", &[], &topics).unwrap(), Outputs::new(&topics))
}

fn produce(log: &LocalLog, topic: &str, partition: u32, timestamps_ms: &[i64]) {
    let (mut lane, mut out) = producer(log, topic);
    for timestamp_ms in timestamps_ms {
        out.push_to(0, partition, *timestamp_ms, b"key", |value| value.extend_from_slice(timestamp_ms.to_string().as_bytes()));
    }
    lane.send(&mut out).unwrap();
    lane.commit(&[]).unwrap();
}

fn send(lane: &mut LocalLane, log: &LocalLog, partition: u32, value: &[u8]) {
    let mut out = Outputs::new(&outputs(log));
    out.push_to(0, partition, NOW_MS, b"key", |bytes| bytes.extend_from_slice(value));
    lane.send(&mut out).unwrap();
}

fn at(next_offset: i64) -> Position {
    Position { source: IN, committed: Committed { next_offset, metadata: format!("at {next_offset}") } }
}

fn values(log: &LocalLog, topic: &str, partition: u32) -> Vec<(i64, String)> {
    let mut values = Vec::new();
    log.read_partition(topic, partition, 0, i64::MAX, &mut |batch| {
        let texts = batch.records.iter().map(|record| (record.offset, String::from_utf8_lossy(record.value.unwrap()).into_owned()));
        values.extend(texts);
        ControlFlow::Continue(())
    })
    .unwrap();
    values
}

#[test]
fn a_reopened_file_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = LocalLog::open(&path).unwrap();
    prepared(&log);
    produce(&log, "in", 0, &[1, 2, 3]);
    let mut lane = stage(&log, "stage");
    send(&mut lane, &log, 1, b"a");
    lane.commit(&[at(2)]).unwrap();
    send(&mut lane, &log, 1, b"never committed");
    let topics = log.topics();
    drop((lane, log));

    let log = LocalLog::open(&path).unwrap();
    assert_eq!(log.topics(), topics);
    assert_ne!(topics[0].id, topics[1].id);
    assert_eq!(values(&log, "out", 1), [(0, "a".to_owned())]);
    assert_eq!(log.committed("stage", "in", 0).unwrap(), Some(at(2).committed));
    assert_eq!(log.committed("stage", "in", 1).unwrap(), None);
    assert_eq!(log.committed("else", "in", 0).unwrap(), None);
    produce(&log, "in", 0, &[4]);
    assert_eq!(log.bounds("in", 0).unwrap(), (0, 4));
    let mut lane = stage(&log, "stage");
    let Ok(Polled::Batch(batch)) = lane.poll(Duration::ZERO) else { panic!("a batch") };
    let read: Vec<(i64, i64)> = batch.records.iter().map(|record| (record.offset, record.timestamp_ms)).collect();
    assert_eq!((read, batch.next_offset), (vec![(2, 3), (3, 4)], 4), "from the committed position on, over two blocks");
}

#[test]
fn topics_are_made_once() {
    let log = LocalLog::in_memory().unwrap();
    let id = log.create_topic("in", plain(2)).unwrap();
    assert_eq!(log.create_topic("in", plain(2)).unwrap(), id);
    assert_eq!(log.create_topic("in", plain(3)).unwrap_err().to_string(), "topic in has 2 partitions, not 3: its keys would part");
    assert!(matches!(log.create_topic("none", plain(0)), Err(LocalLogError::NoSuchPartition { .. })));
    assert!(matches!(log.topic("none"), Err(LocalLogError::NoSuchTopic(name)) if name == "none"));
    assert!(matches!(log.bounds("in", 2), Err(LocalLogError::NoSuchPartition { partition: 2, partitions: 2, .. })));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let log = log.clone();
            std::thread::spawn(move || log.create_topic("raced", plain(4)).unwrap())
        })
        .collect();
    let ids: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let wrong = OutputTopic { name: "in".into(), partitions: 7, spread: Spread::Rekeyed };
    assert!(matches!(LocalLane::new(&log, "x", &[], &[wrong]), Err(LocalLogError::PartitionCount { existing: 2, asked: 7, .. })));
}

#[test]
fn whoever_was_replaced_is_fenced_and_its_outputs_with_it() {
    let log = LocalLog::in_memory().unwrap();
    prepared(&log);
    produce(&log, "in", 0, &[1, 2, 3]);
    let (mut old, mut new) = (stage(&log, "stage"), stage(&log, "stage"));
    new.commit(&[at(1)]).unwrap();
    send(&mut old, &log, 0, b"zombie");
    let error = old.commit(&[at(2)]).unwrap_err();
    assert_eq!(error.to_string(), "another instance has taken over: group stage left in-0 at no position, and finds it at 1 (at 1)");
    assert!(matches!(error, LogError::Fenced(_)));
    assert_eq!(values(&log, "out", 0), []);
    assert_eq!(log.committed("stage", "in", 0).unwrap(), Some(at(1).committed));
    // Another group minds its own position.
    let mut other = stage(&log, "other");
    other.commit(&[at(3)]).unwrap();
    new.commit(&[at(2)]).unwrap();
    // After a recovery it has seen the new position, and may go on from there.
    old.recover().unwrap();
    send(&mut old, &log, 0, b"again");
    old.commit(&[at(3)]).unwrap();
    assert_eq!(values(&log, "out", 0), [(0, "again".to_owned())]);
}

#[test]
fn a_clock_ahead_is_refused_and_takes_nobody_with_it() {
    let clock = Arc::new(|| NOW_MS);
    let log = LocalLog::in_memory_with(LocalLogOptions { clock, ..LocalLogOptions::default() }).unwrap();
    log.create_topic("in", TopicOptions { partitions: 2, max_future_ms: Some(60_000) }).unwrap();
    let (mut lane, mut out) = producer(&log, "in");
    for (partition, timestamp_ms) in [(0, NOW_MS), (1, NOW_MS + 60_000), (1, NOW_MS + 60_001)] {
        out.push_to(0, partition, timestamp_ms, b"key", |_| ());
    }
    lane.send(&mut out).unwrap();
    let error = lane.commit(&[]).unwrap_err();
    assert!(matches!(error, LogError::Fatal(_)));
    assert_eq!(error.to_string(), "a record for in-1 has timestamp 1700000060001, 60001 ms ahead of the clock");
    assert_eq!((log.bounds("in", 0).unwrap(), log.bounds("in", 1).unwrap()), ((0, 0), (0, 0)), "all of it or nothing");
    produce(&log, "in", 1, &[NOW_MS + 60_000, i64::MIN, 0]);
    assert_eq!(log.bounds("in", 1).unwrap(), (0, 3));
    log.create_topic("in", plain(2)).unwrap();
    produce(&log, "in", 0, &[i64::MAX]);
    assert_eq!(log.bounds("in", 0).unwrap(), (0, 1), "the leeway was taken away");
}

#[test]
fn many_lanes_share_a_commit_and_each_gets_its_own_answer() {
    const LANES: usize = 8;
    const COMMITS: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(|| NOW_MS);
    let options = LocalLogOptions { clock, ..LocalLogOptions::default() };
    let log = LocalLog::open_with(&folder.path().join("log"), options).unwrap();
    log.create_topic("in", plain(2)).unwrap();
    log.create_topic("out", TopicOptions { partitions: 2, max_future_ms: Some(0) }).unwrap();
    let before = log.durable_commits();
    let threads: Vec<_> = (0..LANES)
        .map(|number| {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut lane = stage(&log, &format!("stage-{number}"));
                let mut out = Outputs::new(&outputs(&log));
                for commit in 0..COMMITS {
                    // Every third is refused; both its records are.
                    let is_refused = commit % 3 == 2;
                    let text = format!("{number} {commit}");
                    for partition in 0..2 {
                        let timestamp_ms = NOW_MS + i64::from(is_refused && partition == 1);
                        out.push_to(0, partition, timestamp_ms, b"key", |value| value.extend_from_slice(text.as_bytes()));
                    }
                    lane.send(&mut out).unwrap();
                    let next = Position { source: IN, committed: Committed { next_offset: 0, metadata: text } };
                    assert_eq!(lane.commit(&[next]).is_err(), is_refused);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let durable = log.durable_commits() - before;
    assert!(durable < (LANES * COMMITS) as u64, "{durable} durable commits of {} transactions", LANES * COMMITS);
    let written = values(&log, "out", 0);
    assert_eq!(written.len(), LANES * COMMITS / 3 * 2);
    assert_eq!(written, values(&log, "out", 1), "both outputs of a transaction stand at the same place");
    assert!(written.iter().enumerate().all(|(index, (offset, _))| i64::try_from(index) == Ok(*offset)));
    for number in 0..LANES {
        let own: Vec<&str> = written.iter().filter_map(|(_, text)| text.strip_prefix(&format!("{number} "))).collect();
        let expected: Vec<String> = (0..COMMITS).filter(|commit| commit % 3 != 2).map(|commit| commit.to_string()).collect();
        assert_eq!(own, expected, "each lane in its order");
        let committed = log.committed(&format!("stage-{number}"), "in", 0).unwrap().unwrap();
        assert_eq!(committed.metadata, format!("{number} {}", COMMITS - 2));
    }
}

#[test]
fn a_lane_waits_for_records_and_is_woken() {
    let log = LocalLog::in_memory().unwrap();
    prepared(&log);
    let mut lane = stage(&log, "stage");
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Idle { caught_up: true })));
    let writer = std::thread::spawn({
        let log = log.clone();
        move || produce(&log, "in", 1, &[7])
    });
    let Ok(Polled::Batch(batch)) = lane.poll(Duration::from_mins(5)) else { panic!("a batch") };
    assert_eq!((batch.source.partition, batch.records[0].timestamp_ms), (1, 7));
    writer.join().unwrap();
}

#[test]
fn partitions_take_turns_and_a_poll_has_its_limit() {
    let log = LocalLog::in_memory().unwrap();
    prepared(&log);
    for partition in 0..2 {
        produce(&log, "in", partition, &[1, 2, 3, 4, 5]);
        produce(&log, "in", partition, &[6, 7]);
    }
    let mut lane = LocalLane::new(&log, "stage", &["in"], &[]).unwrap().with_poll_records(3);
    lane.poll(Duration::ZERO).unwrap();
    let mut batches = Vec::new();
    while let Polled::Batch(batch) = lane.poll(Duration::ZERO).unwrap() {
        batches.push((batch.source.partition, batch.records.iter().map(|record| record.timestamp_ms).collect::<Vec<_>>()));
    }
    let of = |partition| -> Vec<i64> { batches.iter().filter(|(of, _)| *of == partition).flat_map(|(_, times)| times.clone()).collect() };
    assert_eq!((of(0), of(1)), (vec![1, 2, 3, 4, 5, 6, 7], vec![1, 2, 3, 4, 5, 6, 7]));
    assert!(batches.windows(2).all(|pair| pair[0].0 != pair[1].0), "{batches:?}");
    assert!(batches.iter().all(|(_, times)| times.len() <= 3), "{batches:?}");
    lane.seek(TopicPartition { topic: 0, partition: 1 }, 6).unwrap();
    lane.pause(TopicPartition { topic: 0, partition: 1 }).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Idle { caught_up: true })));
    lane.resume(TopicPartition { topic: 0, partition: 1 }).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Batch(batch)) if batch.records.len() == 1));
    lane.seek(IN, 99).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Err(LogError::OutOfRange { position: 99, first: 0, end: 7, .. })));
}

#[test]
fn ranges_and_times() {
    let log = LocalLog::in_memory().unwrap();
    prepared(&log);
    produce(&log, "in", 0, &[100, 300, 200]);
    produce(&log, "in", 0, &[250, 400]);
    let read = |from, to| {
        let mut offsets = Vec::new();
        log.read_partition("in", 0, from, to, &mut |batch| {
            offsets.extend(batch.records.iter().map(|record| record.offset));
            ControlFlow::Continue(())
        })
        .map(|()| offsets)
    };
    for (from, to, expected) in [(0, 5, vec![0, 1, 2, 3, 4]), (1, 4, vec![1, 2, 3]), (4, i64::MAX, vec![4]), (2, 2, vec![]), (5, 9, vec![])]
    {
        assert_eq!(read(from, to).unwrap(), expected, "{from}..{to}");
    }
    for from in [-1, 6] {
        let error = read(from, 9).unwrap_err();
        assert_eq!(error.to_string(), format!("position {from} of in-0 lies outside the log, which holds 0..5"));
    }
    let mut batches = 0;
    log.read_partition("in", 0, 0, 5, &mut |_| {
        batches += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(batches, 1, "whoever has enough breaks off");
    for (time_ms, offset) in [(0, 0), (100, 0), (101, 1), (300, 1), (301, 4), (400, 4), (401, 5)] {
        assert_eq!(log.offset_for_time("in", 0, time_ms).unwrap(), offset, "{time_ms}");
    }
    assert_eq!(log.offset_for_time("in", 1, 0).unwrap(), 0);
}

#[test]
fn large_transactions_are_many_blocks() {
    let log = LocalLog::in_memory().unwrap();
    prepared(&log);
    let (mut lane, mut out) = producer(&log, "in");
    for number in 0..10_000_i64 {
        out.push_to(0, 0, number, b"key", |value| value.extend_from_slice(&number.to_le_bytes()));
    }
    for number in 0..5_u8 {
        out.push_to(0, 1, 0, b"key", |value| value.extend(std::iter::repeat_n(number, 900_000)));
    }
    lane.send(&mut out).unwrap();
    lane.commit(&[]).unwrap();
    let (mut blocks, mut records) = (0, 0);
    log.read_partition("in", 0, 0, i64::MAX, &mut |batch| {
        blocks += 1;
        for record in &batch.records {
            assert_eq!(record.value, Some(&record.offset.to_le_bytes()[..]));
            records += 1;
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((blocks, records), (3, 10_000));
    let mut sizes = Vec::new();
    log.read_partition("in", 1, 0, i64::MAX, &mut |batch| {
        sizes.push(batch.records.len());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(sizes, [2, 2, 1]);
}

fn change_blocks(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let database = Database::open(path).unwrap();
    let stored: Vec<((u32, u32, u64), Vec<u8>)> = {
        let blocks = database.begin_read().unwrap().open_table(BLOCKS).unwrap();
        blocks.iter().unwrap().map(|entry| entry.map(|(key, value)| (key.value(), value.value().to_vec())).unwrap()).collect()
    };
    let transaction = database.begin_write().unwrap();
    for (key, mut bytes) in stored {
        change(&mut bytes);
        transaction.open_table(BLOCKS).unwrap().insert(key, bytes.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
}

#[test]
fn damaged_blocks_are_named() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 3] = [
        ("its checksum does not match", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("it is cut short", |bytes| bytes.truncate(5)),
        ("it is cut short", Vec::clear),
    ];
    for (damage, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        {
            let log = LocalLog::open(&path).unwrap();
            prepared(&log);
            produce(&log, "in", 1, &[1, 2]);
        }
        change_blocks(&path, change);
        let log = LocalLog::open(&path).unwrap();
        let expected = format!("the block of in-1 at offset 0 is damaged: {damage}");
        let read = log.read_partition("in", 1, 1, 2, &mut |_| ControlFlow::Continue(()));
        assert_eq!(read.unwrap_err().to_string(), expected);
        assert_eq!(log.offset_for_time("in", 1, 0).unwrap_err().to_string(), expected);
        let mut lane = stage(&log, "stage");
        assert_eq!(lane.poll(Duration::ZERO).unwrap_err().to_string(), expected);
        // The rest of the log goes on.
        produce(&log, "in", 0, &[3]);
        assert_eq!(values(&log, "in", 0), [(0, "3".to_owned())]);
    }
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    drop(LocalLog::open(&path).unwrap());
    {
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert("format_version", FORMAT_VERSION + 1).unwrap();
        transaction.commit().unwrap();
    }
    let Err(error) = LocalLog::open(&path) else { panic!("a newer format was opened") };
    assert!(matches!(error, LocalLogError::NewerFormat { .. }));
    assert_eq!(error.to_string(), "the log has format version 2, this program knows versions up to 1: use a newer program");
}

#[test]
fn what_is_no_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "no log at all\n".repeat(1_000)).unwrap();
    assert!(matches!(LocalLog::open(&text), Err(LocalLogError::Unreadable { path, .. }) if path == text));
    assert!(matches!(LocalLog::open(&folder.path().join("none/log")), Err(LocalLogError::Unreadable { .. })));
    let other = folder.path().join("other");
    {
        let database = Database::create(&other).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(TableDefinition::<u32, u32>::new("else")).unwrap();
        transaction.commit().unwrap();
    }
    assert!(matches!(LocalLog::open(&other), Err(LocalLogError::NotALog)));
}

/// The path of the log, where this process is the child that is going to be killed.
const CHILD: &str = "PLAYHEAD_TEST_CHILD_LOG";

#[test]
fn a_process_killed_at_any_moment_keeps_what_it_was_told_was_committed() {
    if let Ok(path) = std::env::var(CHILD) {
        write_for_ever(Path::new(&path));
    }
    for commits in [1, 2, 7, 30] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let name = "local_log::a_process_killed_at_any_moment_keeps_what_it_was_told_was_committed";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.map_while(Result::ok).filter_map(|line| line.rsplit_once("committed ")?.1.parse::<i64>().ok());
        let last = told.take(commits).last().unwrap();
        let Err(error) = LocalLog::open(&path) else { panic!("two processes have the log open") };
        assert!(matches!(&error, LocalLogError::InUse { path: of } if *of == path), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();

        let log = LocalLog::open(&path).unwrap();
        let written = values(&log, "out", 0);
        let count = i64::try_from(written.len()).unwrap();
        assert!(count >= last, "{count} of at least {last}");
        assert_eq!(written, values(&log, "out", 1), "outputs all or none");
        assert_eq!(log.committed("stage", "in", 0).unwrap().map(|committed| committed.next_offset), Some(count), "with the position");
        assert!(written.iter().all(|(offset, text)| offset.to_string() == *text));
    }
}

/// Commits one record to each of two partitions and the position behind it, again and again, and says so after each.
fn write_for_ever(path: &Path) -> ! {
    let log = LocalLog::open(path).unwrap();
    prepared(&log);
    let mut lane = stage(&log, "stage");
    for number in 0.. {
        for partition in 0..2 {
            send(&mut lane, &log, partition, i64::to_string(&number).as_bytes());
        }
        lane.commit(&[Position { source: IN, committed: Committed { next_offset: number + 1, metadata: String::new() } }]).unwrap();
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "committed {}", number + 1).and_then(|()| stdout.flush()).unwrap();
    }
    unreachable!("numbers do not end")
}

#[test]
fn any_bytes_are_a_block_or_an_error() {
    let mut seeded = Seeded::new(60);
    for _ in 0..20_000 {
        let length = usize::try_from(seeded.below(80)).unwrap();
        let mut bytes: Vec<u8> = (0..length).map(|_| seeded.bits() as u8).collect();
        if let Some(version) = bytes.get_mut(8) {
            *version = 1;
        }
        // Small counts, times and lengths come further than random ones.
        for byte in bytes.iter_mut().skip(9) {
            *byte &= if seeded.below(4) == 0 { 0xff } else { 0x07 };
        }
        fuzz_block(&bytes);
    }
}
