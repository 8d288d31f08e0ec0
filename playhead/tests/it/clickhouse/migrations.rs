//! `playhead clickhouse migrate`: once, in order, and never in another form.

use serde_json::json;
use sink_clickhouse::MIGRATIONS;

use super::engine::Engine;
use crate::support::Folder;

#[test]
fn applied_once_and_refused_where_they_are_not_ours() {
    let (mut engine, folder) = (Engine::start(), Folder::new());
    let migrate = |engine: &Engine| engine.run(&folder, &["clickhouse", "migrate", "--json"]);
    let names: Vec<&str> = MIGRATIONS.iter().map(|migration| migration.name).collect();
    let said = migrate(&engine);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&said.out).unwrap(),
        json!({"database": "playhead", "applied": names}),
        "{said:?}"
    );
    engine.kill();
    engine.restart();
    let said = migrate(&engine);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said.out).unwrap(), json!({"database": "playhead", "applied": []}), "{said:?}");

    let cases = [
        (
            "ALTER TABLE qos_sessions DROP COLUMN anomalies",
            "ALTER TABLE qos_sessions ADD COLUMN anomalies Int64",
            "qos_sessions.anomalies is missing",
        ),
        (
            "ALTER TABLE playback_events MODIFY COLUMN sequence Nullable(Int32)",
            "ALTER TABLE playback_events MODIFY COLUMN sequence Nullable(Int64)",
            "playback_events.sequence is Nullable(Int32), must be Nullable(Int64)",
        ),
        (
            "ALTER TABLE playback_events MODIFY SETTING non_replicated_deduplication_window = 100",
            "ALTER TABLE playback_events MODIFY SETTING non_replicated_deduplication_window = 10000",
            "playback_events lacks non_replicated_deduplication_window = 10000",
        ),
        (
            "ALTER TABLE qos_minute REMOVE TTL",
            "ALTER TABLE qos_minute MODIFY TTL toDate(minute) + INTERVAL 400 DAY",
            "qos_minute is AggregatingMergeTree PARTITION BY toYYYYMMDD(minute) ORDER BY (minute, country, device_type, cdn, player), must be \
             AggregatingMergeTree PARTITION BY toYYYYMMDD(minute) ORDER BY (minute, country, device_type, cdn, player) \
             TTL toDate(minute) + toIntervalDay(400)",
        ),
        (
            "CREATE OR REPLACE VIEW concurrent_viewers AS SELECT 1 AS minute",
            "CREATE OR REPLACE VIEW concurrent_viewers AS SELECT minute, title_id, country, uniqCombined64Merge(plays) AS concurrent_plays,              uniqCombined64Merge(viewers) AS concurrent_viewers FROM concurrent_viewers_minute GROUP BY minute, title_id, country",
            "concurrent_viewers is SELECT 1 AS minute, must be SELECT minute, title_id, country, uniqCombined64Merge(plays) AS concurrent_plays, \
             uniqCombined64Merge(viewers) AS concurrent_viewers FROM concurrent_viewers_minute GROUP BY minute, title_id, country",
        ),
        (
            "INSERT INTO migrations (version, name, checksum, applied_at) VALUES (2, '002_minutes', 'another', now() + 1)",
            "INSERT INTO migrations (version, name, checksum, applied_at) SELECT version, name, checksum, now() + 2 FROM migrations WHERE version = 2 AND checksum != 'another'",
            "migration 002_minutes was applied in another form: an applied one is never changed, a change is a new migration",
        ),
        (
            "INSERT INTO migrations (version, name, checksum) VALUES (99, '099_of_tomorrow', '')",
            "",
            "database playhead has migration 099_of_tomorrow, which this program does not know: use the newer program that applied it",
        ),
    ];
    for (breaks, mends, problem) in cases {
        engine.client().query(breaks).unwrap();
        let said = migrate(&engine);
        assert_eq!((said.code, said.err.trim_end()), (2, format!("playhead: {problem}").as_str()), "{breaks}");
        if !mends.is_empty() {
            engine.client().query(mends).unwrap();
            assert_eq!(migrate(&engine).code, 0, "{mends}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_said_in_one_line() {
    let folder = Folder::new();
    let mut command = folder.command(&["clickhouse", "migrate"]);
    let said = crate::support::said(command.env("PLAYHEAD_CLICKHOUSE_URL", "http://127.0.0.1:1"));
    assert_eq!((said.code, said.err.lines().count()), (2, 1), "{said:?}");
    assert!(said.err.starts_with("playhead: playhead: ClickHouse does not answer: http://127.0.0.1:1: "), "{said:?}");
    let said = folder.run(&["clickhouse", "migrate"]);
    assert!(said.code == 2 && said.err.contains("PLAYHEAD_CLICKHOUSE_URL"), "{said:?}");
}
