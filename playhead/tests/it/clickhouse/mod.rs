//! ClickHouse: the embedded engine behind its HTTP interface, filled from data folders.

mod audited;
mod dev;
mod engine;
mod figures;
mod kills;
mod migrations;
mod rebuilds;
mod stored;
