//! Tests over real servers. Each makes topics of its own; the servers are started by the first test that needs them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod asking;
mod books;
mod connections;
mod java;
mod processes;
mod ranges;
mod rebalance;
mod refused;
mod running;
mod scene;
mod sinks;
