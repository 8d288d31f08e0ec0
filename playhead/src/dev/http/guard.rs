//! What holds for every request.
//!
//! The server is for this machine. A page of another origin that has its own name resolved to 127.0.0.1 ("DNS rebinding") would be of the same
//! origin to a browser; it is told by the name that it asks for. No other origin is let in (no CORS), and events must be sent as
//! `application/json`, which a browser does not do for another origin unasked.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::header::{CACHE_CONTROL, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::{StatusCode, Uri};

use super::refusal::Refusal;

const EVERYWHERE: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_for_this_machine(request.uri(), request.headers()) {
        next.run(request).await
    } else {
        let detail = "this server answers to localhost, 127.0.0.1 and [::1] only";
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, "not_this_host", detail).into_response()
    };
    for (name, value) in EVERYWHERE {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

pub(super) async fn unknown_path(uri: Uri) -> Refusal {
    let detail = format!("there is nothing at {}; `playhead dev --help` lists what there is", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, "not_found", detail)
}

pub(super) async fn unknown_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "`playhead dev --help` lists what there is")
}

/// Whether each name by which the server is asked for is this machine's own.
fn is_for_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(is_own_name) && uri.authority().is_none_or(|authority| is_own_name(authority.as_str()))
}

/// `localhost`, `127.0.0.1` or `[::1]`, with or without a port.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::is_own_name;

    #[test]
    fn names_of_this_machine() {
        for own in ["localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"] {
            assert!(is_own_name(own), "{own}");
        }
        for other in ["", "localhost.example", "example.com", "127.0.0.1.example:80", "[::2]:80", "a@localhost", "localhost:80:80", "::1"] {
            assert!(!is_own_name(other), "{other}");
        }
    }
}
