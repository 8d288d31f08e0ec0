//! What an event may hold. The same limits hold at the gateway, in `ingest` and in every processor.

/// Longest session_id, bytes.
pub const SESSION_ID_BYTES: usize = 64;
/// Longest other id or dimension, bytes, so that state and rows are bounded.
pub const ID_BYTES: usize = 256;
/// 2000-01-01T00:00:00Z, microseconds since 1970. Earlier times are clocks that were never set.
pub const EARLIEST_TIME_MICROS: i64 = 946_684_800_000_000;
/// Largest media position and longest runtime, ms (48 h).
pub const POSITION_MS: i64 = 48 * 3_600_000;
/// Longest duration that a client may have measured, ms (24 h).
pub const DURATION_MS: i64 = 24 * 3_600_000;
/// Highest bitrate, bit/s (2 Gbit/s).
pub const BITRATE_BPS: i64 = 2_000_000_000;
/// Slowest playback rate but 0, which reads as unknown.
pub const RATE_MIN: f32 = 0.01;
/// Fastest playback rate.
pub const RATE_MAX: f32 = 16.0;
/// Most entries of `attributes`.
pub const ATTRIBUTES: usize = 32;
/// Most bytes of all keys and values of `attributes` together.
pub const ATTRIBUTES_BYTES: usize = 2048;
/// Largest value of a record on a raw topic, bytes, framing included.
pub const RECORD_BYTES: usize = 1_000_000;
/// How far a gateway's clock may be ahead, microseconds.
pub const CLOCK_AHEAD_MICROS: i64 = 60_000_000;
/// Of a value too large for `dead_letters`, this many bytes are kept beside its length and SHA-256.
pub const REFERENCED_VALUE_BYTES: usize = 64 * 1024;
/// Levels of nesting that a writer's schema or a JSON document may have.
pub const DEPTH: usize = 64;
