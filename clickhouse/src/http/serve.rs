//! Connections.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::App;
use super::patient::Patient;
use super::service::answer;

/// Connections at once. Whoever comes beyond them waits in the system's queue.
const CONNECTIONS: usize = 512;

/// Bytes of a request's head: its URL may hold a statement of 64 KiB.
const HEAD_BYTES: usize = 256 * 1024;

/// Header fields of a request.
const HEADERS: usize = 128;

/// How long a client may take for a request's head, and how long a connection may lie idle.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long those that were let in may take to end, before they are cancelled.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How long those that are cancelled may take to end.
const CANCEL_TIME: Duration = Duration::from_secs(5);

/// How long is waited where the system has no more descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// How often sessions are looked at whose time may be over.
const SESSIONS_TIME: Duration = Duration::from_secs(5);

/// Lets connections in until `ending` comes, then waits for those that are there, and cancels what still runs.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, ending: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut ending = pin!(ending);
    let mut tasks = JoinSet::new();
    let mut sessions = tokio::time::interval(SESSIONS_TIME);
    loop {
        let next = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            _ = sessions.tick() => {
                let app = Arc::clone(&app);
                tokio::task::spawn_blocking(move || app.sessions.end_expired());
                continue;
            }
            () = &mut ending => break,
        };
        let (Ok(permit), Ok((stream, _))) = (permit, accepted) else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        // Without it each request waits 40 ms for an acknowledgement.
        stream.set_nodelay(true).ok();
        let service_app = Arc::clone(&app);
        let service = service_fn(move |request| {
            let app = Arc::clone(&service_app);
            async move { Ok::<_, Infallible>(answer(app, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_headers(HEADERS)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(Patient::new(stream)), service);
        let connection = graceful.watch(connection);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // A client that goes away, or does not speak HTTP, is its own affair.
            connection.await.ok();
            drop(permit);
        });
    }
    drop(listener);
    let drained = graceful.shutdown();
    if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
        // Threads that wait for a client to read or to write learn by it that there is none.
        tasks.shutdown().await;
        let app = Arc::clone(&app);
        let cancelled = tokio::task::spawn_blocking(move || app.cancel_all(CANCEL_TIME)).await;
        if !matches!(cancelled, Ok(true)) {
            tracing::warn!("queries were cancelled and have not ended");
        }
    }
}
