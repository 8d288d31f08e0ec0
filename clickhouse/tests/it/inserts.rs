//! Data in every way in which clients send them.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{TestServer, encoded, read_reply, shared};

/// What an engine must not run, and must not stop at.
const NASTY: &str = "a\n\n\n; DROP DATABASE inserts;\nSELECT 1 -- 'x\\";

fn rows(server: &TestServer, database: &str) -> String {
    server.query(&format!("SELECT id, base64Encode(text) FROM {database}.t ORDER BY id FORMAT TSV"))
}

fn table(database: &str) -> &'static TestServer {
    let server = shared(database);
    server.query(&format!("CREATE TABLE {database}.t (id UInt64, text String) ENGINE = MergeTree ORDER BY id"));
    server
}

fn expected(ids: std::ops::RangeInclusive<u64>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(NASTY);
    ids.fold(String::new(), |mut rows, id| {
        writeln!(rows, "{id}\t{text}").unwrap();
        rows
    })
}

/// A row of the native format, of RowBinary, and so on.
fn native() -> Vec<u8> {
    let mut block = b"\x02\x01\x02id\x06UInt64\x01\0\0\0\0\0\0\0\x04text\x06String".to_vec();
    block.push(NASTY.len() as u8);
    block.extend_from_slice(NASTY.as_bytes());
    block
}

fn row_binary() -> Vec<u8> {
    let mut row = 2_u64.to_le_bytes().to_vec();
    row.push(NASTY.len() as u8);
    row.extend_from_slice(NASTY.as_bytes());
    row
}

#[test]
fn data_of_every_format_arrive_as_they_are() {
    let server = table("inserts");
    let json = serde_json::json!({ "id": 3, "text": NASTY }).to_string();
    let escaped = NASTY.replace('\\', "\\\\").replace('\n', "\\n");
    let sources: [(&str, Vec<u8>); 6] = [
        ("Native", native()),
        ("RowBinary", row_binary()),
        ("JSONEachRow", format!("{json}\n\n\n").into_bytes()),
        ("CSV", format!("4,\"{NASTY}\"\n").into_bytes()),
        ("TSV", format!("5\t{escaped}\n").into_bytes()),
        ("Values", format!("(6, '{}')", NASTY.replace('\\', "\\\\").replace('\'', "\\'")).into_bytes()),
    ];
    for (format, data) in sources {
        let statement = format!("INSERT INTO inserts.t (id, text) FORMAT {format}");
        // In two ways: with the statement in the URL, and before the data; the second copy has no place.
        let reply = server.post(&format!("/?query={}", encoded(&statement)), &data);
        assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{format}");
        assert!(reply.header("x-clickhouse-summary").unwrap().contains("\"written_rows\":\"1\""), "{format}: {reply:?}");
        let mut both = format!("{statement}\n").into_bytes();
        both.extend_from_slice(&data);
        assert_eq!(server.post("/?async_insert=0", &both).status, 200, "{format}");
    }
    assert_eq!(server.query("SELECT count(), min(n), max(n) FROM (SELECT count() AS n FROM inserts.t GROUP BY id)"), "6\t2\t2\n");
    server.query("OPTIMIZE TABLE inserts.t FINAL DEDUPLICATE");
    assert_eq!(rows(server, "inserts"), expected(1..=6));
}

#[test]
fn data_come_in_pieces_of_any_size() {
    let server = table("inserts_pieces");
    let data: String = (1..=20_000).fold(String::new(), |mut data, id| {
        writeln!(data, "{id},\"{NASTY}\"").unwrap();
        data
    });
    for sizes in [[1, 2, 3], [7, 65_536, 1]] {
        let mut stream = server.connect();
        let path = format!("/?query={}", encoded("INSERT INTO inserts_pieces.t FORMAT CSV"));
        write!(stream, "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let mut rest = &data.as_bytes()[..if sizes[1] == 2 { data.find("\n300,").unwrap() + 1 } else { data.len() }];
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            write!(stream, "{:x}\r\n", piece.len()).unwrap();
            stream.write_all(piece).unwrap();
            stream.write_all(b"\r\n").unwrap();
            rest = after;
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        assert_eq!(read_reply(&mut stream).status, 200);
    }
    assert_eq!(
        server.query("SELECT count(), uniqExact(text), sum(id) FROM inserts_pieces.t"),
        format!("{}\t1\t{}\n", 20_299, 20_000 * 20_001 / 2 + 299 * 300 / 2)
    );
}

#[test]
fn compressed_data_are_unpacked() {
    let server = table("inserts_packed");
    let path = format!("/?query={}", encoded("INSERT INTO inserts_packed.t FORMAT RowBinary"));
    let gzip = |data: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = |data: &[u8]| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let row = row_binary();
    let sources = [("gzip", gzip(&row)), ("zstd", zstd::bulk::compress(&row, 1).unwrap()), ("lz4", lz4(&row)), ("identity", row.clone())];
    for (encoding, data) in &sources {
        let header = format!("Content-Encoding: {encoding}");
        assert_eq!(server.ask("POST", &path, &[&header], data).status, 200, "{encoding}");
    }
    // ClickHouse's blocks: as the engine's own answers come in them, they must be readable again.
    let select = encoded("SELECT id + 0 AS id, text FROM inserts_packed.t FORMAT RowBinary");
    let blocks = server.ask("POST", &format!("/?compress=1&query={select}"), &[], b"");
    assert_ne!(blocks.body, row.repeat(4));
    assert_eq!(server.post(&format!("{path}&decompress=1"), &blocks.body).status, 200);
    assert_eq!(server.query("SELECT count(), uniqExact(id, text) FROM inserts_packed.t"), "8\t1\n");
}

#[test]
fn an_insert_whose_client_has_gone_leaves_nothing() {
    let server = table("inserts_gone");
    let mut stream = server.connect();
    let path = format!("/?query_id=inserts_gone&query={}", encoded("INSERT INTO inserts_gone.t FORMAT RowBinary"));
    write!(stream, "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    stream.write_all(&row_binary()).unwrap();
    while server.query("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'inserts_gone'") == "0\n" {}
    drop(stream);
    while server.query("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'inserts_gone'") != "0\n" {}
    assert_eq!(rows(server, "inserts_gone"), "");
}

#[test]
fn a_token_is_inserted_once() {
    let server = shared("inserts_token");
    server.query(
        "CREATE TABLE inserts_token.t (id UInt64, text String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100",
    );
    let path =
        |token: &str| format!("/?insert_deduplication_token={token}&query={}", encoded("INSERT INTO inserts_token.t FORMAT RowBinary"));
    for token in ["a", "a", "b", "a"] {
        assert_eq!(server.post(&path(token), row_binary()).status, 200);
    }
    assert_eq!(server.query("SELECT count() FROM inserts_token.t"), "2\n");
}

#[test]
fn data_for_input_are_no_part_of_the_statement() {
    let server = table("inserts_input");
    let statement = "INSERT INTO inserts_input.t SELECT id, text FROM input('id UInt64, text String') FORMAT TSV";
    for reply in [
        server.post(&format!("/?query={}", encoded(statement)), "1\ta\n"),
        server.post("/", format!("{statement}\n1\ta\n{}", "2\tb\n".repeat(100_000))),
        server.post("/", format!("WITH 1 AS x {statement}\n1\ta\n")),
    ] {
        assert_eq!((reply.status, reply.header("x-clickhouse-exception-code")), (501, Some("48")), "{}", reply.text());
    }
    assert_eq!(rows(server, "inserts_input"), "");
}
