//! What is derived and came out wrong is made again, and only that.

use sink_clickhouse::{Mark, Recomputed, Recomputer, Store as _};

use super::engine::Engine;
use super::stored::Expected;
use crate::support::Folder;

#[test]
fn hours_are_made_again_where_they_are_wrong() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "60", "--seed", "8"]);
    let expected = Expected::of(&folder);
    let hours: Vec<i64> = engine
        .rows("SELECT DISTINCT toInt64(toUnixTimestamp(toStartOfHour(minute))) AS hour FROM qos_minute ORDER BY hour LIMIT 4")
        .iter()
        .map(|row| row[0].parse().unwrap())
        .collect();
    let mark_all = |engine: &Engine| {
        let marks = hours.iter().map(|hour| Mark::Hour(hour * 1_000_000)).collect();
        engine.client().mark(&marks).unwrap();
    };
    let recomputer = Recomputer::new(engine.client(), "test");
    mark_all(&engine);
    let right = recomputer.run().unwrap().unwrap();
    assert_eq!(right, Recomputed { hours_right: 8, marks: 4, ..Recomputed::default() }, "two tables, and nothing is wrong");

    // A block that came twice, one that did not come, and two of the same size of which each did one of both.
    let wrong = [
        format!("INSERT INTO qos_minute SELECT * FROM qos_minute WHERE toUnixTimestamp(toStartOfHour(minute)) = {}", hours[0]),
        format!(
            "ALTER TABLE concurrent_viewers_minute DELETE WHERE toUnixTimestamp(toStartOfHour(minute)) = {} SETTINGS mutations_sync = 1",
            hours[1]
        ),
        format!(
            "INSERT INTO qos_minute (minute, country, events, hash_sum) VALUES (toDateTime({0}), 'XX', 1, 77), (toDateTime({0}), 'YY', toUInt64(-1), 5)",
            hours[2]
        ),
    ];
    for statement in &wrong {
        engine.client().query(statement).unwrap();
    }
    mark_all(&engine);
    let mended = recomputer.run().unwrap().unwrap();
    assert_eq!((mended.hours, mended.marks), (3, 4), "{mended:?}");
    expected.assert_stored(&engine, "after the mending");
}

#[test]
fn one_owner_at_a_time_and_one_that_died_is_followed() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "20", "--seed", "9"]);
    let client = engine.client();
    let lease = |until: &str| {
        client.query("DROP TABLE IF EXISTS recompute_lease SYNC").unwrap();
        client.query(&format!("CREATE TABLE recompute_lease (held UInt8) ENGINE = Memory COMMENT '{until} another'")).unwrap();
    };
    engine.client().mark(&[Mark::Day(0)].into()).unwrap();
    let recomputer = Recomputer::new(engine.client(), "test");
    lease("99999999999");
    assert_eq!(recomputer.run().unwrap(), None, "another has it");
    lease("1");
    let done = recomputer.run().unwrap().unwrap();
    assert_eq!((done.days, done.marks), (1, 1), "the other's has run out; of a day without sessions nothing stays");
    lease("99999999999");
    engine.client().mark(&[Mark::Day(0)].into()).unwrap();
    assert_eq!(Recomputer::new(engine.client(), "another").run().unwrap().unwrap().marks, 1, "its own, from before it was killed");
    assert_eq!(
        engine.rows("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'recompute\\\\_lease%'"),
        [["0"]]
    );
}

#[test]
fn while_an_hour_is_made_again_nothing_is_inserted() {
    let (engine, folder) = (Engine::start(), Folder::new());
    folder.well(&["simulate", "--sessions", "20", "--seed", "10"]);
    engine.well(&folder, &["clickhouse", "migrate"]);
    engine.client().query("CREATE TABLE recompute_hold (held UInt8) ENGINE = Memory COMMENT '99999999999 another'").unwrap();
    let said = engine.run(&folder, &["qos"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("are being rebuilt"), "{said:?}");
    assert_eq!(engine.rows("SELECT count() FROM playback_events"), [["0"]]);
    Recomputer::new(engine.client(), "test").run().unwrap();
    assert_eq!(engine.run(&folder, &["qos"]).code, 2, "it is another's");
    // As that one does when it is started again.
    Recomputer::new(engine.client(), "another").run().unwrap();
    engine.well(&folder, &["qos"]);
    Expected::of(&folder).assert_stored(&engine, "after the hold");
}
