//! `/apis/registry`: the folder's schemas on Confluent's API, for whoever reads the topics or writes to them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use registry::serve::{self, Answer, Request};

use super::app::App;
use super::events::read_body;
use super::refusal::Refusal;

/// Where it is; everything below it is its own.
pub(super) const ROOT: &str = "/apis/registry";

const TYPE: HeaderValue = HeaderValue::from_static(serve::CONTENT_TYPE);

pub(super) async fn answer(State(app): State<Arc<App>>, method: Method, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let answered = match taken(&method, &headers, body).await {
        Ok(body) => {
            let folder = Arc::clone(&app.folder);
            let work = move || {
                let path = uri.path().strip_prefix(ROOT).unwrap_or_default();
                Ok(serve::answer(&*folder.registry, &Request { method: method.as_str(), path, query: uri.query(), body: &body }))
            };
            app.blocking(work).await
        }
        Err(refusal) => Err(refusal),
    };
    let answer = answered.unwrap_or_else(|refusal| Answer::error(refusal.status().as_u16(), refusal.detail()));
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, TYPE);
    response
}

/// The body of a request that has one.
async fn taken(method: &Method, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    if method != Method::POST && method != Method::PUT {
        return Ok(Bytes::new());
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !serve::is_content_type(kind) {
        let detail = format!("the header must say content-type: {}", serve::CONTENT_TYPE);
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail));
    }
    read_body(headers, body).await
}
