//! `playback_events.clean`: the input's body, copied behind a few bytes of what the processor found out. Nothing is encoded again, so
//! fields that only the writer knows are carried on.

use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::schema::{Schema, SchemaError};
use crate::{CleanPlaybackEvent, CleanPrefix, PlaybackEvent, Record};

/// Why a clean schema can't be made from a raw one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CleanSchemaError {
    /// The raw schema, or what came of it, is not Avro.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The raw schema is that of another record.
    #[error("the raw schema is that of {0:?}, not of PlaybackEvent")]
    WrongRecord(String),
    /// The raw schema has a field that the prefix has too.
    #[error("the raw schema has a field {0:?}, which the prefix has too")]
    TakenField(String),
}

/// The hash of an event's raw Avro body (without the five bytes of framing), by which the tiers' books are compared: xxh3-64, no seed.
#[inline]
#[must_use]
pub fn content_hash(body: &[u8]) -> u64 {
    xxh3_64(body)
}

/// Appends the Avro body of a clean event: the prefix, then the raw body as it is. Its schema is [`schema_for`] of the raw one.
#[inline]
pub fn write(prefix: &CleanPrefix, raw_body: &[u8], out: &mut Vec<u8>) {
    // Two wide integers, a flag, an id and two more integers, at their longest.
    out.reserve(10 + 1 + 10 + 16 + 5 + 10 + raw_body.len());
    prefix.write(out);
    out.extend_from_slice(raw_body);
}

/// The clean schema of a raw writer's: the prefix's fields in front, everything else kept, under the name CleanPlaybackEvent.
///
/// # Errors
/// Where the raw schema is none of a PlaybackEvent, or clashes with the prefix: the lane pauses, no record is to blame.
pub fn schema_for(raw_writer_schema: &str) -> Result<String, CleanSchemaError> {
    let raw = Schema::parse(raw_writer_schema)?;
    if raw.name() != PlaybackEvent::NAME {
        return Err(CleanSchemaError::WrongRecord(raw.name().to_owned()));
    }
    if let Some(taken) = raw.field_names().find(|name| CleanPrefix::FIELDS.contains(name)) {
        return Err(CleanSchemaError::TakenField(taken.to_owned()));
    }
    let mut clean = object(raw_writer_schema)?;
    // A name with dots is a full one and keeps its namespace.
    let name = clean.get("name").and_then(Value::as_str).unwrap_or_default();
    let name = name
        .rsplit_once('.')
        .map_or_else(|| CleanPlaybackEvent::NAME.to_owned(), |(space, _)| format!("{space}.{}", CleanPlaybackEvent::NAME));
    let ours = object(CleanPlaybackEvent::SCHEMA)?;
    clean.insert("name".to_owned(), Value::String(name));
    if let Some(doc) = ours.get("doc") {
        clean.insert("doc".to_owned(), doc.clone());
    }
    let prefix = ours.get("fields").and_then(Value::as_array).into_iter().flatten().take(CleanPrefix::FIELDS.len()).cloned();
    if let Some(Value::Array(fields)) = clean.get_mut("fields") {
        fields.splice(0..0, prefix);
    }
    let clean = Value::Object(clean).to_string();
    // A type that the raw schema defines under a name of the prefix, or a reference to the record's old name, comes out here.
    Schema::parse(&clean)?;
    Ok(clean)
}

fn object(schema: &str) -> Result<Map<String, Value>, SchemaError> {
    serde_json::from_str(schema).map_err(|error| SchemaError::Invalid(error.to_string()))
}
