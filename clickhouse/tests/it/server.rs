//! Starting, ending, and who owns the folder.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clickhouse_engine::{Options, Server, StartError};

use crate::support::{TestServer, encoded};

#[test]
fn one_process_owns_a_folder_and_leaves_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path(), None);
    server.query("CREATE TABLE default.t (a UInt8) ENGINE = MergeTree ORDER BY a");
    server.query("INSERT INTO t VALUES (1), (2)");
    let problem = TestServer::try_start(folder.path(), None).err().unwrap();
    assert!(problem.contains("is in use by process ") && problem.contains("end it first"), "{problem}");
    server.end();
    let server = TestServer::start(folder.path(), None);
    assert_eq!(server.query("SELECT sum(a) FROM t"), "3\n");
}

#[test]
fn who_finds_the_folder_in_use_changes_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, users) = (folder.path().join("data"), folder.path().join("users.toml"));
    std::fs::write(&users, "[users.o]\nrights = \"owner\"\npassword = \"p\"\n").unwrap();
    let _server = TestServer::start(&data, None);
    let files = || ["users.xml", "config.xml"].map(|name| std::fs::read_to_string(data.join(name)).unwrap());
    let before = files();
    assert!(before[0].contains("REVOKE SOURCES"), "{}", before[0]);
    assert!(TestServer::try_start(&data, Some(&users)).err().unwrap().contains("is in use by"));
    assert_eq!(files(), before);
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path().to_owned());
    options.library = Some(PathBuf::from("/nowhere/libchdb.so"));
    let problem = Server::start(&options).err().unwrap();
    assert!(matches!(problem, StartError::LibraryMissing { .. }));
    assert!(problem.to_string().contains("/nowhere/libchdb.so") && problem.to_string().contains("make setup"), "{problem}");
    options.address = SocketAddr::from(([0, 0, 0, 0], 0));
    assert!(matches!(Server::start(&options), Err(StartError::OpenToAll { .. })));
}

/// Clients that ask for much and read nothing: one permit each.
fn idle_clients(server: &TestServer, count: usize) -> Vec<TcpStream> {
    let statement = "SELECT number FROM numbers(1000000000) FORMAT RowBinary";
    let clients = (0..count).map(|_| {
        let mut stream = server.connect();
        write!(stream, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{statement}", statement.len()).unwrap();
        // It has its answer under way.
        stream.read_exact(&mut [0; 12]).unwrap();
        stream
    });
    clients.collect()
}

#[test]
fn clients_that_do_not_read_keep_out_neither_inserts_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path(), None);
    server.query("CREATE TABLE default.t (a UInt8) ENGINE = MergeTree ORDER BY a");
    let clients = idle_clients(&server, 32);
    let started = Instant::now();
    let insert = server.post(&format!("/?query={}", encoded("INSERT INTO t FORMAT CSV")), "1\n");
    assert_eq!((insert.status, insert.text().as_str()), (200, ""));
    assert!(started.elapsed() < Duration::from_secs(5), "an insert waits for nobody's query: {:?}", started.elapsed());
    assert!(server.post("/", "SELECT 1").text().starts_with("Code: 202."), "there is no other permit");
    server.end_within(Duration::from_secs(20));
    drop(clients);
}
