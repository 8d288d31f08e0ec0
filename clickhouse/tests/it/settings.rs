//! What the URL says beside the statement.

use std::io::Write as _;

use crate::support::{encoded, read_reply, shared};

#[test]
fn settings_and_databases_are_the_request_s_own() {
    let server = shared("settings");
    server.query("CREATE TABLE settings.t (a UInt8) ENGINE = Memory");
    let setting = "SELECT getSetting('max_block_size'), currentDatabase()";
    assert_eq!(server.post("/?max_block_size=11&database=settings", setting).text(), "11\tsettings\n");
    assert_eq!(server.query(setting), "65409\tdefault\n");
    assert_eq!(
        server
            .ask("POST", "/", &["X-ClickHouse-Database: settings", "X-ClickHouse-Format: JSONEachRow"], b"SELECT count() AS n FROM t")
            .text(),
        "{\"n\":0}\n"
    );
    assert_eq!(server.post("/?default_format=JSONEachRow", "SELECT 1 AS n").text(), "{\"n\":1}\n");
    assert_eq!(server.post("/?default_format=JSONEachRow", "SELECT 1 AS n FORMAT TSV").text(), "1\n");
    assert_eq!(server.post(&format!("/?query={}", encoded("SELECT 1 +")), "1").text(), "2\n");
}

#[test]
fn parameters_come_by_the_url_or_a_form() {
    let server = shared("parameters");
    let statement = "SELECT {n:UInt8} + 1, {s:String}, {l:Array(String)}";
    let text = "it's \"quoted\" \u{fc}";
    let path = format!("/?param_n=41&param_s={}&param_l={}", encoded(text), encoded("['a','b\\'c']"));
    assert_eq!(server.post(&path, format!("{statement} FORMAT TSVRaw")).text(), format!("42\t{text}\t['a','b\\'c']\n"));
    let mut form = String::new();
    for (name, value) in [("query", statement), ("param_n", "41"), ("param_s", text), ("param_l", "[]")] {
        form.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    form.push_str("--b--\r\n");
    let reply = server.ask("POST", "/?default_format=TSVRaw", &["Content-Type: multipart/form-data; boundary=b"], form.as_bytes());
    assert_eq!(reply.text(), format!("42\t{text}\t[]\n"));
}

#[test]
fn a_session_keeps_what_its_statements_set_and_nothing_else() {
    let server = shared("sessions");
    let ask = |more: &str, statement: &str| server.post(&format!("/?session_id=sessions{more}"), statement).text();
    assert_eq!(ask("", "SET max_block_size = 22"), "");
    assert_eq!(ask("&database=sessions", "CREATE TEMPORARY TABLE mine (a UInt8)"), "");
    assert_eq!(ask("", "INSERT INTO mine VALUES (7)"), "");
    let all = "SELECT a, getSetting('max_block_size'), getSetting('max_threads') = 3, currentDatabase() FROM mine";
    assert_eq!(ask("&max_block_size=33&max_threads=3&database=sessions", all), "7\t33\t1\tsessions\n");
    assert_eq!(ask("&session_check=1", all), "7\t22\t0\tdefault\n");
    // A mistake does not end it, nor does a GET make it one that may only read.
    assert!(ask("", "SELECT nosuch").starts_with("Code: 47."));
    assert_eq!(server.ask("GET", &format!("/?session_id=sessions&query={}", encoded("SELECT a FROM mine")), &[], b"").text(), "7\n");
    assert_eq!(ask("", "INSERT INTO mine VALUES (8)"), "");
    assert_eq!(ask("&database=default", "USE sessions"), "");
    assert_eq!(ask("&close_session=1", "SELECT count(), currentDatabase() FROM mine"), "2\tsessions\n");
    assert!(ask("&session_check=1", "SELECT 1").starts_with("Code: 372."));
}

#[test]
fn a_session_is_for_one_request_at_a_time() {
    let server = shared("sessions_locked");
    let mut stream = server.connect();
    let statement = "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1 FORMAT JSON";
    let path = "/?session_id=locked&query_id=locked";
    write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{statement}", statement.len())
        .unwrap();
    while server.query("SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'locked'") == "0\n" {}
    assert!(server.post("/?session_id=locked", "SELECT 1").text().starts_with("Code: 373."));
    assert!(server.post("/?query_id=locked", "SELECT 1").text().starts_with("Code: 216."));
    server.query("KILL QUERY WHERE Settings['log_comment'] = 'locked' SYNC");
    let reply = read_reply(&mut stream);
    assert_eq!((reply.status, reply.header("x-clickhouse-exception-code")), (500, Some("394")));
    assert_eq!(server.post("/?session_id=locked", "SELECT 1").text(), "1\n");
}
