//! Why a server did not start, and what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What keeps a server from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// libchdb is not where it is looked for.
    #[error(
        "ClickHouse's engine is missing: there is no {path}. `make setup` brings it; PLAYHEAD_CHDB or clickhouse.library names another place"
    )]
    LibraryMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is there, and can't be loaded.
    #[error("ClickHouse's engine can't be loaded from {path}: {problem}. `make setup` brings the version that is wanted")]
    LibraryUnusable {
        /// Where it lies.
        path: PathBuf,
        /// What the loader says.
        problem: String,
    },
    /// Another process works in the folder.
    #[error("{folder} is in use by {}: end it first, or name another folder", shown(*.process))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Its process, as far as the lock says.
        process: Option<u32>,
    },
    /// An engine runs in this process, or has run: its library starts one once.
    #[error("this process has started ClickHouse's engine before: it starts once a process")]
    OncePerProcess,
    /// The folder can't be used.
    #[error("{folder}: {problem}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The engine did not start. It gives no reason.
    #[error(
        "ClickHouse's engine does not start in {folder}, and gives no reason: is the disk full, or was the folder written by a newer version?"
    )]
    Refused {
        /// The folder.
        folder: PathBuf,
    },
    /// The engine started and does not answer.
    #[error("ClickHouse's engine in {folder} does not answer: {problem}")]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What it says.
        problem: String,
    },
    /// The address can't be had.
    #[error("cannot listen on {address}: {problem}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        problem: std::io::Error,
    },
    /// An address that others reach, and nobody who is asked for a password.
    #[error("{address} can be reached from elsewhere: name users with passwords first (--users), or listen on 127.0.0.1")]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// The server's threads can't be started.
    #[error("cannot start the server's threads: {0}")]
    Threads(std::io::Error),
}

fn shown(process: Option<u32>) -> String {
    process.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"))
}
