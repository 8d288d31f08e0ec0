//! Playhead's stream processors: playback (dedup, session, QoS) and profile (resume).
//!
//! They are pure: `state + record -> outputs`, without clock, I/O or randomness (`clippy.toml` bans them here). Time comes from the record.

mod completed;
mod dead_letter;
pub mod playback;
pub mod profile;
pub mod qos;
mod rejection;
mod saved;
mod slots;

pub use completed::completed;
pub use dead_letter::DeadLetterWriter;
