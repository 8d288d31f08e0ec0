//! HTTP connections, and what each of them may cost: their number, the bytes of a head, the time for it. What does not fit is refused, so
//! memory does not grow with load.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

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

/// How long is waited where the system has no more descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Lets connections in until `ending` comes, then waits for those that are there.
pub(crate) async fn accept(listener: TcpListener, router: Router, ending: impl Future<Output = ()>) {
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
