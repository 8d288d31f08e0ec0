//! What every store of snapshots must do, held against each of them.

use std::io::ErrorKind;
use std::sync::Arc;

use object_store::memory::InMemory;
use pipeline::testing::Seeded;
use pipeline::{FolderStore, Found, MemoryStore, SnapshotStore, UNFINISHED};

use super::object::ObjectSnapshots;
use super::remote::{PART_BYTES, Remote, WAIT};

const FOLDER: &str = "stage/0123-1";
const SNAPSHOT: &str = "00000000000000000007.snapshot";
const SEGMENT: &str = "00000000000000000007-0123456789abcdef.segment";

fn finished(store: &dyn SnapshotStore, folder: &str) -> Vec<Found> {
    let mut found: Vec<Found> = store.list(folder).unwrap().into_iter().filter(|file| !file.name.ends_with(UNFINISHED)).collect();
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    found
}

fn found(name: &str, bytes: usize) -> Found {
    Found { name: name.to_owned(), bytes: bytes as u64 }
}

fn write(store: &dyn SnapshotStore, folder: &str, name: &str, pieces: &[&[u8]]) {
    let mut writer = store.create(folder, name).unwrap();
    pieces.iter().for_each(|piece| writer.append(piece).unwrap());
    writer.finish(name).unwrap();
}

/// The suite. The store must be empty; it is left so.
fn check(store: &dyn SnapshotStore) {
    what_is_not_there(store);
    for name in [SNAPSHOT, SEGMENT] {
        whole_and_in_part(store, name);
        unfinished(store, name);
    }
    written_again(store);
    each_folder_by_itself(store);
    large(store);
    assert_eq!(store.list(FOLDER).unwrap(), []);
}

fn what_is_not_there(store: &dyn SnapshotStore) {
    assert_eq!(store.list(FOLDER).unwrap(), []);
    for name in [SNAPSHOT, SEGMENT] {
        assert_eq!(store.read(FOLDER, name).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(store.read_at(FOLDER, name, 0, 10).unwrap_err().kind(), ErrorKind::NotFound);
        store.delete(FOLDER, name).unwrap();
    }
}

fn whole_and_in_part(store: &dyn SnapshotStore, name: &str) {
    write(store, FOLDER, name, &[b"some", b"", b" bytes"]);
    assert_eq!(finished(store, FOLDER), [found(name, 10)]);
    assert_eq!(store.read(FOLDER, name).unwrap(), b"some bytes");
    let parts: [(u64, usize, &[u8]); 7] =
        [(0, 10, b"some bytes"), (0, 0, b""), (2, 4, b"me b"), (9, 1, b"s"), (8, 4096, b"es"), (10, 4096, b""), (1 << 40, 4096, b"")];
    for (offset, bytes, expected) in parts {
        assert_eq!(store.read_at(FOLDER, name, offset, bytes).unwrap(), expected, "{bytes} of {name} from {offset}");
    }
    store.delete(FOLDER, name).unwrap();
    assert_eq!(store.read_at(FOLDER, name, 0, 1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(finished(store, FOLDER), []);

    write(store, FOLDER, name, &[]);
    assert_eq!(finished(store, FOLDER), [found(name, 0)]);
    assert_eq!((store.read(FOLDER, name).unwrap(), store.read_at(FOLDER, name, 0, 1).unwrap()), (Vec::new(), Vec::new()));
    store.delete(FOLDER, name).unwrap();
}

fn unfinished(store: &dyn SnapshotStore, name: &str) {
    let mut writer = store.create(FOLDER, name).unwrap();
    writer.append(b"never to be seen").unwrap();
    let mut beside = store.create(FOLDER, "another").unwrap();
    beside.append(b"seen").unwrap();
    assert_eq!(finished(store, FOLDER), []);
    assert_eq!(store.read(FOLDER, name).unwrap_err().kind(), ErrorKind::NotFound);
    drop(writer);
    beside.finish(name).unwrap();
    assert_eq!(store.list(FOLDER).unwrap(), [found(name, 4)]);
    assert_eq!(store.read(FOLDER, name).unwrap(), b"seen");
    store.delete(FOLDER, name).unwrap();
}

fn written_again(store: &dyn SnapshotStore) {
    write(store, FOLDER, SNAPSHOT, &[b"the first of this name"]);
    write(store, FOLDER, SNAPSHOT, &[b"the second"]);
    assert_eq!(finished(store, FOLDER), [found(SNAPSHOT, 10)]);
    assert_eq!(store.read(FOLDER, SNAPSHOT).unwrap(), b"the second");
    store.delete(FOLDER, SNAPSHOT).unwrap();
}

/// The name of one folder may begin with that of another.
fn each_folder_by_itself(store: &dyn SnapshotStore) {
    let longer = format!("{FOLDER}0");
    write(store, FOLDER, SNAPSHOT, &[b"1"]);
    write(store, &longer, SEGMENT, &[b"10"]);
    assert_eq!((finished(store, FOLDER), finished(store, &longer)), (vec![found(SNAPSHOT, 1)], vec![found(SEGMENT, 2)]));
    assert_eq!(store.list("stage").unwrap().iter().filter(|file| file.name.ends_with("segment")).count(), 0);
    store.delete(FOLDER, SEGMENT).unwrap();
    store.delete(&longer, SEGMENT).unwrap();
    store.delete(FOLDER, SNAPSHOT).unwrap();
}

/// More than two parts of an upload, and one that ends where a part does.
fn large(store: &dyn SnapshotStore) {
    let mut random = Seeded::new(1);
    let part = usize::try_from(PART_BYTES).unwrap();
    let bytes: Vec<u8> = (0..(2 * part + 5_000_000) / 8).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect();
    assert!(bytes.len() > 20_000_000);
    for (name, bytes) in [(SNAPSHOT, &bytes[..]), (SEGMENT, &bytes[..]), ("ends-with-a-part.snapshot", &bytes[..2 * part])] {
        let pieces: Vec<&[u8]> = bytes.chunks(1_234_567).collect();
        write(store, FOLDER, name, &pieces);
        assert_eq!(finished(store, FOLDER), [found(name, bytes.len())]);
        // Not by assert_eq: nobody wants to see them.
        assert!(store.read(FOLDER, name).unwrap() == bytes, "{name}");
        for (offset, length) in [(part - 3, 4096), (2 * part - 1, 1), (bytes.len() - 10, 4096), (part, part)] {
            let expected = &bytes[offset..bytes.len().min(offset + length)];
            assert!(store.read_at(FOLDER, name, offset as u64, length).unwrap() == expected, "{length} of {name} from {offset}");
        }
        store.delete(FOLDER, name).unwrap();
    }
}

#[test]
fn of_the_store_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    check(&FolderStore::new(folder.path().join("snapshots")));
}

#[test]
fn of_the_store_in_memory() {
    check(&MemoryStore::default());
}

#[test]
fn of_the_store_of_objects() {
    let here = tempfile::tempdir().unwrap();
    for prefix in ["", "a/prefix"] {
        let remote = Remote::new(Arc::new(InMemory::new()), "objects in memory".to_owned(), WAIT).unwrap();
        check(&ObjectSnapshots::open(remote, prefix, here.path().to_owned(), "stage").unwrap());
    }
}

/// A server of S3, which `make test-s3` names. Keys and region come from AWS_ACCESS_KEY_ID and the like.
#[cfg(feature = "s3-tests")]
#[test]
fn of_s3() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set: make test-s3"));
    let prefix = format!("conformance-{}", std::process::id());
    let text = format!("s3://{}/{prefix}", variable("PLAYHEAD_TEST_S3_BUCKET"));
    let place = super::SnapshotPlace::parse(&text, Some(variable("PLAYHEAD_TEST_S3"))).unwrap();
    let here = tempfile::tempdir().unwrap();
    check(&*super::open(&place, here.path(), "stage").unwrap());
}
