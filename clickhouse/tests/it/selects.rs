//! Answers of every kind of format, streamed or whole.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::support::{TestServer, encoded, shared};

const MANY: &str = "SELECT number AS n, concat('t\\n', toString(number)) AS t FROM numbers(200000) ORDER BY n";

fn many(server: &TestServer, format: &str, more: &str) -> Vec<u8> {
    let reply = server.post(&format!("/?{more}"), format!("{MANY} FORMAT {format}"));
    assert_eq!(reply.status, 200, "{format}: {}", reply.text());
    assert!(reply.is_whole, "{format}");
    assert_eq!(reply.header("x-clickhouse-format"), Some(format));
    reply.body
}

#[test]
fn a_streamed_answer_is_one_document() {
    let server = shared("selects");
    let formats = [
        "TSV",
        "TSVWithNames",
        "TSVWithNamesAndTypes",
        "CSV",
        "CSVWithNames",
        "CSVWithNamesAndTypes",
        "JSONEachRow",
        "JSONCompactEachRow",
        "JSONCompactEachRowWithNames",
        "JSONCompactEachRowWithNamesAndTypes",
        "JSONStringsEachRow",
        "RowBinary",
        "RowBinaryWithNames",
        "RowBinaryWithNamesAndTypes",
        "Native",
        "TSKV",
        "JSON",
        "JSONCompact",
        "Parquet",
        "ArrowStream",
        "Values",
        "Pretty",
    ];
    // Each document, read back by the engine itself, has every row once and in its place; but for what can only be written.
    for format in formats.iter().filter(|format| **format != "Pretty") {
        let document = many(server, format, "");
        let table = format!("selects.{format}");
        server.query(&format!("CREATE TABLE {table} (n UInt64, t String) ENGINE = Memory"));
        let reply = server.post(&format!("/?query={}", encoded(&format!("INSERT INTO {table} FORMAT {format}"))), &document);
        assert_eq!(reply.status, 200, "{format}: {}", reply.text());
        let found = server.query(&format!("SELECT count(), sum(n), countIf(t != concat('t\\n', toString(n))), uniqExact(n) FROM {table}"));
        assert_eq!(found, "200000\t19999900000\t0\t200000\n", "{format}");
        server.query(&format!("DROP TABLE {table}"));
    }
}

#[test]
fn a_document_is_the_same_held_back_or_not_and_in_any_compression() {
    let server = shared("selects_packed");
    let plain = many(server, "CSVWithNames", "");
    assert_eq!(many(server, "CSVWithNames", "wait_end_of_query=1"), plain);
    let ask = |encoding: &str| {
        let accept = format!("Accept-Encoding: {encoding}");
        let reply = server.ask("POST", "/", &[&accept], format!("{MANY} FORMAT CSVWithNames").as_bytes());
        assert_eq!(reply.header("content-encoding"), Some(encoding));
        reply.body
    };
    assert_eq!(zstd::decode_all(ask("zstd").as_slice()).unwrap(), plain);
    let mut unpacked = Vec::new();
    lz4_flex::frame::FrameDecoder::new(ask("lz4").as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    unpacked.clear();
    flate2::read::GzDecoder::new(ask("gzip").as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    let reply = server.ask("POST", "/?enable_http_compression=0", &["Accept-Encoding: gzip"], b"SELECT 1");
    assert_eq!((reply.header("content-encoding"), reply.text().as_str()), (None, "1\n"));
}

#[test]
fn a_short_answer_comes_with_its_length_and_figures() {
    let server = shared("selects_short");
    let reply = server.post("/?query_id=a-name", "SELECT number FROM numbers(3)");
    assert_eq!(reply.text(), "0\n1\n2\n");
    assert_eq!(reply.header("content-length"), Some("6"));
    assert_eq!(reply.header("x-clickhouse-query-id"), Some("a-name"));
    assert_eq!(reply.header("content-type"), Some("text/tab-separated-values; charset=UTF-8"));
    assert!(reply.header("x-clickhouse-timezone").is_some() && reply.header("x-clickhouse-server-display-name").is_some());
    let summary: serde_json::Value = serde_json::from_str(reply.header("x-clickhouse-summary").unwrap()).unwrap();
    assert_eq!((&summary["read_rows"], &summary["result_rows"]), (&"3".into(), &"3".into()));
    let head = server.ask("HEAD", &format!("/?query={}", encoded("SELECT 1")), &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn an_exception_in_the_middle_is_marked_and_the_answer_has_no_end() {
    let server = shared("selects_broken");
    let statement = "SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_threads = 1";
    let reply = server.post("/", statement);
    assert_eq!((reply.status, reply.is_whole), (200, false));
    let tag = reply.header("x-clickhouse-exception-tag").unwrap();
    let text = reply.text();
    let (_, exception) = text.split_once(&format!("\r\n__exception__\r\n{tag}\r\n")).expect("a marked exception");
    let message = exception.strip_suffix(&format!(" {tag}\r\n__exception__\r\n")).unwrap();
    let (message, length) = message.rsplit_once('\n').unwrap();
    assert_eq!(message.len() + 1, length.parse::<usize>().unwrap());
    assert!(message.starts_with("Code: 395. DB::Exception: "), "{message}");
    // Held back, it never began.
    let held = server.post("/?wait_end_of_query=1", statement);
    assert_eq!((held.status, held.header("x-clickhouse-exception-code")), (500, Some("395")));
}

#[test]
fn what_a_client_has_left_is_cancelled() {
    let server = shared("selects_left");
    let running = |id: &str| server.query(&format!("SELECT count() FROM system.processes WHERE Settings['log_comment'] = '{id}'")) != "0\n";
    for (id, format) in [("left-streamed", "TSV"), ("left-whole", "JSON")] {
        let mut stream = server.connect();
        let statement = format!("SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1 FORMAT {format}");
        let path = format!("/?query_id={id}");
        write!(stream, "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{statement}", statement.len()).unwrap();
        while !running(id) {}
        drop(stream);
        while running(id) {}
        // The id is free again.
        while server.post(&path, "SELECT 1").status != 200 {}
    }
}

/// Between its pieces an answer may compute for hours.
#[test]
fn what_a_client_has_left_in_the_middle_is_cancelled() {
    let server = shared("selects_middle");
    let running = || server.query("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'left-middle'") != "0\n";
    let statement = "SELECT number FROM numbers(500000) UNION ALL SELECT sum(sipHash64(number)) FROM numbers(1000000000000000) \
                     SETTINGS max_threads = 1";
    let mut stream = server.connect();
    write!(stream, "POST /?query_id=left-middle HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{statement}", statement.len())
        .unwrap();
    // All the rows of the first part.
    stream.read_exact(&mut vec![0; 3_388_890]).unwrap();
    assert!(running());
    drop(stream);
    let until = Instant::now() + Duration::from_secs(20);
    while running() {
        assert!(Instant::now() < until, "it runs on for nobody");
    }
}
