//! What requests and answers hold, as Confluent's API has it. Client and server share it; what is not named here is passed over.

use serde::{Deserialize, Serialize};

/// The content type that requests and answers name.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// A schema to be registered, looked up or checked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaRequest {
    pub(crate) schema: String,
    /// None: AVRO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) references: Option<Vec<serde_json::Value>>,
    /// Asked for by whoever moves schemas from one registry to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
}

impl SchemaRequest {
    pub(crate) fn new(schema: &str) -> Self {
        Self { schema: schema.to_owned(), schema_type: None, references: None, id: None }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IdAnswer {
    pub(crate) id: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SchemaAnswer {
    pub(crate) schema: String,
}

/// One version of a subject.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct VersionAnswer {
    pub(crate) subject: String,
    pub(crate) version: u32,
    pub(crate) id: u32,
    pub(crate) schema: String,
}

/// Where a schema is registered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlaceAnswer {
    pub(crate) subject: String,
    pub(crate) version: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CompatibilityAnswer {
    pub(crate) is_compatible: bool,
    /// Confluent's, where asked to be verbose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<Vec<String>>,
    /// Apicurio's.
    #[serde(default, skip_serializing)]
    pub(crate) reason: Option<String>,
}

/// The level as it is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LevelAnswer {
    pub(crate) compatibility_level: String,
}

/// The level as it is set, and as that is confirmed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LevelRequest {
    pub(crate) compatibility: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorAnswer {
    pub(crate) error_code: u32,
    #[serde(default)]
    pub(crate) message: String,
}
