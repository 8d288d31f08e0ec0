//! Schema registries on Confluent's API: a client for any of them (Confluent's, Apicurio, Karapace, ours), and the API over Playhead's own.
//!
//! The client is blocking, as lanes are. It hands out schemas and ids; the bytes are the codec's, in `schemas`.

mod bodies;
mod client;
mod exchange;
mod grace;
pub mod serve;
mod settings;

pub use client::{Compatibility, RegistryClient, Version};
pub use settings::{Address, ClientSettings, Credentials, Secret, SettingsError};

/// The compatibility level of every subject of ours: what any version wrote, every other can read.
pub const FULL_TRANSITIVE: &str = "FULL_TRANSITIVE";

/// Confluent's error codes: the status and two digits, as its API reference lists them.
pub mod codes {
    /// 404: no such subject.
    pub const SUBJECT_NOT_FOUND: u32 = 40401;
    /// 404: the subject has no such version.
    pub const VERSION_NOT_FOUND: u32 = 40402;
    /// 404: no such schema.
    pub const SCHEMA_NOT_FOUND: u32 = 40403;
    /// 404: the subject has no compatibility level of its own.
    pub const NO_LEVEL_OF_ITS_OWN: u32 = 40408;
    /// 409: does not go with what the subject has.
    pub const INCOMPATIBLE_SCHEMA: u32 = 409;
    /// 422: no schema.
    pub const INVALID_SCHEMA: u32 = 42201;
    /// 422: no version.
    pub const INVALID_VERSION: u32 = 42202;
    /// 422: no compatibility level, or none that is to be had.
    pub const INVALID_COMPATIBILITY_LEVEL: u32 = 42203;
    /// 422: not done here.
    pub const OPERATION_NOT_PERMITTED: u32 = 42205;
    /// 422: no subject.
    pub const INVALID_SUBJECT: u32 = 42208;
    /// 422: too large.
    pub const SCHEMA_TOO_LARGE: u32 = 42209;
    /// 500: could not be kept.
    pub const STORE_ERROR: u32 = 50001;
}
