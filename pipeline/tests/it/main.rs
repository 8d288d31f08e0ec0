//! Tests of the run loops over the log in memory and the local log, with every fault at every call.

#![expect(clippy::unwrap_used, reason = "helpers of tests may, as tests do")]

mod batching;
mod blocked;
mod counter;
mod doubles;
mod faults;
mod gaps;
mod heartbeats;
mod local_faults;
mod local_in_use;
mod local_log;
mod log_time;
mod murmur2;
mod observed;
mod rebalance;
mod restore;
mod scene;
mod segments;
mod settling;
mod sinks;
mod snapshots;
mod timers;
