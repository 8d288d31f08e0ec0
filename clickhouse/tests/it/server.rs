//! Starting, ending, and who owns the folder.

use std::net::SocketAddr;
use std::path::PathBuf;

use clickhouse_engine::{Options, Server, StartError};

use crate::support::TestServer;

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
