//! What became of a line.

use schemas::Rejection;
use schemas::json::FieldError;
use serde::Serialize;

/// Accepted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is in the log.
    Accepted,
    /// It is not, and nothing of it is kept.
    Rejected,
}

/// The verdict on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Line in the file, from 1.
    pub line: u64,
    /// Accepted or rejected.
    pub status: Status,
    /// Why it was rejected: the codes of events, and `not_json`, `too_deep`, `nul_byte`, `line_too_long`, `unknown_field`,
    /// `missing_field`, `wrong_type`.
    pub reason: Option<&'static str>,
    /// The field at fault, as a JSON pointer without its first slash.
    pub field: Option<String>,
    /// In words, with the value.
    pub detail: Option<String>,
}

/// Why a line is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) field: Option<String>,
    pub(crate) detail: String,
}

impl Verdict {
    pub(crate) fn accepted(line: u64) -> Self {
        Self { line, status: Status::Accepted, reason: None, field: None, detail: None }
    }

    pub(crate) fn rejected(line: u64, refusal: Refusal) -> Self {
        Self { line, status: Status::Rejected, reason: Some(refusal.reason), field: refusal.field, detail: Some(refusal.detail) }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason.unwrap_or("accepted"))?;
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl Refusal {
    pub(crate) fn of_event(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, field: None, detail: detail.into() }
    }

    /// The same in other words.
    pub(crate) fn saying(self, detail: String) -> Self {
        Self { detail, ..self }
    }
}

impl From<Box<Rejection>> for Refusal {
    fn from(rejection: Box<Rejection>) -> Self {
        Self { reason: rejection.reason.as_str(), field: rejection.field.map(str::to_owned), detail: rejection.detail }
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        let reason = match error.reason.as_str() {
            "no such field" => "unknown_field",
            "is missing" => "missing_field",
            "nested too deep" => "too_deep",
            _ => "wrong_type",
        };
        let field = error.pointer.strip_prefix('/').map(str::to_owned);
        Self { reason, field, detail: format!("{} (found {})", error.reason, error.value) }
    }
}
