//! What the tests over real servers share: the servers, the scene that is played on them, and what must come of it.
//!
//! The scene is the playback processor on simulated viewers' events. It is run once in memory, and every run on Kafka, whatever happens
//! during it, must write the same bytes.

mod books;
pub mod chaos;
mod outcome;
mod recompute;
mod scene;
mod stack;
mod stage;
mod toxiproxy;
mod wait;
mod watched;

pub use books::{Books, Difference, Wrong, record_hash};
pub use outcome::{Outcome, first_difference};
pub use recompute::{Input, recompute};
pub use scene::{PARTITIONS, Scene, events_in_memory, with_prefix};
pub use stack::Stack;
pub use stage::{INPUT, RunArguments, Stage, lane_options};
pub use toxiproxy::Proxy;
pub use wait::{until, within};
pub use watched::{Watch, Watched};
