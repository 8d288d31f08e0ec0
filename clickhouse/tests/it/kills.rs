//! Inserts with tokens into a server that is killed: what was acknowledged is there, once, after its repair. PLAYHEAD_KILLS says how many kills.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Numbers, TestServer, encoded, how_many, request};

/// Rows of an insert.
const ROWS: u64 = 500;

#[test]
fn an_acknowledged_row_is_there_once_whenever_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = TestServer::start(folder.path(), None);
    server.query("CREATE DATABASE kills ENGINE = Atomic");
    server.query("CREATE TABLE kills.t (insert UInt64, row UInt64) ENGINE = MergeTree ORDER BY (insert, row) SETTINGS non_replicated_deduplication_window = 10000");
    server.query("CREATE TABLE kills.sums (insert UInt64, rows UInt64) ENGINE = SummingMergeTree ORDER BY insert SETTINGS non_replicated_deduplication_window = 10000");
    server.query("CREATE MATERIALIZED VIEW kills.view TO kills.sums AS SELECT insert, count() AS rows FROM kills.t GROUP BY insert");
    let mut numbers = Numbers(7);
    let mut next = 0;
    for _ in 0..how_many("PLAYHEAD_KILLS", 8) {
        let address = server.address.clone();
        let writer = thread::spawn(move || write_until_it_fails(&address, next));
        let moment = Instant::now() + Duration::from_micros(50_000 + numbers.next() % 250_000);
        // The moment of the kill is what is tried out.
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        server.kill();
        // The insert that had no answer is sent again to the next server, under its token.
        next = writer.join().unwrap();
        server = TestServer::start(folder.path(), None);
        let found = server.query("SELECT count(), max(n), min(n) FROM (SELECT count() AS n, uniqExact(row) FROM kills.t GROUP BY insert)");
        let acknowledged = server.query(&format!("SELECT count() FROM (SELECT insert FROM kills.t GROUP BY insert HAVING count() = {ROWS} AND uniqExact(row) = {ROWS}) WHERE insert < {next}"));
        assert_eq!(acknowledged, format!("{next}\n"), "inserts that were acknowledged; found {found}");
    }
    assert_eq!(insert(&server.address, next), Some(200));
    let all = server.query("SELECT count(), min(n), max(n) FROM (SELECT count() AS n FROM kills.t GROUP BY insert)");
    assert_eq!(all, format!("{}\t{ROWS}\t{ROWS}\n", next + 1));
    assert!(next > 0, "something was acknowledged between kills");
}

/// The hole itself, made by hand: a token in the log, and its part not on disk. And a log whose end was cut off.
#[test]
fn a_token_without_its_rows_does_not_hide_a_retry() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path(), None);
    server.query("CREATE DATABASE kills ENGINE = Atomic");
    server.query(
        "CREATE TABLE kills.t (insert UInt64, row UInt64) ENGINE = MergeTree ORDER BY insert SETTINGS non_replicated_deduplication_window = 100",
    );
    for number in [1, 2, 2] {
        assert_eq!(insert(&server.address, number), Some(200));
    }
    let found = "SELECT insert, count() FROM kills.t GROUP BY insert ORDER BY insert";
    assert_eq!(server.query(found), format!("1\t{ROWS}\n2\t{ROWS}\n"));
    let table = server.query("SELECT data_paths[1] FROM system.tables WHERE database = 'kills' AND name = 't' FORMAT TSVRaw");
    server.kill();
    let table = Path::new(table.trim_end());
    std::fs::remove_dir_all(table.join("all_2_2_0")).unwrap();
    let log = table.join("deduplication_logs/deduplication_log_1.txt");
    let mut lines = std::fs::read(&log).unwrap();
    lines.extend_from_slice(b"1\tall_3_3");
    std::fs::write(&log, lines).unwrap();

    let server = TestServer::start(folder.path(), None);
    assert_eq!(server.query(found), format!("1\t{ROWS}\n"));
    for number in [1, 2, 2] {
        assert_eq!(insert(&server.address, number), Some(200));
    }
    assert_eq!(server.query(found), format!("1\t{ROWS}\n2\t{ROWS}\n"));
}

fn write_until_it_fails(address: &str, from: u64) -> u64 {
    (from..).find(|number| insert(address, *number) != Some(200)).expect("the server is killed")
}

/// The status. None where there was no answer.
fn insert(address: &str, number: u64) -> Option<u16> {
    use std::io::{Read as _, Write as _};
    let data: Vec<u8> = (0..ROWS).flat_map(|row| [number.to_le_bytes(), row.to_le_bytes()].concat()).collect();
    let statement = encoded("INSERT INTO kills.t FORMAT RowBinary");
    let settings = "deduplicate_blocks_in_dependent_materialized_views=1&async_insert=0";
    let path = format!("/?{settings}&insert_deduplication_token=t{number}&query={statement}");
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.write_all(&request("POST", &path, &[], &data)).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}
