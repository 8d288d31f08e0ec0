//! A row that can't be imported.

use serde::Serialize;

/// Longest part of a value that is shown, bytes.
const SHOWN_BYTES: usize = 80;

/// What is wrong with a row, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// Line in the file, from 1; the header is line 1.
    pub line: u64,
    /// The column at fault, by the name it has in the file; none where it is the row as a whole.
    pub column: Option<String>,
    /// The value found, shortened.
    pub value: String,
    /// A code: those of events, and `bad_time`, `bad_duration`, `bad_flag`, `missing_field`, `wrong_column_count`, `unbalanced_quote`,
    /// `line_too_long`, `ends_after_received_time`.
    pub reason: &'static str,
    /// In words.
    pub detail: String,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(column) = &self.column {
            write!(f, "{column} {:?}: ", self.value)?;
        }
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

/// A value as it is shown in an error.
pub(crate) fn shown(value: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&value[..value.len().min(SHOWN_BYTES)]).into_owned();
    if value.len() > SHOWN_BYTES {
        text.push_str("...");
    }
    text
}
