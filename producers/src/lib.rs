//! What writes events to the raw topics: importers of viewing activity, ingest of lines, and the simulator.
//!
//! Importers and ingest judge each row or line by itself: what is wrong is reported with its line, and the rest goes on.

mod closing_heartbeats;
mod identity;
pub mod ingest;
mod input;
mod lines;
mod received_time;
pub mod simulate;
pub mod viewing_activity;

pub use input::open_plain_or_gzip;
pub use lines::{LINE_BYTES, Line, Lines};
pub use received_time::{BadTime, ReceivedTime, parse_time_us};
