//! `playhead audit` over ClickHouse: what is missing, doubled or altered there is named.

use serde_json::Value;

use super::engine::Engine;
use crate::support::{Folder, testdata};

fn audit(engine: &Engine, folder: &Folder) -> (i32, Value) {
    let said = engine.run(folder, &["audit", "--json"]);
    (said.code, serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}")))
}

#[test]
fn every_event_and_session_is_held_to_its_topic() {
    let (engine, folder) = (Engine::start(), Folder::new());
    folder.well(&["simulate", "--sessions", "40", "--seed", "31", "--duplicates", "5%", "--poison", "1%"]);
    engine.well(&folder, &["clickhouse", "migrate"]);
    let (code, report) = audit(&engine, &folder);
    let pending = report["clickhouse"]["pending"].as_u64().unwrap();
    assert!(code == 0 && pending > 1_000, "nothing was written yet, and that is no fault: {report}");

    engine.run(&folder, &["qos"]);
    let (code, report) = audit(&engine, &folder);
    let clickhouse = &report["clickhouse"];
    let clean: u64 = report["books"]["partitions"].as_array().unwrap().iter().map(|books| books["clean"]["count"].as_u64().unwrap()).sum();
    assert_eq!((code, clickhouse["stored"].as_u64(), clickhouse["events"].as_u64()), (0, Some(clean), Some(clean)), "{report}");
    assert_eq!((clickhouse["sessions"].as_u64(), clickhouse["pending"].as_u64()), (Some(40), Some(0)), "{report}");

    let one = engine
        .rows("SELECT topic_id, topic_partition, topic_offset FROM playback_events ORDER BY topic_partition, topic_offset LIMIT 1")
        .remove(0);
    let place = format!("topic_id = '{}' AND topic_partition = {} AND topic_offset = {}", one[0], one[1], one[2]);
    let named = format!("ClickHouse's playback_events, playback_events.clean-{} offset {}", one[1], one[2]);
    let columns = "* EXCEPT (event_date, received_date)";
    let kept = format!("CREATE TABLE kept ENGINE = Memory AS SELECT {columns} FROM playback_events WHERE {place}");
    engine.client().query(&kept).unwrap();
    let names = engine
        .rows("SELECT arrayStringConcat(groupArray(name), ', ') FROM system.columns WHERE database = currentDatabase() AND table = 'kept'");
    let again = format!("INSERT INTO playback_events ({0}) SELECT {0} FROM kept", names[0][0]);
    let deleted = format!("ALTER TABLE playback_events DELETE WHERE {place} SETTINGS mutations_sync = 1");
    let altered = format!("ALTER TABLE playback_events UPDATE content_hash = 1 WHERE {place} SETTINGS mutations_sync = 1");
    for (statements, fault) in [(vec![&again], "doubled"), (vec![&deleted], "missing"), (vec![&again, &altered], "altered")] {
        for statement in statements {
            engine.client().query(statement).unwrap();
        }
        let (code, report) = audit(&engine, &folder);
        let findings = report["clickhouse"]["findings"]["first"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["place"] == named.as_str()).unwrap_or_else(|| panic!("{report}"));
        assert_eq!((code, found["fault"].as_str()), (1, Some(fault)), "{report}");
    }
}

#[test]
fn tables_by_minute_are_held_to_their_events_and_sessions_to_their_days() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "20", "--seed", "32"]);
    engine.client().query("INSERT INTO qos_minute SELECT * FROM qos_minute LIMIT 1").unwrap();
    engine
        .client()
        .query("ALTER TABLE qos_sessions DELETE WHERE session_id = (SELECT max(session_id) FROM qos_sessions) SETTINGS mutations_sync = 1")
        .unwrap();
    let (code, report) = audit(&engine, &folder);
    let places: Vec<&str> =
        report["clickhouse"]["findings"]["first"].as_array().unwrap().iter().map(|finding| finding["place"].as_str().unwrap()).collect();
    assert_eq!((code, places.len()), (1, 3), "{report}");
    assert!(places[0].starts_with("ClickHouse's qos_sessions_current, "), "{places:?}");
    assert!(places[1].starts_with("qos_minute 20"), "{places:?}");
    assert!(places[2].starts_with("content_metrics_daily 20"), "{places:?}");
    assert_eq!(report["clickhouse"]["findings"]["first"][0]["fault"], "missing", "{report}");
}

/// In production something is always on its way: what is not is judged all the same.
#[test]
fn sessions_are_held_to_the_log_while_others_are_pending() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "20", "--seed", "33"]);
    folder.well(&["simulate", "--sessions", "10", "--seed", "34"]);
    let (code, report) = audit(&engine, &folder);
    let clickhouse = &report["clickhouse"];
    assert_eq!((code, clickhouse["sessions"].as_u64(), clickhouse["not_judged"].as_u64()), (0, Some(20), Some(10)), "{report}");
    engine
        .client()
        .query("ALTER TABLE qos_sessions DELETE WHERE session_id = (SELECT max(session_id) FROM qos_sessions) SETTINGS mutations_sync = 1")
        .unwrap();
    let (code, report) = audit(&engine, &folder);
    let first = &report["clickhouse"]["findings"]["first"][0];
    assert_eq!((code, first["fault"].as_str()), (1, Some("missing")), "{report}");
}

#[test]
fn the_real_file() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["import", "viewing-activity", &testdata("viewing-activity/viewing_activity.csv.gz")]);
    let (code, report) = audit(&engine, &folder);
    let clickhouse = &report["clickhouse"];
    assert_eq!((code, clickhouse["stored"].as_u64(), clickhouse["sessions"].as_u64()), (0, Some(15_606), Some(5_202)), "{report}");
    // Views of years ago are no live figures.
    assert_eq!(engine.rows("SELECT count() FROM qos_minute"), [["0"]]);
    assert_eq!(
        engine.rows("SELECT sum(sessions), uniqExact(day), sum(measured_sessions) FROM content_metrics_daily"),
        [["5202", "911", "0"]]
    );
}
