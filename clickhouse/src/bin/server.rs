//! The server alone, for tests that kill it: `playhead-clickhouse-server DIR PORT [USERS]`. It says where it listens, and ends with its standard
//! input.
#![expect(clippy::print_stdout, reason = "where it listens is said on standard output")]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clickhouse_engine::{Options, Server, Users};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            writeln!(std::io::stderr(), "{problem}").ok();
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let usage = || "playhead-clickhouse-server DIR PORT [USERS]".to_owned();
    let mut options = Options::new(arguments.next().ok_or_else(usage)?.into());
    let port = arguments.next().ok_or_else(usage)?.parse().map_err(|_| usage())?;
    options.address.set_port(port);
    if let Some(users) = arguments.next() {
        options.users = Users::read(Path::new(&users)).map_err(|error| error.to_string())?;
    }
    let server = Server::start(&options).map_err(|error| error.to_string())?;
    println!("{}", server.address());
    std::io::stdin().read_to_end(&mut Vec::new()).map_err(|error| error.to_string())?;
    server.shut_down();
    Ok(())
}
