//! Tests over real servers. Each makes topics of its own; the servers are started by the first test that needs them.

mod connections;
mod processes;
mod ranges;
mod rebalance;
mod running;
mod scene;
mod sinks;
