//! ClickHouse's engine in this process (libchdb, loaded at run time), behind ClickHouse's own HTTP interface.
//!
//! Whatever speaks to a ClickHouse server over HTTP speaks to this one: the sink, dashboards, `curl`. It is there for `playhead dev` and for a
//! small site: one process, one folder, no replication, no native port, no query log.
//!
//! ```no_run
//! use clickhouse_engine::{Options, Server};
//!
//! let server = Server::start(&Options::new("playhead-data/clickhouse".into()))?;
//! println!("http://{}", server.address());
//! server.shut_down();
//! # Ok::<(), clickhouse_engine::StartError>(())
//! ```
//!
//! # How a request is carried out
//!
//! Who asks is settled before the engine is, which knows one user. A thread takes a fresh connection of the engine (`USE`, `SET` with the settings
//! of the URL, then the statement), so that nothing of one request is left for the next; a session is a connection that is kept. Data of an INSERT
//! go to the engine as they come, and never as part of a statement: the engine would end them at the first empty line and run what follows. An
//! answer comes from the engine as whole documents, which are joined where their format lets them be, and else fetched whole. What a client
//! has left behind is cancelled.
//!
//! # What is repaired
//!
//! A killed engine may have written the token of an insert and not its rows; [`repair`] drops such tokens before the engine starts.

mod compression;
mod engine;
mod exception;
mod formats;
pub mod fuzz;
mod http;
mod library;
mod raw;
mod server;
mod start_error;
mod statement;
mod users;

pub use engine::repair;
pub use library::{LIBRARY_VARIABLE, LIBRARY_VERSION, library_path};
pub use server::{Options, Server};
pub use start_error::StartError;
pub use users::{Rights, User, Users, UsersError};
