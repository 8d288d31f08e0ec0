use pipeline::{Resume, Sink, SinkError, TopicId, TopicPartition};
use sink_local::{FORMAT_VERSION, LocalSink, LocalStore, OpenError};

use crate::support::{RESUME, SESSIONS, Stored, dump, registry, resume, session, sink, stage, topic_ids, write};

const SOURCE: TopicPartition = TopicPartition { topic: RESUME, partition: 0 };

#[test]
fn a_reopened_file_holds_rows_positions_and_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serving.redb");
    let records = [Stored::new(RESUME, 0, &resume("t", "s", 1_000_000_000)), Stored::new(SESSIONS, 0, &session("s", 5, 1))];
    let before = {
        let store = LocalStore::open(&path).unwrap();
        write(&mut sink(&store), &records, 1);
        dump(&store)
    };
    assert_eq!(before.len(), 3);
    let store = LocalStore::open(&path).unwrap();
    assert_eq!(dump(&store), before);
    assert_eq!(sink(&store).position(SOURCE, None).unwrap(), Resume::At(1));
    // The registry is not asked again for what the file knows.
    let down = registry();
    *down.is_down.lock().unwrap() = true;
    let mut sink = LocalSink::new(store.clone(), down, topic_ids());
    write(&mut sink, &[Stored::new(RESUME, 1, &resume("u", "s2", 2_000_000_000))], 1);
    assert_eq!(dump(&store).len(), 4);
}

#[test]
fn a_copy_holds_rows_positions_and_schemas_and_goes_its_own_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.redb");
    let store = LocalStore::open(&folder.path().join("serving.redb")).unwrap();
    write(&mut sink(&store), &[Stored::new(RESUME, 0, &resume("t", "s", 1_000_000_000)), Stored::new(SESSIONS, 0, &session("s", 5, 1))], 1);
    let before = dump(&store);
    store.copy_to(&path).unwrap();
    write(&mut sink(&store), &[Stored::new(RESUME, 1, &resume("u", "s2", 2_000_000_000))], 1);
    let copy = LocalStore::open(&path).unwrap();
    assert_eq!(dump(&copy), before);
    assert_eq!(sink(&copy).position(SOURCE, None).unwrap(), Resume::At(1));
    assert!(store.copy_to(&folder.path().join("no/such/folder")).is_err());
}

#[test]
fn what_was_not_flushed_is_neither_row_nor_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serving.redb");
    let records: Vec<Stored> = (0..4).map(|offset| Stored::new(RESUME, offset, &resume("t", "s", 1_000_000_000 + offset))).collect();
    for flushed in 0..=records.len() {
        // Killed with the rest staged: what follows reads on from the position that lies beside the rows.
        let store = LocalStore::open(&path).unwrap();
        let mut interrupted = sink(&store);
        write(&mut interrupted, &records[..flushed], 1);
        for record in &records[flushed..] {
            stage(&mut interrupted, record).unwrap();
        }
        drop((interrupted, store));
        let store = LocalStore::open(&path).unwrap();
        let expected = if flushed == 0 { Resume::Beginning } else { Resume::At(i64::try_from(flushed).unwrap()) };
        assert_eq!(sink(&store).position(SOURCE, None).unwrap(), expected);
        write(&mut sink(&store), &records[flushed..], 2);
        let row = dump(&store);
        assert_eq!(row.len(), 1);
        assert!(row[0].contains("1000000003"), "{row:?}");
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn positions_are_kept_by_topic_id() {
    let store = LocalStore::in_memory().unwrap();
    write(&mut sink(&store), &[Stored::new(RESUME, 7, &resume("t", "s", 1_000_000_000))], 1);
    assert_eq!(sink(&store).position(SOURCE, None).unwrap(), Resume::At(8));
    assert_eq!(sink(&store).position(TopicPartition { partition: 1, ..SOURCE }, None).unwrap(), Resume::Beginning);
    let mut made_anew = LocalSink::new(store, registry(), [1, 2, 9].map(|number| TopicId([number; 16])));
    assert_eq!(made_anew.position(SOURCE, None).unwrap(), Resume::Beginning);
    let refused = stage(&mut made_anew, &Stored::new(RESUME, 0, &resume("t", "s", 1))).unwrap_err();
    assert!(refused.to_string().contains("made anew"), "{refused}");
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serving.redb");
    drop(LocalStore::open(&path).unwrap());
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", FORMAT_VERSION + 1).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = LocalStore::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::NewerFormat { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("format 2") && error.to_string().contains("formats up to 1"), "{error}");
}

#[test]
fn another_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.redb");
    std::fs::write(&text, "not a database").unwrap();
    let error = LocalStore::open(&text).unwrap_err();
    assert!(error.to_string().contains("text.redb"), "{error}");
    let other = folder.path().join("other.redb");
    let database = redb::Database::create(&other).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<u64, u64>::new("numbers")).unwrap().insert(1, 1).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = LocalStore::open(&other).unwrap_err();
    assert!(matches!(error, OpenError::NotAServingStore { .. }), "{error}");
}

#[test]
fn a_record_that_is_none_stops_the_sink_with_its_place_and_keeps_the_rest_out() {
    let store = LocalStore::in_memory().unwrap();
    let mut sink = sink(&store);
    let mut cut = Stored::new(RESUME, 41, &resume("t", "s", 1_000_000_000));
    cut.value.truncate(9);
    stage(&mut sink, &Stored::new(RESUME, 40, &resume("u", "s", 1_000_000_000))).unwrap();
    stage(&mut sink, &cut).unwrap();
    let error = sink.flush().unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(message) if message.contains("resume_state-0, offset 41")), "{error}");
    assert!(dump(&store).is_empty());
    assert_eq!(sink.position(SOURCE, None).unwrap(), Resume::Beginning);
}

#[test]
fn a_registry_that_is_down_is_waited_for() {
    let store = LocalStore::in_memory().unwrap();
    let down = registry();
    *down.is_down.lock().unwrap() = true;
    let mut sink = LocalSink::new(store.clone(), down.clone(), topic_ids());
    let record = Stored::new(RESUME, 0, &resume("t", "s", 1_000_000_000));
    assert!(matches!(stage(&mut sink, &record), Err(SinkError::Unavailable(_))));
    sink.discard();
    *down.is_down.lock().unwrap() = false;
    write(&mut sink, &[record], 1);
    assert_eq!(dump(&store).len(), 1);
}
