//! What writes events to the raw topics: importers of viewing activity, ingest of lines, the gateway's requests, the simulator, and the
//! redrive of what was refused.
//!
//! Importers, ingest and gateway judge each row, line or event by itself: what is wrong is reported with its place, and the rest goes on.

mod closing_heartbeats;
pub mod gateway;
mod heartbeats;
mod identity;
pub mod ingest;
mod input;
mod lines;
mod own_position;
mod received_time;
pub mod redrive;
pub mod simulate;
pub mod viewing_activity;

pub use heartbeats::run_heartbeats;
pub use input::open_plain_or_gzip;
pub use lines::{LINE_BYTES, Line, Lines};
pub use received_time::{BadTime, ReceivedTime, parse_time_us};
