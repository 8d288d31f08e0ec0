//! Doubles beside the traits: a log in memory, one that fails or "crashes" at any call, the same for sinks, and a small seeded generator.
//!
//! Nothing here waits, starts a thread or reads a clock, so whole topologies run in a test with manual time and one seed.

mod fault_log;
mod fault_sink;
mod memory_lane;
mod memory_log;
mod memory_sink;
mod seeded;

pub use fault_log::{Call, Fault, FaultKind, FaultLog};
pub use fault_sink::{FaultSink, SinkCall, SinkFault, SinkFaultKind};
pub use memory_lane::{MemoryLane, Rebalance};
pub use memory_log::{MemoryLog, StoredRecord};
pub use memory_sink::{MemorySink, MemoryStore, PositionOwner, SinkRow};
pub use seeded::Seeded;
