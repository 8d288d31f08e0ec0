//! The sink against a store in memory that does to it what ClickHouse may do, and its blocks read by other code.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod blocks;
mod faults;
mod input;
mod native;
mod store;
