//! The page: one file, with nothing from elsewhere.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use sha2::{Digest as _, Sha256};

const PAGE: &str = include_str!("page.html");

pub(super) async fn page() -> Response {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| HeaderValue::from_str(&policy()).expect("a policy is made of ASCII"));
    let mut response = Response::new(Body::from(PAGE));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// Only the page's own script and style run, known by their hashes, and it talks to nobody but this server.
fn policy() -> String {
    let hash = |tag: &str| STANDARD.encode(Sha256::digest(inside(tag).expect("the page has one script and one style")));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
}

/// What lies between a tag and its end.
fn inside(tag: &str) -> Option<&'static str> {
    let (_, rest) = PAGE.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strings of events come from outside: they are put in as text, never as HTML; and nothing comes from elsewhere.
    #[test]
    fn the_page_makes_no_html_of_what_it_is_told_and_asks_nobody_else() {
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "style=\"",
            "onclick=",
            "src=\"http",
            "@import",
            "url(",
        ] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        assert_eq!((PAGE.matches("<script").count(), PAGE.matches("<style").count()), (1, 1));
        assert!(policy().is_ascii());
    }
}
