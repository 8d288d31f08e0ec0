//! The HTTP server: connections, and what each of them may cost. The only asynchronous part.
//!
//! Everything is bounded: connections, the bytes of a head and of a body, the time for either, the requests that wait for the log, and the
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
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{any, get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;

use super::stop::Stop;
use crate::owner;
pub(super) use app::App;

/// Open connections. One more waits in the system's queue.
const CONNECTIONS: usize = 128;

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// Header fields of a request.
const HEADERS: usize = 64;

/// How long a client may take for a request's head, and how long a connection may lie idle.
const HEAD_TIME: Duration = Duration::from_secs(15);

/// How long those that were let in may take to end.
const DRAIN_TIME: Duration = Duration::from_secs(4);

/// How long threads that still read may take to end.
const THREADS_TIME: Duration = Duration::from_secs(2);

/// How long is waited where the system has no more descriptors.
const BREATH: Duration = Duration::from_millis(100);

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
        .route("/healthz", get(reads::health))
        .route(owner::PATH, post(commands::post))
        .route(schema_registry::ROOT, any(schema_registry::answer))
        .route(&format!("{}/", schema_registry::ROOT), any(schema_registry::answer))
        .route(&format!("{}/{{*path}}", schema_registry::ROOT), any(schema_registry::answer))
        .fallback(guard::unknown_path)
        .method_not_allowed_fallback(guard::unknown_method)
        .layer(axum::middleware::from_fn(guard::guard))
        .with_state(Arc::new(app))
}

/// Lets connections in until `ending` comes, then waits for those that are there.
async fn accept(listener: TcpListener, router: Router, ending: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut ending = pin!(ending);
    loop {
        let next = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = &mut ending => break,
        };
        let (Ok(permit), Ok((stream, _))) = (permit, accepted) else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_headers(HEADERS)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away, or does not speak HTTP, is its own affair.
            connection.await.ok();
            drop(permit);
        });
    }
    drop(listener);
    // Whoever is not done by then is cut off; nothing that was answered is lost by it.
    tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.ok();
}

async fn asked_to_end(signals: &mut Signals, stop: &Stop) {
    tokio::select! {
        _ = signals.interrupt.recv() => {}
        _ = signals.terminate.recv() => {}
        () = stop.requested() => {}
    }
}
