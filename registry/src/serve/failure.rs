//! What is answered to a request that is not carried out: `{"error_code": 40401, "message": ...}`.

use schemas::registry::RegistryError;

use super::{Answer, NotKept};
use crate::bodies::ErrorAnswer;
use crate::codes;

#[derive(Debug)]
pub(super) struct Failure {
    status: u16,
    code: u32,
    message: String,
}

impl Failure {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn no_subject(subject: &str) -> Self {
        Self::new(404, codes::SUBJECT_NOT_FOUND, format!("Subject '{subject}' not found."))
    }

    pub(super) fn no_version(version: &str) -> Self {
        Self::new(404, codes::VERSION_NOT_FOUND, format!("Version {version} not found."))
    }

    pub(super) fn no_schema(id: &str) -> Self {
        Self::new(404, codes::SCHEMA_NOT_FOUND, format!("Schema {id} not found"))
    }

    pub(super) fn invalid_schema(message: impl Into<String>) -> Self {
        Self::new(422, codes::INVALID_SCHEMA, message)
    }
}

impl From<NotKept> for Failure {
    fn from(not_kept: NotKept) -> Self {
        match not_kept {
            NotKept::Refused(RegistryError::Schema(error)) => Self::invalid_schema(error.to_string()),
            NotKept::Refused(incompatible @ RegistryError::Incompatible { .. }) => {
                Self::new(409, codes::INCOMPATIBLE_SCHEMA, incompatible.to_string())
            }
            NotKept::Store(problem) => Self::new(500, codes::STORE_ERROR, problem),
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let error = ErrorAnswer { error_code: failure.code, message: failure.message };
        Self { status: failure.status, body: serde_json::to_vec(&error).unwrap_or_default() }
    }
}
