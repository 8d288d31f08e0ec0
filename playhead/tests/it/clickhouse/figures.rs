//! What people look at is what the simulated viewers did.

use std::collections::BTreeMap;

use pipeline::Shutdown;
use serde_json::Value;
use sink_clickhouse::{Mark, QUERIES, Recomputer, Store as _};

use super::engine::Engine;
use super::stored::Expected;
use crate::support::Folder;

/// Sums of a day, from the viewers' own timelines.
#[derive(Debug, Default, PartialEq)]
struct Day {
    sessions: i64,
    views: i64,
    start_failures: i64,
    exits_before_start: i64,
    play_failures: i64,
    sums: BTreeMap<&'static str, i64>,
    starting_ms_of_startups: i64,
    startups_ms: Vec<i64>,
}

const SUMS: [&str; 9] = [
    "starting_ms",
    "playing_ms",
    "seeking_ms",
    "seek_buffering_ms",
    "rebuffering_ms",
    "ad_ms",
    "ad_rebuffering_ms",
    "rebuffer_count",
    "error_count",
];

fn truth(folder: &Folder) -> BTreeMap<String, Day> {
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    let files = std::fs::read_dir(folder.data().join("truth")).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.to_str().unwrap().ends_with(".sessions.ndjson")) {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let session: Value = serde_json::from_str(line).unwrap();
            let day = days.entry(session["opened_at"].as_str().unwrap()[..10].to_owned()).or_default();
            day.sessions += 1;
            match session["outcome"].as_str() {
                Some("played") => day.views += 1,
                Some("play_failure") => (day.views, day.play_failures) = (day.views + 1, day.play_failures + 1),
                Some("start_failure") => day.start_failures += 1,
                Some("exit_before_start") => day.exits_before_start += 1,
                outcome => panic!("{outcome:?}"),
            }
            for name in SUMS {
                *day.sums.entry(name).or_default() += session[name].as_i64().unwrap();
            }
            if let Some(startup_ms) = session["startup_ms"].as_i64() {
                day.startups_ms.push(startup_ms);
                day.starting_ms_of_startups += session["starting_ms"].as_i64().unwrap();
            }
        }
    }
    days.values_mut().for_each(|day| day.startups_ms.sort_unstable());
    days
}

fn close(is: &str, must: f64, within: f64) -> bool {
    is.parse::<f64>().is_ok_and(|is| (is - must).abs() <= within)
}

#[test]
fn daily_figures_are_those_of_the_viewers() {
    let (engine, folder) = (Engine::start(), Folder::new());
    let mishandled = ["--duplicates", "5%", "--disorder", "10%", "--late", "2%"];
    engine.well(&folder, &[&["simulate", "--sessions", "400", "--seed", "11"], &mishandled[..]].concat());
    Expected::of(&folder).assert_stored(&engine, "simulated");
    let days = truth(&folder);
    let sums = SUMS.map(|name| format!("sum({name})")).join(", ");
    let rows = engine.rows(&format!(
        "SELECT day, sum(sessions), sum(views), sum(start_failures), sum(exits_before_start), sum(play_failures), sum(starting_ms_of_startups), {sums} \
         FROM content_metrics_daily GROUP BY day ORDER BY day"
    ));
    assert_eq!(rows.len(), days.len());
    for (row, (name, day)) in rows.iter().zip(&days) {
        let counts = [day.sessions, day.views, day.start_failures, day.exits_before_start, day.play_failures, day.starting_ms_of_startups];
        let must: Vec<String> = std::iter::once(name.clone())
            .chain(counts.iter().map(ToString::to_string))
            .chain(SUMS.iter().map(|sum| day.sums[sum].to_string()))
            .collect();
        assert_eq!(*row, must);
    }
    // The query as it is documented, with its parameters.
    let by_day = QUERIES.iter().find(|query| query.name == "qos_by_day").unwrap();
    let all = by_day.sql.replace("{from_day:Date}", "toDate('2000-01-01')").replace("{to_day:Date}", "toDate('2100-01-01')");
    let columns = "day, startup_p50_ms, startup_p95_ms, video_start_failure_ratio, exit_before_start_ratio, rebuffer_ratio_cta2066, \
                   rebuffer_ratio_media3, rebuffer_ratio_mux, connection_induced_rebuffer_ratio";
    for (row, (name, day)) in engine.rows(&format!("SELECT {columns} FROM ({all})")).iter().zip(&days) {
        assert_eq!(row[0], *name);
        let sum = |names: &[&str]| names.iter().map(|name| day.sums[name]).sum::<i64>() as f64;
        let stalled = sum(&["rebuffering_ms"]);
        let around = sum(&["playing_ms", "rebuffering_ms", "seeking_ms", "seek_buffering_ms"]);
        let watched = around + sum(&["starting_ms"]);
        let must = [
            day.start_failures as f64 / day.sessions as f64,
            day.exits_before_start as f64 / day.sessions as f64,
            stalled / watched,
            stalled / (around + day.starting_ms_of_startups as f64),
            stalled / (watched + sum(&["ad_ms", "ad_rebuffering_ms"])),
            stalled / (stalled + sum(&["playing_ms"])),
        ];
        for (is, must) in row[3..].iter().zip(must) {
            assert!(close(is, must, 1e-12), "{name}: {row:?}, must have {must}");
        }
        // BFloat16 keeps eight bits of a number, and cuts off the others; between two values either is taken.
        for (is, share) in row[1..3].iter().zip([0.5, 0.95]) {
            let at = share * (day.startups_ms.len() - 1) as f64;
            let (below, above) = (day.startups_ms[at.floor() as usize] as f64, day.startups_ms[at.ceil() as usize] as f64);
            let is: f64 = is.parse().unwrap();
            assert!(is >= below * 0.99 && is <= above, "{name}: quantile {share} is {is}, must be between {below} and {above}");
        }
    }
}

#[test]
fn every_documented_query_and_view_answers() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "60", "--seed", "3"]);
    let title = engine.rows("SELECT any(title_id) FROM playback_events WHERE type = 'HEARTBEAT'").remove(0).remove(0);
    for query in QUERIES {
        let filled = [("{from_day:Date}", "toDate('2000-01-01')"), ("{to_day:Date}", "toDate('2100-01-01')")]
            .iter()
            .fold(query.sql.to_owned(), |sql, (name, value)| sql.replace(name, value))
            .replace("{from:DateTime('UTC')}", "toDateTime('2000-01-01 00:00:00', 'UTC')")
            .replace("{to:DateTime('UTC')}", "toDateTime('2100-01-01 00:00:00', 'UTC')")
            .replace("{title:String}", &format!("'{title}'"));
        assert!(!engine.rows(&filled).is_empty(), "{}", query.name);
    }
    for view in ["qos_by_day", "qos_by_minute", "concurrent_viewers", "errors_by_minute", "audit_books", "qos_sessions_current"] {
        assert!(!engine.rows(&format!("SELECT * FROM {view} LIMIT 1")).is_empty(), "{view}");
    }
    assert!(!engine.rows("SELECT * FROM pipeline_freshness LIMIT 1").is_empty());
    assert_eq!(engine.rows("SELECT dictGet('titles', 'runtime_ms', 'unheard of')"), [["0"]]);
}

#[test]
fn users_of_the_embedded_engine_have_their_figures_too() {
    let (engine, folder) = (Engine::start_with_user(["sink", "secret"]), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "20", "--seed", "15"]);
    Expected::of(&folder).assert_stored(&engine, "as a user");
    let titles = "INSERT INTO title_versions (title_id, valid_from, name, kind, runtime_ms, topic_offset) \
                  SELECT DISTINCT if(episode_id = '', toString(title_id), toString(episode_id)), now64(6), 'A name', 'movie', 5400000, 1 FROM qos_sessions";
    engine.client().query(titles).unwrap();
    let days = engine.rows("SELECT DISTINCT toInt64(opened_date) FROM qos_sessions");
    engine.client().mark(&days.iter().map(|day| Mark::Day(day[0].parse::<i64>().unwrap() * 86_400_000_000)).collect()).unwrap();
    Recomputer::new(engine.client(), "test").run(&Shutdown::default()).unwrap();
    assert_eq!(engine.rows("SELECT sum(runtime_ms) > 0, sum(media_ms_of_known_runtime) > 0 FROM content_metrics_daily"), [["1", "1"]]);
    engine.well(&folder, &["clickhouse", "migrate"]);
    let names = "SELECT count() > 0, countIf(dictGet('titles', 'name', title_id) = '') FROM title_versions";
    assert_eq!(engine.rows(names), [["1", "0"]]);
    let ends = "INSERT INTO title_versions (title_id, valid_from, topic_offset, is_deleted) \
                SELECT title_id, now64(6), max(topic_offset) + 1, true FROM title_versions GROUP BY title_id";
    engine.client().query(ends).unwrap();
    engine.well(&folder, &["clickhouse", "migrate"]);
    assert_eq!(engine.rows("SELECT count() > 0, countIf(dictGet('titles', 'name', title_id) != '') FROM title_versions"), [["1", "0"]]);
}

#[test]
fn a_partition_that_stands_still_grows_older() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["clickhouse", "migrate"]);
    engine
        .client()
        .query(
            "INSERT INTO pipeline_freshness SELECT 'playback_events.clean', number, now64(3) - INTERVAL 20 * number MINUTE, \
             now64(3) - INTERVAL 20 * number MINUTE FROM numbers(2)",
        )
        .unwrap();
    let ages = engine.rows("SELECT topic_partition, intDiv(age_ms, 60000) FROM freshness ORDER BY topic_partition");
    assert_eq!(ages, [["0", "0"], ["1", "20"]]);
}

#[test]
fn a_startup_of_0_ms_counts_where_a_player_measured_it() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["clickhouse", "migrate"]);
    let sessions = "('import', 0, 0, NULL, ''), ('instant', 0, 0, NULL, 'web'), ('stalled', 0, 2, NULL, ''), ('known', 0, 0, 5000000, '')";
    engine
        .client()
        .query(&format!(
            "INSERT INTO qos_sessions (opened_at, version, session_id, startup_ms, rebuffer_count, avg_bitrate_bps, player) \
             SELECT toDateTime64('2026-01-01 10:00:00', 6, 'UTC'), 1, c1, c2, c3, c4, c5 FROM values('c1 String, c2 Int64, c3 Int64, \
             c4 Nullable(Int64), c5 String', {sessions})"
        ))
        .unwrap();
    engine.client().mark(&[Mark::Day(1_767_225_600_000_000)].into()).unwrap();
    Recomputer::new(engine.client(), "test").run(&Shutdown::default()).unwrap();
    assert_eq!(engine.rows("SELECT sum(sessions), sum(measured_sessions) FROM content_metrics_daily"), [["4", "3"]]);
    let comment = engine.rows("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'qos_by_day'");
    assert!(comment[0][0].contains("avg_bitrate_bps is an approximation"), "{comment:?}");
}

#[test]
fn the_books_of_the_store_are_those_of_the_log() {
    let (engine, folder) = (Engine::start(), Folder::new());
    engine.well(&folder, &["simulate", "--sessions", "80", "--seed", "5", "--duplicates", "5%", "--poison", "1%"]);
    let report = folder.json(&["audit"]);
    let stored = engine.rows("SELECT source_partition, sum(b.clean_count), sum(b.clean_hash_sum) FROM audit_books AS b GROUP BY source_partition ORDER BY source_partition");
    let partitions = report["books"]["partitions"].as_array().unwrap();
    assert_eq!(stored.len(), partitions.len());
    for (row, books) in stored.iter().zip(partitions) {
        assert_eq!(
            row[..2],
            [
                books["partition"].to_string(),
                books["clean"].as_u64().map_or_else(|| books["clean"]["count"].to_string(), |count| count.to_string())
            ],
            "{books}"
        );
    }
}
