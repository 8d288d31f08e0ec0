//! What cannot be brought about from outside: a disk that fails, and a reader between a commit and the word of it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redb::ReadableTable as _;
use redb::backends::InMemoryBackend;

use super::*;
use crate::{Log, LogError, Outputs, Polled, Position};

/// Storage that outlives the log on it, and takes no more bytes once it is full.
#[derive(Clone, Debug)]
struct Disk {
    bytes: Arc<InMemoryBackend>,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn check(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check()?;
        self.bytes.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.bytes.write(offset, data)
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_the_log_as_it_was() {
    let disk = Disk { bytes: Arc::new(InMemoryBackend::new()), is_full: Arc::default() };
    let open = || LocalLog::on_backend(disk.clone(), LocalLogOptions::default()).unwrap();
    let log = open();
    log.create_topic("in", TopicOptions { partitions: 1, max_future_ms: None }).unwrap();
    let topics = [log.output_topic("in", Spread::Unmarked).unwrap()];
    let mut lane = LocalLane::new(&log, "stage", &["in"], &topics).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Assigned(_))));
    let mut out = Outputs::new(&topics);
    let source = TopicPartition { topic: 0, partition: 0 };
    let mut write = |lane: &mut LocalLane, next_offset| {
        out.push_to(0, 0, next_offset, b"key", |value| value.extend([7; 10_000]));
        lane.send(&mut out)?;
        lane.commit(&[Position { source, committed: Committed { next_offset, metadata: String::new() } }])
    };
    write(&mut lane, 1).unwrap();
    disk.is_full.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let error = write(&mut lane, 2).unwrap_err();
        assert!(matches!(&error, LogError::Fatal(message) if message.starts_with("the log's storage failed: ")), "{error}");
    }
    assert_eq!(log.bounds("in", 0).unwrap().1, 1);
    drop((lane, log));

    disk.is_full.store(false, Ordering::Relaxed);
    let log = open();
    assert_eq!(log.bounds("in", 0).unwrap(), (0, 1));
    assert_eq!(log.committed("stage", "in", 0).unwrap().map(|committed| committed.next_offset), Some(1));
    let mut lane = LocalLane::new(&log, "stage", &["in"], &topics).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Assigned(_))));
    write(&mut lane, 2).unwrap();
    assert_eq!(log.bounds("in", 0).unwrap(), (0, 2));
}

/// A commit lies in the file a moment before the log's ends say so. Whoever read it by then would stand beyond the end.
#[test]
fn what_is_in_the_file_is_not_handed_out_before_the_end_has_moved() {
    let log = LocalLog::in_memory().unwrap();
    log.create_topic("in", TopicOptions { partitions: 1, max_future_ms: None }).unwrap();
    let topics = [log.output_topic("in", Spread::Unmarked).unwrap()];
    let mut lane = LocalLane::new(&log, "stage", &["in"], &topics).unwrap();
    assert!(matches!(lane.poll(Duration::ZERO), Ok(Polled::Assigned(_))));
    let mut out = Outputs::new(&topics);
    out.push_to(0, 0, 1, b"key", |value| value.push(1));
    lane.send(&mut out).unwrap();
    lane.commit(&[]).unwrap();
    // The same block again behind it, as the writer leaves it before it publishes the ends.
    let (place, store) = (Place { topic: 0, partition: 0 }, &log.open.store);
    let write = store.database.begin_write().unwrap();
    {
        let mut blocks = write.open_table(format::BLOCKS).unwrap();
        let bytes = blocks.get(place.key(0)).unwrap().unwrap().value().to_vec();
        blocks.insert(place.key(1), bytes.as_slice()).unwrap();
    }
    write.commit().unwrap();
    let next_offset = |lane: &mut LocalLane| match lane.poll(Duration::ZERO).unwrap() {
        Polled::Batch(batch) => Some(batch.next_offset),
        _ => None,
    };
    assert_eq!(next_offset(&mut lane), Some(1));
    assert_eq!(next_offset(&mut lane), None);
    store.publish_ends([(place, 2)]);
    assert_eq!(next_offset(&mut lane), Some(2));
}
