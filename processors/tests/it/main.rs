//! The crate's integration tests, one binary.

mod driver;
mod playback;
mod profile;
mod qos;
mod sessions;
