//! What the tests over real servers share: the servers, the scene that is played on them, and what must come of it.
//!
//! The scene is the playback processor on simulated viewers' events. It is run once in memory, and every run on Kafka, whatever happens
//! during it, must write the same bytes.

mod outcome;
mod scene;
mod stack;
mod stage;
mod wait;

pub use outcome::{Outcome, first_difference};
pub use scene::{PARTITIONS, Scene};
pub use stack::Stack;
pub use stage::{INPUT, RunArguments, Stage, lane_options};
pub use wait::{until, within};
