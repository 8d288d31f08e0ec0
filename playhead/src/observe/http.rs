//! `/metrics`, `/healthz` and `/readyz`: of a process that serves nothing else on a port of their own.
//!
//! No name or id of a person is among what they say, so unlike the server of `dev` they may be asked from other machines, where
//! `metrics.listen` says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Watch;
use super::health::Verdict;
use crate::http_server::accept;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A server on a thread of its own. Dropped, it ends when those have their answers who have asked.
#[derive(Debug)]
pub(crate) struct MetricsServer {
    ending: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MetricsServer {
    /// Listens at an address.
    ///
    /// # Errors
    /// Where the address can't be had: the setting is named.
    pub(crate) fn start(address: SocketAddr, watch: &Arc<Watch>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the server of metrics")?;
        let listener = runtime.block_on(TcpListener::bind(address)).with_context(|| {
            format!("metrics.listen: cannot listen on {address}; take another address, port 0 for a free one, or off for none")
        })?;
        tracing::info!("metrics at http://{}/metrics, also /healthz and /readyz", listener.local_addr()?);
        let (ending, ended) = oneshot::channel::<()>();
        let router = router(Arc::clone(watch));
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            runtime.block_on(accept(listener, router, async {
                // Also where nobody is left to say so.
                ended.await.ok();
            }));
        })?;
        Ok(Self { ending: Some(ending), thread: Some(thread) })
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        drop(self.ending.take());
        if let Some(thread) = self.thread.take() {
            // Its panic has been told.
            thread.join().ok();
        }
    }
}

fn router(watch: Arc<Watch>) -> Router {
    Router::new()
        .route("/metrics", get(|State(watch): State<Arc<Watch>>| async move { metrics(&watch) }))
        .route("/healthz", get(|State(watch): State<Arc<Watch>>| async move { verdict(&watch.health()) }))
        .route("/readyz", get(|State(watch): State<Arc<Watch>>| async move { verdict(&watch.readiness()) }))
        .with_state(watch)
}

/// All metrics.
pub(crate) fn metrics(watch: &Watch) -> Response {
    match watch.metrics_text() {
        Ok(text) => response(StatusCode::OK, TEXT, text),
        Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("# {error:#}\n").into_bytes()),
    }
}

/// 200 where all is well, 503 where it is not; what is not is in the body.
pub(crate) fn verdict(verdict: &Verdict) -> Response {
    let status = if verdict.is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response(status, JSON, verdict.json.to_string().into_bytes())
}

fn response(status: StatusCode, kind: HeaderValue, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
