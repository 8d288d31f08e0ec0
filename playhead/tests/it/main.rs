//! The program as its users run it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod audit;
mod backup;
mod clickhouse;
#[path = "../../../registry/tests/it/conformance.rs"]
mod conformance;
mod dead_store;
mod dev;
mod dev_server;
mod dlq;
mod formats;
mod ingest;
mod kills;
mod mistakes;
mod observed;
mod on_kafka;
mod ownership;
mod read_only;
mod real_file;
mod rebuilt;
#[cfg(feature = "s3-tests")]
mod s3;
mod sample_session;
mod schema_registry;
mod shapes;
mod simulate;
mod support;
