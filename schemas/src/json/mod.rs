//! Records as JSON, driven by the writer's schema: any version of any record can be shown and taken in.
//!
//! Field names as in the schema. Times go out as RFC 3339 in UTC with microseconds and come in as that or as integer microseconds since
//! 1970. Enums: their symbols. Ids of 16 bytes: UUID text. Bytes: base64.

mod from_json;
mod time;
mod to_json;

pub use from_json::{FieldError, to_body};
pub use to_json::{to_value, to_value_so_far};
