//! Confluent's API over a registry of ours: a request in, an answer out. HTTP itself is the caller's.
//!
//! Every subject is FULL_TRANSITIVE and stays it, and what was registered stays: ids stand in the records of a log.

mod failure;
mod keep;
mod path;
mod registered;

use serde::Serialize;
use serde_json::json;

use crate::FULL_TRANSITIVE;
use crate::bodies::{LevelAnswer, LevelRequest};
use crate::codes;
use failure::Failure;

pub use keep::{Keep, NotKept};
pub(crate) use path::encode_segment;

/// The content type of answers.
pub const CONTENT_TYPE: &str = crate::bodies::CONTENT_TYPE;

/// A request, its path below the API's root.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// In capitals.
    pub method: &'r str,
    /// `/subjects/a%2Fb/versions`, percent-encoded as it came.
    pub path: &'r str,
    /// What came behind the question mark.
    pub query: Option<&'r str>,
    /// JSON, where there is any.
    pub body: &'r [u8],
}

impl Request<'_> {
    fn asks_for(&self, flag: &str) -> bool {
        self.query.is_some_and(|query| query.split('&').any(|pair| pair.strip_prefix(flag).is_some_and(|value| value == "=true")))
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

impl Answer {
    /// An error in Confluent's shape, for what a server refuses before it asks here.
    #[must_use]
    pub fn error(status: u16, message: &str) -> Self {
        Failure::new(status, u32::from(status), message).into()
    }

    fn json(value: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value).map_err(|error| Failure::new(500, codes::STORE_ERROR, error.to_string()))?;
        Ok(Self { status: 200, body })
    }
}

/// Whether a body with this content type is taken. None of them is sent by a browser for another origin unasked.
#[must_use]
pub fn is_content_type(value: &str) -> bool {
    let value = value.split(';').next().unwrap_or_default().trim();
    ["application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json", "application/json"]
        .iter()
        .any(|known| value.eq_ignore_ascii_case(known))
}

/// Answers a request.
pub fn answer(registry: &impl Keep, request: &Request<'_>) -> Answer {
    let Some(segments) = path::segments(request.path) else {
        return Answer::error(400, "the path is not percent-encoded UTF-8");
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answered = match segments.as_slice() {
        [] => only("GET", request, || Answer::json(&json!({}))),
        ["schemas", "types"] => only("GET", request, || Answer::json(&["AVRO"])),
        ["schemas", "ids", id] => only("GET", request, || registered::by_id(registry, id)),
        ["schemas", "ids", id, "schema"] => only("GET", request, || registered::bare_by_id(registry, id)),
        ["schemas", "ids", id, "versions"] => only("GET", request, || registered::places(registry, id)),
        ["schemas", "ids", id, "subjects"] => only("GET", request, || registered::subjects_of(registry, id)),
        ["subjects"] => only("GET", request, || registered::subjects(registry)),
        ["subjects", subject] => match request.method {
            "POST" => registered::lookup(registry, subject, request.body),
            "DELETE" => Err(never_deleted()),
            _ => Err(no_such_method()),
        },
        ["subjects", subject, "versions"] => match request.method {
            "GET" => registered::versions(registry, subject),
            "POST" => registered::register(registry, subject, request.body),
            _ => Err(no_such_method()),
        },
        ["subjects", subject, "versions", version] => match request.method {
            "GET" => registered::version(registry, subject, version),
            "DELETE" => Err(never_deleted()),
            _ => Err(no_such_method()),
        },
        ["subjects", subject, "versions", version, "schema"] => {
            only("GET", request, || registered::bare_version(registry, subject, version))
        }
        ["compatibility", "subjects", subject, "versions"] => {
            only("POST", request, || registered::compatibility(registry, subject, None, request.body, request.asks_for("verbose")))
        }
        ["compatibility", "subjects", subject, "versions", version] => {
            only("POST", request, || registered::compatibility(registry, subject, Some(version), request.body, request.asks_for("verbose")))
        }
        ["config"] | ["config", _] => level(request),
        ["mode"] | ["mode", _] => match request.method {
            "GET" => Answer::json(&json!({"mode": "READWRITE"})),
            "PUT" | "DELETE" => Err(Failure::new(422, codes::OPERATION_NOT_PERMITTED, "the mode is READWRITE and stays it")),
            _ => Err(no_such_method()),
        },
        _ => Err(Failure::new(404, 404, "HTTP 404 Not Found")),
    };
    answered.unwrap_or_else(Answer::from)
}

fn level(request: &Request<'_>) -> Result<Answer, Failure> {
    let refused = |message: String| Err(Failure::new(422, codes::INVALID_COMPATIBILITY_LEVEL, message));
    match request.method {
        "GET" => Answer::json(&LevelAnswer { compatibility_level: FULL_TRANSITIVE.to_owned() }),
        "PUT" => match serde_json::from_slice::<LevelRequest>(request.body) {
            Ok(level) if level.compatibility.eq_ignore_ascii_case(FULL_TRANSITIVE) => {
                Answer::json(&LevelRequest { compatibility: FULL_TRANSITIVE.to_owned() })
            }
            Ok(level) => {
                refused(format!("{:?} is not to be had: every subject here is {FULL_TRANSITIVE} and stays it", level.compatibility))
            }
            Err(error) => Err(Failure::new(400, 400, format!("the body is not {{\"compatibility\": ...}}: {error}"))),
        },
        "DELETE" => refused(format!("every subject here is {FULL_TRANSITIVE} and stays it")),
        _ => Err(no_such_method()),
    }
}

fn only(method: &str, request: &Request<'_>, work: impl FnOnce() -> Result<Answer, Failure>) -> Result<Answer, Failure> {
    if request.method == method { work() } else { Err(no_such_method()) }
}

fn no_such_method() -> Failure {
    Failure::new(405, 405, "HTTP 405 Method Not Allowed")
}

fn never_deleted() -> Failure {
    Failure::new(422, codes::OPERATION_NOT_PERMITTED, "schemas are never deleted here: their ids stand in the records of the log")
}
