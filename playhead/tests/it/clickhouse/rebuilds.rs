//! What is derived and came out wrong is made again, and only that.

use pipeline::{Shutdown, TopicId};
use sink_clickhouse::books;
use sink_clickhouse::{Mark, Recomputed, Recomputer, Span, Store as _};

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
    let right = recomputer.run(&Shutdown::default()).unwrap().unwrap();
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
    let mended = recomputer.run(&Shutdown::default()).unwrap().unwrap();
    assert_eq!((mended.hours, mended.marks), (3, 4), "{mended:?}");
    expected.assert_stored(&engine, "after the mending");
}

#[test]
fn another_hour_of_a_day_that_is_put_in_place_is_not_left_wrong() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "60", "--seed", "13"]);
    let two = "SELECT toInt64(toUnixTimestamp(toStartOfHour(minute))) AS hour, toDate(minute) AS day FROM qos_minute GROUP BY hour, day \
               ORDER BY day, hour LIMIT 2 BY day";
    let rows = engine.rows(two);
    let pair = rows.windows(2).find(|pair| pair[0][1] == pair[1][1]).unwrap();
    let hours: Vec<i64> = pair.iter().map(|row| row[0].parse().unwrap()).collect();
    for hour in &hours {
        let twice = format!("INSERT INTO qos_minute SELECT * FROM qos_minute WHERE toUnixTimestamp(toStartOfHour(minute)) = {hour}");
        engine.client().query(&twice).unwrap();
    }
    engine.client().mark(&[Mark::Hour(hours[0] * 1_000_000)].into()).unwrap();
    let recomputer = Recomputer::new(engine.client(), "test");
    for _ in 0..2 {
        let made = recomputer.run(&Shutdown::default()).unwrap().unwrap();
        assert_eq!((made.hours, made.marks), (1, 1), "the one that was marked, then the one that was found");
    }
    Expected::of(&folder).assert_stored(&engine, "after both");
}

#[test]
fn an_hour_that_is_right_at_a_second_look_is_not_told_of() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "5", "--seed", "14"]);
    let line = "toStartOfHour(now('UTC')), 'XX', 1, 77";
    engine.client().query(&format!("INSERT INTO qos_minute (minute, country, events, hash_sum) SELECT {line}")).unwrap();
    let mut looks = 0;
    let wrong = books::wrong_hours(&engine.client(), || looks += 1).unwrap();
    assert_eq!((wrong.len(), wrong[0].0, looks), (1, "qos_minute", 2), "it stays");
    let comes =
        || engine.client().query("ALTER TABLE qos_minute DELETE WHERE country = 'XX' SETTINGS mutations_sync = 1").map(drop).unwrap();
    assert_eq!(books::wrong_hours(&engine.client(), comes).unwrap(), []);
}

#[test]
fn marks_that_are_done_go_with_their_day_and_a_stop_leaves_them() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["clickhouse", "migrate"]);
    let old = "INSERT INTO recompute_pending (id, unit, starts_at, is_done, marked_at) \
               SELECT generateUUIDv4(), 'day', toDateTime(0), 0, now() - INTERVAL 3 DAY";
    engine.client().query(old).unwrap();
    let recomputer = Recomputer::new(engine.client(), "test");
    let stopped = Shutdown::default();
    stopped.request();
    assert_eq!(recomputer.run(&stopped).unwrap(), Some(Recomputed::default()), "a stop was asked for");
    assert_eq!(recomputer.run(&Shutdown::default()).unwrap().unwrap().marks, 1);
    assert_eq!(engine.rows("SELECT count() FROM recompute_pending"), [["0"]], "neither the mark nor that it is done");
}

/// Whoever has lost the lease has nothing to put in place any more.
#[test]
fn a_staging_table_is_its_owners_own() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["clickhouse", "migrate"]);
    engine.client().query("CREATE TABLE content_metrics_daily_staging_of_another AS content_metrics_daily").unwrap();
    engine.client().mark(&[Mark::Day(0)].into()).unwrap();
    Recomputer::new(engine.client(), "test").run(&Shutdown::default()).unwrap();
    let staging = engine.rows("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%staging%'");
    assert_eq!(staging, [["0"]]);
}

#[test]
fn an_hour_whose_events_are_no_longer_kept_stays_as_it_is() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["clickhouse", "migrate"]);
    let minute = "toStartOfHour(now('UTC') - INTERVAL 100 DAY)";
    engine.client().query(&format!("INSERT INTO qos_minute (minute, country, events, hash_sum) VALUES ({minute}, 'DE', 7, 77)")).unwrap();
    let hour_s: i64 = engine.rows(&format!("SELECT toUnixTimestamp({minute})"))[0][0].parse().unwrap();
    engine.client().mark(&[Mark::Hour(hour_s * 1_000_000)].into()).unwrap();
    let done = Recomputer::new(engine.client(), "test").run(&Shutdown::default()).unwrap().unwrap();
    assert_eq!((done.hours, done.marks), (0, 1));
    assert_eq!(engine.rows("SELECT sum(events) FROM qos_minute"), [["7"]]);
}

#[test]
fn rows_that_are_there_twice_are_taken_out() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "5", "--seed", "12"]);
    let first = "SELECT toString(topic_id), topic_partition, min(topic_offset), toInt64(toUnixTimestamp(min(effective_time))), \
                 toInt64(toUnixTimestamp(max(received_time))) FROM playback_events GROUP BY topic_id, topic_partition ORDER BY count() DESC LIMIT 1";
    let row = engine.rows(first).remove(0);
    let number = |at: usize| row[at].parse::<i64>().unwrap();
    let span = Span {
        topic_id: TopicId(u128::from_str_radix(&row[0].replace('-', ""), 16).unwrap().to_be_bytes()),
        partition: u32::try_from(number(1)).unwrap(),
        offsets: number(2)..number(2) + 1_000,
        days: [(number(3) * 1_000_000, number(4) * 1_000_000); 2],
    };
    let mut client = engine.client();
    let before = client.offsets(&span).unwrap();
    assert!(before.len() > 2);
    client.take_out(&span, &before[..2].iter().copied().collect()).unwrap();
    assert_eq!(client.offsets(&span).unwrap(), before[2..]);
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
    assert_eq!(recomputer.run(&Shutdown::default()).unwrap(), None, "another has it");
    lease("1");
    let done = recomputer.run(&Shutdown::default()).unwrap().unwrap();
    assert_eq!((done.days, done.marks), (1, 1), "the other's has run out; of a day without sessions nothing stays");
    lease("99999999999");
    engine.client().mark(&[Mark::Day(0)].into()).unwrap();
    assert_eq!(
        Recomputer::new(engine.client(), "another").run(&Shutdown::default()).unwrap().unwrap().marks,
        1,
        "its own, from before it was killed"
    );
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
    Recomputer::new(engine.client(), "test").run(&Shutdown::default()).unwrap();
    assert_eq!(engine.run(&folder, &["qos"]).code, 2, "it is another's");
    // As that one does when it is started again.
    Recomputer::new(engine.client(), "another").run(&Shutdown::default()).unwrap();
    engine.well(&folder, &["qos"]);
    Expected::of(&folder).assert_stored(&engine, "after the hold");
}
