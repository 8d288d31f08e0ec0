//! Users, keys and what they may do.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::TestServer;

#[test]
fn users_come_in_by_their_keys_and_do_what_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.toml");
    let text =
        ["read", "write", "owner"].map(|rights| format!("[users.{rights}]\nrights = \"{rights}\"\npassword = \"key-{rights}\"\n")).concat();
    fs::write(&users, text).unwrap();
    let server = TestServer::start(&folder.path().join("data"), Some(&users));
    let as_user = |user: &str, statement: &str| {
        let headers = [format!("X-ClickHouse-User: {user}"), format!("X-ClickHouse-Key: key-{user}")];
        let reply = server.ask("POST", "/", &[&headers[0], &headers[1]], statement.as_bytes());
        (reply.status, reply.text().chars().take(10).collect::<String>().trim_end().to_owned())
    };
    let file = format!("file('{}', 'CSV', 'a UInt8')", folder.path().join("x.csv").display());
    let answer = |status: u16, text: &str| (status, text.to_owned());
    assert_eq!(as_user("write", "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a"), answer(200, ""));
    assert_eq!(as_user("write", "INSERT INTO t VALUES (1)"), answer(200, ""));
    assert_eq!(as_user("read", "SELECT a FROM t"), answer(200, "1"));
    assert_eq!(as_user("read", "INSERT INTO t VALUES (1)"), answer(500, "Code: 164."));
    assert_eq!(as_user("read", "SELECT * FROM file('x.csv')"), answer(403, "Code: 497."));
    assert_eq!(as_user("write", "SELECT 1 INTO OUTFILE '/tmp/x'"), answer(403, "Code: 497."));
    assert_eq!(as_user("owner", &format!("INSERT INTO FUNCTION {file} VALUES (3)")), answer(200, ""));
    assert_eq!(as_user("owner", &format!("SELECT * FROM {file}")), answer(200, "3"));
    assert_eq!(as_user("owner", "SYSTEM SHUTDOWN"), answer(403, "Code: 497."));

    let basic = |credentials: &str| {
        let header = format!("Authorization: Basic {}", STANDARD.encode(credentials));
        server.ask("POST", "/", &[&header], b"SELECT 1")
    };
    assert_eq!(basic("read:key-read").text(), "1\n");
    assert_eq!(basic("read:key-write").status, 403);
    assert_eq!(server.post("/?user=read&password=key-read", "SELECT 1").text(), "1\n");
    let unknown = server.post("/", "SELECT 1");
    assert_eq!((unknown.status, unknown.header("www-authenticate")), (401, Some("Basic realm=\"ClickHouse server HTTP API\"")));
    assert_eq!(server.ask("GET", "/ping", &[], b"").text(), "Ok.\n");
}

/// Where no password is asked for, a page of the world would else drop what it likes.
#[test]
fn pages_of_other_sites_are_not_let_in_without_a_password() {
    let server = crate::support::shared("pages");
    let ask = |host: &str, headers: &str| {
        let statement = "CREATE TABLE IF NOT EXISTS pages.t (a UInt8) ENGINE = Memory";
        let length = statement.len();
        let reply = server.raw(
            format!("POST / HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{statement}")
                .as_bytes(),
        );
        assert!(reply.status == 200 || reply.text().starts_with("Code: 516."), "{}", reply.text());
        reply.status
    };
    for headers in [
        "Origin: https://example.com\r\nContent-Type: text/plain\r\n",
        "Origin: http://localhost.example.com\r\n",
        "Origin: http://localhost:1@example.com\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        assert_eq!(ask("127.0.0.1", headers), 403, "{headers}");
    }
    for host in ["example.com", "example.com:8123", "127.0.0.1.example.com", "10.0.0.1", "[2001:db8::1]:8123"] {
        assert_eq!(ask(host, ""), 403, "{host}");
    }
    assert_eq!(server.query("EXISTS TABLE pages.t"), "0\n");
    for host in ["localhost", "LOCALHOST:8123", "127.0.0.1:8123", "127.9.9.9", "[::1]:8123"] {
        assert_eq!(ask(host, ""), 200, "{host}");
    }
    for headers in ["Origin: http://localhost:3000\r\n", "Origin: http://127.0.0.1\r\n", "Sec-Fetch-Site: same-origin\r\n"] {
        assert_eq!(ask("localhost", headers), 200, "{headers}");
    }
}
