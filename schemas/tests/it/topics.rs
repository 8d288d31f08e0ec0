use expect_test::expect;
use schemas::compatibility::RECORDS;
use schemas::topics::{self, Cleanup, KeySource, OnLostRange, TimestampKind};

#[test]
fn the_topics_of_the_design() {
    let topics = topics::builtin();
    let names: Vec<_> = topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "playback_events",
            "app_events",
            "billing_events",
            "titles",
            "profiles",
            "experiments",
            "playback_events.clean",
            "playback_sessions",
            "qos_session_summary",
            "viewing_progress",
            "resume_state",
            "active_streams",
            "suppressions",
            "ledger",
            "dead_letters",
            "audit",
        ]
    );
    assert!(topics.iter().all(|topic| (topic.partitions, topic.dev_partitions) == (12, 4)));
    for record in RECORDS {
        assert_eq!(topics.iter().filter(|topic| topic.schema == record.record).count(), 1, "{}", record.record);
    }
    let raw = topics.get("playback_events").unwrap();
    assert_eq!(raw.retention_ms, Some(7 * 86_400_000));
    assert_eq!(raw.timestamps.map(|timestamps| (timestamps.kind, timestamps.after_max_ms)), Some((TimestampKind::CreateTime, 60_000)));
    assert!(raw.is_raw() && raw.feeds_keyed_state);
    let active = topics.get("active_streams").unwrap();
    assert_eq!(
        (active.cleanup, active.on_lost_range, active.retention_ms),
        (Cleanup::CompactDelete, OnLostRange::Skip, Some(4 * 3_600_000))
    );
    let key = &topics.get("app_events").unwrap().key;
    assert_eq!(key[0].sources, [KeySource::Field("profile_id".to_owned()), KeySource::Field("app_session_id".to_owned())]);
    assert_eq!(topics.get("resume_state").unwrap().key.len(), 3);
    assert!(topics.get("dead_letters").unwrap().max_message_bytes >= raw.max_message_bytes + 64 * 1024);
}

const SMALL: &str = "\
topics:
  - topic: raw
    key: [session_id]
    schema: PlaybackEvent
    partitions: 12
    dev_partitions: 4
    cleanup: [delete]
    retention: 7 d
    max_message_bytes: 1 MiB
    owner: us
    timestamps: {type: create_time, after_max: 60 s}
    feeds_keyed_state: true
  - topic: derived
    key: [session_id]
    schema: PlaybackSession
    partitions: 12
    dev_partitions: 4
    cleanup: [delete]
    retention: 11 d
    max_message_bytes: 1088 KiB
    owner: us
    derived_from: [raw]
    reader_horizon: 78 h
  - topic: dead_letters
    key: [topic_id, partition]
    schema: DeadLetter
    partitions: 12
    dev_partitions: 4
    cleanup: [delete]
    retention: 30 d
    max_message_bytes: 1088 KiB
    owner: us
    derived_from: [raw]
";

#[test]
fn every_refusal_names_line_topic_and_key() {
    topics::parse(SMALL).unwrap();
    let changes = [
        ("    owner: us\n    derived_from: [raw]\n    reader", "    owner: us\n    colour: red\n    derived_from: [raw]\n    reader"),
        ("    schema: PlaybackSession\n", ""),
        ("PlaybackSession", "PlaybackSessions"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [session]"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [opened_at]"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [event_count]"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [session_id, preview]"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [session_id, ended_by, started_at]"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [profile_id]"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: ['session id']"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: []"),
        ("  - topic: derived\n    key: [session_id]", "  - topic: derived\n    key: [optional session_id]"),
        ("[topic_id, partition]", "[partition, topic_id]"),
        ("retention: 11 d", "retention: 10 d"),
        ("retention: 11 d\n    max_message_bytes: 1088 KiB", "retention: 11 d\n    max_message_bytes: 1087 KiB"),
        ("retention: 30 d\n    max_message_bytes: 1088 KiB", "retention: 30 d\n    max_message_bytes: 1 MiB"),
        (
            "  - topic: derived\n    key: [session_id]\n    schema: PlaybackSession\n    partitions: 12",
            "  - topic: derived\n    key: [session_id]\n    schema: PlaybackSession\n    partitions: 6",
        ),
        ("    reader_horizon: 78 h", "    reader_horizon: 78 h\n    copartitioned_with: [nobody]"),
        (
            "partitions: 12\n    dev_partitions: 4\n    cleanup: [delete]\n    retention: 30 d",
            "partitions: 0\n    dev_partitions: 4\n    cleanup: [delete]\n    retention: 30 d",
        ),
        ("  - topic: derived", "  - topic: raw"),
        ("  - topic: derived", "  - topic: de/rived"),
        ("retention: 7 d", "retention: 7 weeks"),
        ("retention: 7 d", "retention: 99999999999999999 d"),
        ("retention: 7 d", "retention: -7 d"),
        ("max_message_bytes: 1 MiB", "max_message_bytes: 1 MB"),
        ("after_max: 60 s", "after_max: soon"),
        ("    retention: 11 d\n", ""),
        ("cleanup: [delete]\n    retention: 11 d", "cleanup: [compact]\n    retention: 11 d"),
        ("cleanup: [delete]\n    retention: 11 d", "cleanup: [shred]\n    retention: 11 d"),
        ("cleanup: [delete]\n    retention: 11 d", "cleanup: []\n    retention: 11 d"),
        ("    owner: us\n    timestamps", "    timestamps"),
        ("derived_from: [raw]\n    reader_horizon", "derived_from: [rare]\n    reader_horizon"),
        ("partitions: 12", "partitions: twelve"),
    ];
    let mut found = String::new();
    for (from, to) in changes {
        assert!(SMALL.contains(from), "{from}");
        let error = topics::parse(&SMALL.replacen(from, to, 1)).expect_err(to);
        for error in error.errors {
            assert!(error.line > 0 && error.topic.is_some(), "{to}: {error:?}");
            found += &format!("{error}\n");
        }
    }
    expect![[r#"
        line 22: derived: colour: unknown field `colour`, expected one of topic, key, schema, partitions, dev_partitions, cleanup, retention, max_message_bytes, owner, written_by, read_by, derived_from, reader_horizon, on_lost_range, timestamps, feeds_keyed_state, copartitioned_with at line 22, column 5
        line 13: derived: schema: is missing
        line 15: derived: schema: there is no record "PlaybackSessions"
        line 14: derived: key: PlaybackSession has no field "session"
        line 14: derived: key: field "opened_at" is long (timestamp-micros), must be a string or a uuid
        line 14: derived: key: field "event_count" is long, must be a string or a uuid
        line 14: derived: key: field "preview" is boolean, must be a string, a uuid, an enum or an int
        line 14: derived: key: field "started_at" is long (timestamp-micros), must be a string, a uuid, an enum or an int
        line 14: derived: key: "profile_id" may be null: give what stands in its place after "or"
        line 14: derived: key: "session id" is neither a field nor a text in single quotes
        line 14: derived: key: has no parts
        line 14: derived: key: the first part of a key chooses the partition, so it can't be optional
        line 25: dead_letters: key: field "partition" is int, must be a string or a uuid
        line 19: derived: retention: 864000000 ms: must be at least that of raw + reader_horizon: 885600000 ms
        line 20: derived: max_message_bytes: 1113088 bytes, must be at least those of raw + 64 KiB: 1114112
        line 31: dead_letters: max_message_bytes: 1048576 bytes, must be at least those of raw + 64 KiB: 1114112
        line 16: derived: partitions: 6, but raw has 12: they feed keyed state together
        line 24: derived: copartitioned_with: there is no topic "nobody"
        line 27: dead_letters: partitions: must be at least 1
        line 13: raw: topic: is defined twice, first in line 2
        line 13: de/rived: topic: a name is 1 to 249 letters, digits, dots, underscores and hyphens
        line 8: raw: retention: "7 weeks" is no duration: a whole number and one of d, h, min, s, ms
        line 8: raw: retention: "99999999999999999 d" is no duration: a whole number and one of d, h, min, s, ms
        line 8: raw: retention: "-7 d" is no duration: a whole number and one of d, h, min, s, ms
        line 9: raw: max_message_bytes: "1 MB" is no size: a whole number and one of GiB, MiB, KiB, B
        line 11: raw: timestamps: "soon" is no duration: a whole number and one of d, h, min, s, ms
        line 13: derived: retention: is missing, where records are deleted
        line 19: derived: retention: says nothing where records are only compacted
        line 18: derived: unknown variant `shred`, expected one of delete, compact at line 18, column 15
        line 18: derived: cleanup: must be [delete], [compact] or [compact, delete]
        line 11: raw: owner: missing field `owner` at line 11, column 5
        line 22: derived: derived_from: there is no topic "rare"
        line 5: raw: invalid u32 at line 5, column 17
    "#]].assert_eq(&found);
}

#[test]
fn a_reader_that_skips_needs_no_retention() {
    topics::parse(&SMALL.replacen("retention: 11 d", "retention: 4 h\n    on_lost_range: skip", 1)).unwrap();
}

#[test]
fn two_errors_are_both_told() {
    let twice = SMALL.replacen("retention: 11 d", "retention: 10 d", 1).replacen("[topic_id, partition]", "[nothing]", 1);
    let error = topics::parse(&twice).unwrap_err();
    assert_eq!(error.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [19, 25]);
}

#[test]
fn what_is_no_yaml_has_a_line() {
    for text in ["topics: [", "", "topics: 5", "- a", "topics:\n  - {topic: a"] {
        let error = topics::parse(text).unwrap_err();
        assert_eq!(error.errors.len(), 1, "{text:?}");
    }
}
