//! What people look at, over 50 M events and 1 M sessions of seven days.

use std::time::Instant;

use sink_clickhouse::{QUERIES, Recomputer};

use super::Database;
use crate::measure::{Bar, Figure};

const EVENTS: u64 = 50_000_000;
const SESSIONS: u64 = 1_000_000;
/// Rows of one statement that makes them.
const CHUNK: u64 = 2_000_000;
const ASKED: usize = 20;

/// Seven days that end now, whole minutes: events of session n lie in the minutes after its own.
const EVENT: &str = "
    INSERT INTO playback_events (title_id, session_id, effective_time, event_time, received_time, type, late, event_id, sequence, profile_id, account_id,
        position_ms, duration_ms, bitrate_bps, playback_rate, error_code, error_fatal, device_id, device_type, country, region, cdn, player, app_version,
        content_hash, source_topic_id, source_partition, source_offset, topic_id, topic_partition, topic_offset)
    WITH intDiv(number, 50) AS session, number % 50 AS event, sipHash64(session) AS hash,
        fromUnixTimestamp64Micro(toInt64({now} - 604800 + session * 604800 / 1000000) * 1000000 + toInt64(event) * 10000000 + toInt64(hash % 1000000)) AS at
    SELECT concat('title-', toString(hash % 5000)), lower(hex(sipHash128(session))), at, at, at,
        multiIf(event = 0, 'SESSION_START', event = 1, 'STARTUP', event = 49, 'END', event = 20, 'BUFFERING_START', event = 21, 'BUFFERING_END',
            event = 30 AND hash % 50 = 0, 'ERROR', 'HEARTBEAT'),
        false, generateUUIDv4(), event, concat('profile-', toString(hash % 300000)), concat('account-', toString(hash % 150000)),
        event * 10000, if(event IN (1, 21), hash % 4000, NULL), [1200000, 2500000, 4000000, 6000000][event % 4 + 1], 1., if(event = 30 AND hash % 50 = 0, concat('E', toString(hash % 7)), ''),
        event = 30 AND hash % 100 = 0, concat('device-', toString(hash % 400000)), ['tv', 'phone', 'web', 'tablet'][hash % 4 + 1],
        ['BR', 'DE', 'US', 'JP', 'IN', 'FR'][hash % 6 + 1], 'r', ['akamai', 'fastly', 'own'][hash % 3 + 1], 'hls', '4.11.0',
        sipHash64(number), '00000000-0000-0000-0000-000000000001', 0, number, '00000000-0000-0000-0000-000000000002', 0, number
    FROM numbers({from}, {count})";

const SESSION: &str = "
    INSERT INTO qos_sessions (session_id, opened_at, version, event_count, final, ended_by, profile_id, account_id, title_id, device_type, country,
        started_at, ended_at, startup_ms, starting_ms, playing_ms, rebuffering_ms, seeking_ms, media_ms, rebuffer_count, error_count, avg_bitrate_bps, cdn, outcome)
    WITH number AS session, sipHash64(session) AS hash,
        fromUnixTimestamp64Micro(toInt64({now} - 604800 + session * 604800 / 1000000) * 1000000) AS at
    SELECT lower(hex(sipHash128(session))), at, {version}, 50, true, 'end', concat('profile-', toString(hash % 300000)), concat('account-', toString(hash % 150000)),
        concat('title-', toString(hash % 5000)), ['tv', 'phone', 'web', 'tablet'][hash % 4 + 1], ['BR', 'DE', 'US', 'JP', 'IN', 'FR'][hash % 6 + 1],
        at, at + INTERVAL 500 SECOND, hash % 4000 + 1, hash % 4000 + 1, 480000, hash % 9000, hash % 2000, 480000, hash % 3, hash % 50 = 0, 2500000 + hash % 3000000,
        ['akamai', 'fastly', 'own'][hash % 3 + 1], multiIf(hash % 40 = 0, 'exit_before_start', hash % 97 = 0, 'start_failure', hash % 89 = 0, 'play_failure', 'played')
    FROM numbers({count})";

pub(crate) fn run() -> Vec<Figure> {
    let database = Database::make("playhead_bench_queries");
    let now = database.figure("SELECT toUnixTimestamp(toStartOfMinute(now()))") as i64;
    let ask = |statement: &str| drop(database.client.query(statement).expect("the server takes it"));
    let started = Instant::now();
    for from in (0..EVENTS).step_by(CHUNK as usize) {
        let values = [("{now}", now.to_string()), ("{from}", from.to_string()), ("{count}", CHUNK.to_string())];
        ask(&filled(EVENT, &values));
    }
    // Two versions of each.
    for version in [1_u32, 2] {
        let values = [("{now}", now.to_string()), ("{version}", version.to_string()), ("{count}", SESSIONS.to_string())];
        ask(&filled(SESSION, &values));
    }
    ask(
        "INSERT INTO recompute_pending (id, unit, starts_at, is_done) SELECT generateUUIDv4(), 'day', toDateTime(opened_date, 'UTC'), 0 FROM qos_sessions GROUP BY opened_date",
    );
    let made_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    Recomputer::new(database.client.clone(), "bench").run(&pipeline::Shutdown::default()).expect("the days can be made");
    let recomputed_s = started.elapsed().as_secs_f64();
    let mut figures = vec![
        Figure::plain("events made by the engine itself", EVENTS as f64 / made_s, "events/s", None),
        Figure::plain("eight days of 1 M sessions made again", recomputed_s, "s", None),
    ];
    for query in QUERIES {
        figures.push(Figure::plain(
            &format!("query {}, p95", query.name),
            p95_ms(&database, query.sql, now),
            "ms",
            Some(Bar::AtMost(300.0)),
        ));
    }
    figures
}

fn filled(statement: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(statement.to_owned(), |statement, (name, value)| statement.replace(name, value))
}

/// With the days and hours that the data have.
fn p95_ms(database: &Database, sql: &str, now: i64) -> f64 {
    let values = [
        ("{from:DateTime('UTC')}", format!("toDateTime({})", now - 6 * 3_600)),
        ("{to:DateTime('UTC')}", format!("toDateTime({now})")),
        ("{from_day:Date}", format!("toDate({})", now.div_euclid(86_400) - 7)),
        ("{to_day:Date}", format!("toDate({})", now.div_euclid(86_400))),
        ("{title:String}", "'title-7'".to_owned()),
    ];
    let statement = filled(sql, &values);
    let mut times_ms: Vec<f64> = (0..ASKED)
        .map(|_| {
            let started = Instant::now();
            let answer = database.client.rows(&statement).expect("the server answers");
            assert!(!answer.is_empty(), "there is something to look at: {statement}");
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times_ms.sort_unstable_by(f64::total_cmp);
    times_ms[(times_ms.len() * 95).div_ceil(100) - 1]
}
