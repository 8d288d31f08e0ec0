//! The rules of streaming: record, processor, sink, the run loops, and the local log.
//!
//! Nothing here knows Kafka or what an event means. A [`Log`] hands out batches of records and takes outputs and input positions in one
//! atomic step; a [`Processor`] turns records into outputs, purely; a [`Sink`] writes records to a store and owns the truth about how far
//! it got. One runner serves all processors ([`run_processor`]) and one all sinks ([`run_sink`]).

mod dead_letters;
mod headers;
pub mod heartbeat;
pub mod local;
mod log;
mod log_time;
mod murmur2;
mod observer;
mod outputs;
mod processor;
mod record;
mod restore;
mod run_processor;
mod run_sink;
mod shutdown;
mod sink;
mod snapshots;
mod step;
pub mod testing;

pub use dead_letters::{DeadLetters, NoDeadLetters, Verdicts};
pub use headers::Headers;
pub use log::{Committed, Log, LogError, Polled, Position};
pub use log_time::{LogTime, LogTimeRule};
pub use murmur2::{murmur2, partition_for};
pub use observer::{Commit, Counts, Observer, Progress, Restored, SavedState, StateSize, unobserved};
pub use outputs::{OutputRecord, OutputTopic, Outputs, Spread};
pub use processor::{AHEAD, Blocked, Judgement, Moment, Outcome, Processor, Rejection, Unavailable};
pub use record::{Batch, KEY_SEPARATOR, Record, TopicId, TopicPartition};
pub use run_processor::{ProcessorRun, RunOptions, Totals, run_processor};
pub use run_sink::{SinkOptions, SinkRunError, SinkTotals, run_sink};
pub use shutdown::Shutdown;
pub use sink::{Resume, Sink, SinkError};
pub use snapshots::{
    FolderStore, Found, MemoryStore, NotAState, SavedPiece, SegmentPlace, SnapshotOptions, SnapshotStore, SnapshotWriter, UNFINISHED,
};
