//! The crate's integration tests, one binary.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod dead_letters;
mod driver;
mod playback;
mod profile;
mod qos;
mod saving;
mod sessions;
mod topology;
mod world;
