//! Two records column by column, as people and scripts see them.

use schemas::{Schema, SchemaSource, json, wire};
use serde_json::{Map, Value};

/// A framed value as JSON, or why it can't be read.
pub(super) fn of(registry: &dyn SchemaSource, value: &[u8]) -> Result<Map<String, Value>, String> {
    let (id, body) = wire::split(value).map_err(|rejection| rejection.to_string())?;
    let schema = registry.schema_by_id(id).map_err(|error| error.to_string())?.ok_or_else(|| format!("there is no schema {id}"))?;
    let schema = Schema::parse(&schema).map_err(|error| error.to_string())?;
    object(&schema, body)
}

/// A body under a schema as JSON.
pub(super) fn object(schema: &Schema, body: &[u8]) -> Result<Map<String, Value>, String> {
    match json::to_value(schema, body) {
        Ok(Value::Object(columns)) => Ok(columns),
        Ok(other) => Err(format!("{other} is no record")),
        Err(rejection) => Err(rejection.to_string()),
    }
}

/// `position_ms is 7, must be 5; ...`: each column of `told` that `found` has otherwise, or not at all.
pub(super) fn differing(told: &Map<String, Value>, found: &Map<String, Value>) -> String {
    let differing = told.iter().filter(|(name, value)| found.get(*name) != Some(*value));
    let said = differing.map(|(name, value)| format!("{name} is {}, must be {value}", found.get(name).unwrap_or(&Value::Null)));
    said.collect::<Vec<_>>().join("; ")
}

/// The columns in which two framed values differ, or why they can't be told.
pub(super) fn differing_values(registry: &dyn SchemaSource, told: &[u8], found: &[u8]) -> String {
    match (of(registry, told), of(registry, found)) {
        (Ok(told), Ok(found)) => match differing(&told, &found) {
            said if said.is_empty() => "the same columns in other bytes".to_owned(),
            said => said,
        },
        (Err(problem), _) | (_, Err(problem)) => problem,
    }
}
