//! ClickHouse's exceptions: their text, and the status that HTTP has for them.

use crate::raw::EngineError;

/// A code of ClickHouse and its name, of those that this server gives itself.
pub(crate) type Code = (u32, &'static str);

pub(crate) const CANNOT_PARSE_INPUT: Code = (27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED");
pub(crate) const CANNOT_READ_ALL_DATA: Code = (33, "CANNOT_READ_ALL_DATA");
pub(crate) const BAD_ARGUMENTS: Code = (36, "BAD_ARGUMENTS");
pub(crate) const CHECKSUM_DOESNT_MATCH: Code = (40, "CHECKSUM_DOESNT_MATCH");
pub(crate) const NOT_IMPLEMENTED: Code = (48, "NOT_IMPLEMENTED");
pub(crate) const SYNTAX_ERROR: Code = (62, "SYNTAX_ERROR");
pub(crate) const TOO_LARGE_SIZE_COMPRESSED: Code = (39, "TOO_LARGE_SIZE_COMPRESSED");
pub(crate) const UNKNOWN_COMPRESSION_METHOD: Code = (89, "UNKNOWN_COMPRESSION_METHOD");
pub(crate) const UNKNOWN_SETTING: Code = (115, "UNKNOWN_SETTING");
pub(crate) const READONLY: Code = (164, "READONLY");
pub(crate) const REQUIRED_PASSWORD: Code = (194, "REQUIRED_PASSWORD");
pub(crate) const TOO_MANY_QUERIES: Code = (202, "TOO_MANY_SIMULTANEOUS_QUERIES");
pub(crate) const SOCKET_TIMEOUT: Code = (209, "SOCKET_TIMEOUT");
pub(crate) const QUERY_ID_RUNS: Code = (216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING");
pub(crate) const SESSION_NOT_FOUND: Code = (372, "SESSION_NOT_FOUND");
pub(crate) const SESSION_IS_LOCKED: Code = (373, "SESSION_IS_LOCKED");
pub(crate) const INVALID_SESSION_TIMEOUT: Code = (374, "INVALID_SESSION_TIMEOUT");
pub(crate) const HTTP_LENGTH_REQUIRED: Code = (381, "HTTP_LENGTH_REQUIRED");
pub(crate) const LIMIT_EXCEEDED: Code = (396, "TOO_MANY_ROWS_OR_BYTES");
pub(crate) const CANNOT_DECOMPRESS: Code = (271, "CANNOT_DECOMPRESS");
pub(crate) const SETTING_CONSTRAINT_VIOLATION: Code = (452, "SETTING_CONSTRAINT_VIOLATION");
pub(crate) const ACCESS_DENIED: Code = (497, "ACCESS_DENIED");
pub(crate) const AUTHENTICATION_FAILED: Code = (516, "AUTHENTICATION_FAILED");

/// An exception as ClickHouse gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) code: u32,
    /// `Code: 60. DB::Exception: ... (UNKNOWN_TABLE)`, without the version.
    text: String,
}

impl Exception {
    /// One of this server's own.
    pub(crate) fn new(code: Code, message: &str) -> Self {
        Self { code: code.0, text: format!("Code: {}. DB::Exception: {}. ({})", code.0, message.trim_end_matches('.'), code.1) }
    }

    /// With the version at its end, as ClickHouse writes it.
    pub(crate) fn text(&self, version: &str) -> String {
        format!("{} (version {version} (embedded))", self.text)
    }

    /// What HTTP calls it, as in ClickHouse's `exceptionCodeToHTTPStatus`.
    pub(crate) const fn status(&self) -> u16 {
        match self.code {
            194 => 401,
            // Unknown user, wrong password, authentication failed, role not granted, access denied.
            192 | 193 | 516 | 512 | 497 => 403,
            // Bad arguments, a regular expression, what can't be parsed, columns, the tree of a statement, syntax, data, types, ranges.
            36 | 427 | 6 | 25 | 26 | 38 | 41 | 72 | 441 | 675 | 676 | 27 | 376 | 15 | 44 | 8 | 37 | 123 | 167 | 168 | 223 | 62 | 117
            | 53 | 321 => 400,
            // Unknown table, function, identifier, type, storage, database, setting, sorting, aggregate function, format, engine, kind of query, role.
            60 | 46 | 47 | 50 | 56 | 81 | 115 | 152 | 63 | 73 | 336 | 78 | 511 => 404,
            // Query is too large.
            229 => 413,
            48 => 501,
            // Socket timeout, cannot open file, cannot schedule task.
            209 | 76 | 439 => 503,
            381 => 411,
            159 => 408,
            _ => 500,
        }
    }

    /// The same, with what a client of GET should know of READONLY.
    pub(crate) fn of_get(mut self) -> Self {
        const HINT: &str = " For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.";
        if self.code == READONLY.0
            && let Some(at) = self.text.rfind(" (READONLY)")
        {
            self.text.insert_str(at, HINT);
        }
        self
    }
}

impl From<EngineError> for Exception {
    /// The engine nests the same exception in itself, and names its version here and there.
    fn from(error: EngineError) -> Self {
        let mut text = error.0.trim();
        let code = parse_code(text);
        let Some(code) = code else {
            return Self::new(BAD_ARGUMENTS, text);
        };
        let prefix = format!("Code: {code}. DB::Exception: ");
        let mut name = None;
        loop {
            text = without_version(text);
            let Some(inner) = text.strip_prefix(&prefix).filter(|inner| inner.starts_with(&prefix)) else { break };
            // The name of the outer one is that of the inner one.
            let end = inner.rfind(" (").unwrap_or(inner.len());
            name = name.or(Some(&inner[end..]));
            text = inner[..end].trim_end_matches('.');
        }
        let has_name = text.ends_with(')') && name.is_none_or(|name| text.ends_with(name));
        let text = if has_name { text.to_owned() } else { format!("{text}{}", name.unwrap_or_default()) };
        Self { code, text }
    }
}

fn without_version(text: &str) -> &str {
    match text.rfind(" (version ") {
        Some(at) if text[at..].trim_end_matches('.').ends_with(')') && !text[at + 2..].contains(" (") => text[..at].trim_end(),
        _ => text,
    }
}

fn parse_code(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("Code: ")?;
    digits[..digits.find('.')?].parse().ok()
}

#[cfg(test)]
mod tests;
