//! The one request to stop, for threads and for the server. A signal goes to the server first: it answers whom it has let in, and then all
//! others are asked.

use std::sync::Arc;

use pipeline::Shutdown;
use tokio::sync::Notify;

/// Cloned freely; once requested it stays so.
#[derive(Clone, Default)]
pub(super) struct Stop {
    /// What threads look at.
    pub(super) shutdown: Shutdown,
    server: Arc<Notify>,
}

/// Asks for a stop when it is dropped.
pub(super) struct WhenDropped {
    stop: Stop,
}

impl Stop {
    /// Asks every part to stop.
    pub(super) fn request(&self) {
        self.shutdown.request();
        self.server.notify_one();
    }

    /// Asks for a stop when the guard is dropped.
    pub(super) fn when_dropped(&self) -> WhenDropped {
        WhenDropped { stop: self.clone() }
    }

    /// Comes when a stop has been asked for. The server alone waits here.
    pub(super) async fn requested(&self) {
        self.server.notified().await;
    }
}

impl Drop for WhenDropped {
    fn drop(&mut self) {
        self.stop.request();
    }
}
