//! A refusal: the reason, the field and the value, in words.

use std::fmt;

use crate::Reason;

/// Why a record was refused. Boxed wherever it is returned: it is built on a cold path, and the good path pays for a pointer only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The code.
    pub reason: Reason,
    /// The field of the record that is to blame, where it is one.
    pub field: Option<&'static str>,
    /// The reason in words, with the value (shortened).
    pub detail: String,
}

impl Rejection {
    /// A refusal of the record as a whole.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn of_record(reason: Reason, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { reason, field: None, detail: detail.into() })
    }

    /// A refusal for the sake of one field.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn of_field(reason: Reason, field: &'static str, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { reason, field: Some(field), detail: detail.into() })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{}: {field}: {}", self.reason, self.detail),
            None => write!(f, "{}: {}", self.reason, self.detail),
        }
    }
}

impl std::error::Error for Rejection {}
