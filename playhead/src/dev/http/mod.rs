//! The HTTP server. Asynchronous, as nothing else of this is.
//!
//! Everything is bounded: connections and heads (`http_server`), the bytes of a body and the time for it, the requests that wait for the log, and the
//! threads that read the store. What does not fit is refused, so memory does not grow with load.

mod app;
mod commands;
mod events;
mod guard;
mod page;
mod reads;
mod refusal;
mod schema_registry;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{any, get, post};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stop::Stop;
use crate::http_server::accept;
use crate::owner;
pub(super) use app::App;

/// How long threads that still read may take to end.
const THREADS_TIME: Duration = Duration::from_secs(2);

/// A server that listens, and does not answer yet. From here on a signal does not end the process, but asks it to end.
pub(super) struct Server {
    runtime: Runtime,
    listener: TcpListener,
    signals: Signals,
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Server {
    /// # Errors
    /// Where the address can't be had.
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(app::BLOCKING_THREADS)
            .thread_name("http")
            .enable_all()
            .build()
            .context("cannot start the server's threads")?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .with_context(|| format!("cannot listen on {address}; --listen takes another address, or port 0 for a free one"))?;
        let entered = runtime.enter();
        let caught = |kind| signal(kind).context("cannot wait for signals");
        let signals = Signals { interrupt: caught(SignalKind::interrupt())?, terminate: caught(SignalKind::terminate())? };
        drop(entered);
        Ok(Self { runtime, listener, signals })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listener.local_addr().context("the server has no address")
    }

    /// Answers until SIGINT, SIGTERM, or `stop`; those that were let in by then get their answers. Nothing of `app` is left behind.
    pub(super) fn serve(self, app: App, stop: &Stop) {
        let Self { runtime, listener, mut signals } = self;
        runtime.block_on(accept(listener, router(app), asked_to_end(&mut signals, stop)));
        runtime.shutdown_timeout(THREADS_TIME);
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/v1/playback-events", post(events::post))
        .route("/resume/{profile_id}", get(reads::resume))
        .route("/sessions", get(reads::sessions))
        .route("/qos", get(reads::qos))
        .route("/minutes", get(reads::minutes))
        .route("/healthz", get(reads::health))
        .route("/readyz", get(reads::readiness))
        .route("/metrics", get(reads::metrics))
        .route(owner::PATH, post(commands::post))
        .route(schema_registry::ROOT, any(schema_registry::answer))
        .route(&format!("{}/", schema_registry::ROOT), any(schema_registry::answer))
        .route(&format!("{}/{{*path}}", schema_registry::ROOT), any(schema_registry::answer))
        .fallback(guard::unknown_path)
        .method_not_allowed_fallback(guard::unknown_method)
        .layer(axum::middleware::from_fn(guard::guard))
        .with_state(Arc::new(app))
}

async fn asked_to_end(signals: &mut Signals, stop: &Stop) {
    tokio::select! {
        _ = signals.interrupt.recv() => {}
        _ = signals.terminate.recv() => {}
        () = stop.requested() => {}
    }
}
