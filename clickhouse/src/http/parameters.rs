//! What the URL says beside the statement: parameters of the interface, query parameters, and settings.

use crate::exception::{CANNOT_PARSE_INPUT, Exception, INVALID_SESSION_TIMEOUT, UNKNOWN_SETTING};
use crate::raw::Parameter;

/// How long a session is kept without a request, s, as in ClickHouse.
const DEFAULT_SESSION_TIMEOUT_S: u64 = 60;
const MAX_SESSION_TIMEOUT_S: u64 = 3600;

/// Parameters of the interface that are no settings, and say nothing that this server needs.
const WITHOUT_EFFECT: [&str; 6] = ["quota_key", "stacktrace", "buffer_size", "role", "http_zlib_compression_level", "_"];

/// A request's URL, taken apart. Of what is said twice the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) query: Vec<u8>,
    pub(crate) user: Option<Vec<u8>>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) database: Option<Vec<u8>>,
    pub(crate) default_format: Option<String>,
    pub(crate) query_id: Option<String>,
    pub(crate) session: Option<SessionParameters>,
    /// The answer in ClickHouse's compressed blocks.
    pub(crate) compress: bool,
    /// The body is in them.
    pub(crate) decompress: bool,
    /// Nothing is sent before all is known.
    pub(crate) wait_end_of_query: bool,
    /// Whether Accept-Encoding is heeded.
    pub(crate) enable_http_compression: bool,
    pub(crate) client_protocol_version: Option<u64>,
    /// `param_*`.
    pub(crate) parameters: Vec<Parameter>,
    /// All others, by the order in which they came; `readonly` apart.
    pub(crate) settings: Vec<(String, Vec<u8>)>,
    pub(crate) readonly: Option<Vec<u8>>,
}

/// `session_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionParameters {
    pub(crate) id: String,
    pub(crate) timeout_s: u64,
    /// It must be there already.
    pub(crate) check: bool,
    /// It ends with this request.
    pub(crate) close: bool,
}

impl Parameters {
    /// Reads the part of the URL after the question mark.
    pub(crate) fn parse(query_string: &str) -> Result<Self, Exception> {
        let mut parameters = Self { enable_http_compression: true, ..Self::default() };
        let (mut session_id, mut timeout, mut check, mut close) = (None, None, false, false);
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for (name, value) in pairs(query_string) {
            // Empty ones come of `a=1&&b=2`.
            if name.is_empty() || seen.contains(&name) {
                continue;
            }
            seen.push(name.clone());
            let name = String::from_utf8(name).map_err(|_| Exception::new(UNKNOWN_SETTING, "Unknown setting: its name is not UTF-8"))?;
            match name.as_str() {
                "query" => parameters.query = value,
                "user" => parameters.user = Some(value),
                "password" => parameters.password = Some(value),
                "database" => parameters.database = Some(value).filter(|value| !value.is_empty()),
                "default_format" => parameters.default_format = Some(text(&name, value)?).filter(|value| !value.is_empty()),
                "query_id" => parameters.query_id = Some(text(&name, value)?).filter(|value| !value.is_empty()),
                "session_id" => session_id = Some(text(&name, value)?),
                "session_timeout" => timeout = Some(text(&name, value)?),
                "session_check" => check = value == b"1",
                "close_session" => close = boolean(&name, &value)?,
                "compress" => parameters.compress = boolean(&name, &value)?,
                "decompress" => parameters.decompress = boolean(&name, &value)?,
                "wait_end_of_query" => parameters.wait_end_of_query = boolean(&name, &value)?,
                "enable_http_compression" => parameters.enable_http_compression = boolean(&name, &value)?,
                "client_protocol_version" => {
                    let version = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                    parameters.client_protocol_version = Some(version.ok_or_else(|| not_parsed(&name, &value))?);
                }
                "readonly" => parameters.readonly = Some(value),
                _ => parameters.add(name, value),
            }
        }
        parameters.session = session_id.map(|id| session(id, timeout.as_deref(), check, close)).transpose()?;
        Ok(parameters)
    }

    /// A field of a form, which may be `query`, a query parameter or a setting.
    pub(crate) fn add_field(&mut self, name: String, value: Vec<u8>) {
        if name == "query" {
            self.query.extend(value);
        } else {
            self.add(name, value);
        }
    }

    fn add(&mut self, name: String, value: Vec<u8>) {
        if let Some(parameter) = name.strip_prefix("param_") {
            if !self.parameters.iter().any(|(known, _)| known == parameter.as_bytes()) {
                self.parameters.push((parameter.as_bytes().to_vec(), value));
            }
        } else if !WITHOUT_EFFECT.contains(&name.as_str()) {
            self.settings.push((name, value));
        }
    }
}

fn session(id: String, timeout: Option<&str>, check: bool, close: bool) -> Result<SessionParameters, Exception> {
    let timeout_s = match timeout {
        None => DEFAULT_SESSION_TIMEOUT_S,
        Some(text) => text
            .parse()
            .map_err(|_| Exception::new(INVALID_SESSION_TIMEOUT, &format!("Invalid session timeout: '{}'", text.escape_debug())))?,
    };
    if timeout_s > MAX_SESSION_TIMEOUT_S {
        let message = format!("Session timeout '{timeout_s}' is larger than max_session_timeout: {MAX_SESSION_TIMEOUT_S}");
        return Err(Exception::new(INVALID_SESSION_TIMEOUT, &message));
    }
    Ok(SessionParameters { id, timeout_s, check, close })
}

fn text(name: &str, value: Vec<u8>) -> Result<String, Exception> {
    String::from_utf8(value).map_err(|error| not_parsed(name, error.as_bytes()))
}

fn boolean(name: &str, value: &[u8]) -> Result<bool, Exception> {
    match value {
        b"1" | b"true" => Ok(true),
        b"0" | b"false" => Ok(false),
        _ => Err(not_parsed(name, value)),
    }
}

fn not_parsed(name: &str, value: &[u8]) -> Exception {
    let shown: String = String::from_utf8_lossy(value).chars().take(64).collect();
    Exception::new(CANNOT_PARSE_INPUT, &format!("Cannot parse input: URL parameter {name}: '{}'", shown.escape_debug()))
}

/// The pairs of a query string, decoded.
fn pairs(query_string: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query_string.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// Percent-decoded, with `+` for a blank. A percent sign without two digits stands for itself.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| (*byte as char).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}
