//! Clients of other languages, where PLAYHEAD_CLICKHOUSE_CLIENTS names the folder that `scripts/clickhouse-clients` has put them in.

use std::path::PathBuf;
use std::process::Command;

use crate::support::shared;

#[test]
fn clients_of_other_languages_do_as_with_a_server() {
    let Some(folder) = std::env::var_os("PLAYHEAD_CLICKHOUSE_CLIENTS").map(PathBuf::from) else { return };
    let server = shared("clients");
    let sources = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/clients"));
    let programs = [
        (folder.join("python/bin/python"), vec![sources.join("python/clients.py")]),
        (PathBuf::from("node"), vec![folder.join("node/clients.mjs")]),
        (folder.join("go/clients"), vec![]),
    ];
    for (program, arguments) in programs {
        let output = Command::new(&program).args(&arguments).env("CLICKHOUSE_URL", server.url()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(" well"), "{program:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
}
