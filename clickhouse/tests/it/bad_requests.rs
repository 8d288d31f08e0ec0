//! Requests that are wrong, and what ClickHouse answers to each: status, code of the exception, and how its message begins.

use std::io::Write as _;

use crate::support::{Reply, TestServer, encoded, read_reply, shared};

/// What is asked, and what must come of it. A code of 0: no exception.
struct Case {
    what: &'static str,
    reply: Box<dyn Fn(&TestServer) -> Reply>,
    status: u16,
    code: u32,
    says: &'static str,
}

fn case(what: &'static str, status: u16, code: u32, says: &'static str, reply: impl Fn(&TestServer) -> Reply + 'static) -> Case {
    Case { what, reply: Box::new(reply), status, code, says }
}

/// A statement that is wrong.
fn statement(text: &'static str, status: u16, code: u32, says: &'static str) -> Case {
    case(text, status, code, says, move |server| server.post("/?database=bad", text))
}

/// A URL that is wrong, with a statement that is not.
fn url(path: &'static str, status: u16, code: u32, says: &'static str) -> Case {
    case(path, status, code, says, move |server| server.post(path, "SELECT 1"))
}

/// Data that are wrong.
fn data(format: &'static str, data: &'static [u8], status: u16, code: u32, says: &'static str) -> Case {
    case(format, status, code, says, move |server| {
        server.post(&format!("/?database=bad&query={}", encoded(&format!("INSERT INTO t FORMAT {format}"))), data)
    })
}

/// Headers that are wrong.
fn headers(all: &'static [&'static str], status: u16, code: u32, says: &'static str) -> Case {
    case(all[0], status, code, says, move |server| server.ask("POST", "/?query=INSERT+INTO+bad.t+FORMAT+CSV", all, b"1,2\n"))
}

fn get(text: &'static str, status: u16, code: u32, says: &'static str) -> Case {
    case(text, status, code, says, move |server| server.ask("GET", &format!("/?database=bad&query={}", encoded(text)), &[], b""))
}

fn statements() -> Vec<Case> {
    vec![
        statement("", 400, 62, "Syntax error: Empty query"),
        statement(" -- nothing\n;", 400, 62, "Syntax error: Empty query"),
        statement("SELEC 1", 400, 62, "Syntax error: failed at position 1"),
        statement("SELECT 'a", 400, 62, "Single quoted string is not closed: Syntax error"),
        statement("SELECT (1", 400, 62, "Syntax error: failed at position 8 (()"),
        statement("SELECT 1; SELECT 2", 400, 62, "Syntax error (Multi-statements are not allowed): failed at position 9"),
        statement("INSERT INTO t FORMAT CSV; 1,2", 400, 62, "You have excessive ';' symbol before data for INSERT"),
        statement("SELECT nosuch", 404, 47, "Unknown expression identifier `nosuch`"),
        statement("SELECT nosuch()", 404, 46, "Function with name `nosuch` does not exist"),
        statement("SELECT * FROM nosuch", 404, 60, "Unknown table expression identifier 'nosuch'"),
        statement("SELECT * FROM nosuch.t", 404, 81, "Database nosuch does not exist"),
        statement("SELECT CAST(1 AS Nosuch)", 404, 50, "Unknown data type family: Nosuch"),
        statement("SELECT 1 FORMAT Nosuch", 404, 73, "Unknown format Nosuch"),
        statement("SELECT 1 SETTINGS nosuch = 1", 404, 115, "Unknown setting 'nosuch'"),
        statement("SELECT toUInt8('x')", 400, 6, "Cannot parse string 'x' as UInt8"),
        statement("SELECT throwIf(1)", 500, 395, "Value passed to 'throwIf' function is non-zero"),
        statement("SELECT 1 + 'a'", 500, 43, "Illegal types"),
        statement("SELECT toDate('x')", 400, 38, "Cannot parse"),
        statement("SELECT {a:UInt8}", 500, 456, "Substitution `a` is not set"),
        statement("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", 500, 57, "Table bad.t already exists"),
        statement("CREATE TABLE u (a UInt8) ENGINE = Nosuch", 403, 497, "default: Not enough privileges"),
        statement("DROP TABLE nosuch", 404, 60, "Table bad.nosuch does not exist"),
        statement("INSERT INTO nosuch VALUES (1)", 404, 60, "Table bad.nosuch does not exist"),
        statement("INSERT INTO t (nosuch) VALUES (1)", 500, 16, "No such column nosuch"),
        statement(
            "SELECT sleepEachRow(0.5) FROM numbers(100) SETTINGS max_block_size = 1, max_execution_time = 1",
            408,
            159,
            "Timeout exceeded",
        ),
        statement("SELECT * FROM file('/etc/passwd', 'LineAsString')", 403, 497, "default: Not enough privileges"),
        statement("SELECT file('/etc/passwd')", 403, 497, "default: Not enough privileges"),
        statement("SELECT 1 INTO OUTFILE '/tmp/x'", 403, 497, "default: Not enough privileges"),
        statement("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 403, 497, "default: Not enough privileges"),
        statement("SYSTEM SHUTDOWN", 403, 497, "default: Not enough privileges"),
        case("an answer that is too large to be held", 500, 396, "Limit for result exceeded", |server| {
            server.post("/?max_result_bytes=1000", "SELECT * FROM numbers(100000) FORMAT JSON")
        }),
        case("the name of a database that is none", 404, 81, "Database `x\\`; DROP DATABASE bad` does not exist", |server| {
            server.post("/?database=x%60%3B%20DROP%20DATABASE%20bad", "SELECT 1")
        }),
        case("the value of a setting that would be SQL", 400, 27, "Cannot parse input", |server| {
            server.post("/?max_threads=1'%2C%20readonly%20%3D%200%3B%20DROP%20DATABASE%20bad", "SELECT 1")
        }),
        statement("CREATE USER u", 500, 514, "Could not insert user"),
    ]
}

fn urls() -> Vec<Case> {
    vec![
        get(
            "INSERT INTO t VALUES (1, 2)",
            500,
            164,
            "default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly",
        ),
        get("DROP TABLE t", 500, 164, "default: Cannot execute query in readonly mode"),
        get("SET readonly = 0", 500, 164, "Cannot modify 'readonly' setting in readonly mode"),
        case("GET with readonly = 00", 500, 164, "Cannot modify 'readonly' setting in readonly mode", |server| {
            server.ask("GET", "/?readonly=00&query=SELECT+1", &[], b"")
        }),
        url("/?nosuch=1", 404, 115, "Unknown setting 'nosuch'"),
        url("/?a+b=1", 404, 115, "Unknown setting 'a b'"),
        url("/?max_threads=x", 400, 27, "Cannot parse input"),
        url("/?database=nosuch", 404, 81, "Database nosuch does not exist"),
        url("/?default_format=Nosuch", 404, 73, "Unknown format Nosuch"),
        url("/?compress=x", 400, 27, "Cannot parse input"),
        url("/?session_id=bad&session_timeout=x", 500, 374, "Invalid session timeout: 'x'"),
        url("/?session_id=bad&session_timeout=4000", 500, 374, "Session timeout '4000' is larger than max_session_timeout: 3600"),
        url("/?session_id=bad-nosuch&session_check=1", 500, 372, "Session bad-nosuch not found"),
        url(
            "/?user=nobody&password=x",
            403,
            516,
            "nobody: Authentication failed: password is incorrect, or there is no user with such name",
        ),
        url("/?user=nobody", 401, 194, "nobody: Authentication failed"),
        url("/?user=", 403, 516, "Got an empty user name"),
    ]
}

fn bodies() -> Vec<Case> {
    let block = |what, code, says, bytes: Vec<u8>| {
        case(what, 500, code, says, move |server| server.post("/?decompress=1&query=INSERT+INTO+bad.t+FORMAT+CSV", &bytes))
    };
    let header = |method: u8, compressed: u32, size: u32| {
        let mut bytes = vec![0; 16];
        bytes.push(method);
        bytes.extend(compressed.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes
    };
    vec![
        headers(
            &["X-ClickHouse-User: default", "Authorization: Basic ZGVmYXVsdDo="],
            403,
            516,
            "Invalid authentication: it is not allowed to use X-ClickHouse HTTP headers and Authorization",
        ),
        headers(&["Authorization: Digest x"], 403, 516, "Invalid authentication: 'Digest' HTTP Authorization scheme is not supported"),
        headers(&["Authorization: Basic ???"], 403, 516, "Invalid authentication"),
        headers(&["Content-Encoding: nosuch"], 501, 48, "Unknown compression method 'nosuch'"),
        headers(&["Content-Encoding: gzip"], 500, 271, "Cannot decompress the body"),
        headers(&["Content-Encoding: zstd"], 500, 271, "Cannot decompress the body"),
        headers(&["Content-Type: multipart/form-data; boundary=x"], 500, 33, "Cannot read all data"),
        block("a block that is cut off", 33, "Cannot read all data", b"xxx".to_vec()),
        block("a block that promises more than it has", 33, "Cannot read all data", header(0x82, 1000, 1000)),
        block("a block with another checksum", 40, "Checksum doesn't match", [header(0x82, 12, 3), b"abc".to_vec()].concat()),
        block("a block that would be too large", 39, "Too large size_compressed_without_checksum", header(0x82, u32::MAX, 1)),
        block("a block that would become too large", 39, "Too large", header(0x82, 100, u32::MAX)),
        block("a block smaller than its header", 271, "Can't decompress data", header(0x82, 3, 1)),
        data("JSONEachRow", b"{\"a\": 1", 500, 33, "Unexpected end of stream while parsing JSONEachRow format"),
        data("CSV", b"1,2\nx,y\n", 400, 27, "Cannot parse input"),
        data("RowBinary", b"\x01", 500, 33, "Cannot read all data"),
        data("Native", b"\x01\x01\x01a\x06Nosuch", 404, 50, "Unknown data type family: Nosuch"),
        data("Nosuch", b"", 404, 73, "Unknown format Nosuch"),
        data("Values", b"(1, nosuch)", 404, 47, "Unknown expression identifier `nosuch`"),
    ]
}

fn requests() -> Vec<Case> {
    vec![
        case("a path that is none", 404, 0, "There is no handle /nosuch", |server| server.ask("GET", "/nosuch", &[], b"")),
        case("a method that is none", 404, 0, "There is no handle /", |server| server.ask("DELETE", "/?query=SELECT+1", &[], b"")),
        case("a PUT", 404, 0, "There is no handle /", |server| server.ask("PUT", "/", &[], b"SELECT 1")),
        case(
            "a POST without length",
            411,
            381,
            "The Transfer-Encoding is not chunked and there is no Content-Length header for POST request",
            |server| server.raw(b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        ),
        case("a form with a file", 501, 48, "External tables are not supported", |server| {
            let body = b"--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n1\r\n--b--\r\n";
            server.ask("POST", "/?query=SELECT+1", &["Content-Type: multipart/form-data; boundary=b"], body)
        }),
        case("a statement beyond max_query_size", 400, 62, "Syntax error: Max query size exceeded", |server| {
            server.post("/", format!("SELECT '{}'", "x".repeat(400_000)))
        }),
        case("a statement that nests too deep", 500, 306, "Maximum parse depth", |server| {
            server.post("/", format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000)))
        }),
    ]
}

#[test]
fn each_is_answered_as_by_clickhouse() {
    let server = shared("bad");
    server.query("CREATE TABLE bad.t (a UInt8, b UInt8) ENGINE = MergeTree ORDER BY a");
    let mut wrong = Vec::new();
    let cases: Vec<Case> = [statements(), urls(), bodies(), requests()].into_iter().flatten().collect();
    assert!(cases.len() >= 40);
    for case in &cases {
        let reply = (case.reply)(server);
        let code = reply.header("x-clickhouse-exception-code").map_or(0, |code| code.parse().unwrap());
        let text = reply.text();
        let begins = if case.code == 0 { case.says.to_owned() } else { format!("Code: {}. DB::Exception: {}", case.code, case.says) };
        let ends = case.code == 0 || (text.ends_with("(embedded))\n") && text.contains(" (version "));
        if (reply.status, code) != (case.status, case.code) || !text.starts_with(&begins) || !ends {
            let said: String = text.chars().take(150).collect();
            wrong.push(format!("{}: {} {} {said:?}", case.what, reply.status, code));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {} cases", wrong.join("\n"), wrong.len(), cases.len());
    // And it goes on, with what was there.
    assert_eq!(server.query("SELECT count() FROM bad.t"), "0\n");
}

#[test]
fn what_is_no_http_hurts_nobody() {
    let server = shared("bad_http");
    for bytes in [
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut answer).ok();
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 505"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    // A head that is too large.
    let mut stream = server.connect();
    stream.write_all(b"GET /?query=SELECT+1 HTTP/1.1\r\n").unwrap();
    let line = format!("X: {}\r\n", "x".repeat(100_000));
    for _ in 0..20 {
        // It may be closed before all is sent.
        stream.write_all(line.as_bytes()).ok();
    }
    stream.write_all(b"\r\n").ok();
    let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_reply(&mut stream).status)).unwrap_or(431);
    assert_eq!(status, 431);
    // A URL that names everything.
    let reply = server.ask("GET", &format!("/?query=SELECT+1&{}", "max_threads=1&".repeat(4000)), &[], b"");
    assert_eq!(reply.status, 200);
    assert_eq!(server.query("SELECT 1"), "1\n");
}
