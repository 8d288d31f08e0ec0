//! The crate's integration tests, one binary.

mod dead_letters;
mod driver;
mod playback;
mod profile;
mod qos;
mod sessions;
mod topology;
mod world;
