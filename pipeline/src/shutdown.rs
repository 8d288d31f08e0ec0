//! A request to stop, handed to every loop as an argument.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Cloned freely; once requested it stays so.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Shutdown {
    /// Asks all who hold a clone to stop.
    pub fn request(&self) {
        let (requested, changed) = &*self.shared;
        *requested.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for up to `timeout`; true as soon as a stop is asked for.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let (requested, changed) = &*self.shared;
        let guard = requested.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed.wait_timeout_while(guard, timeout, |requested| !*requested).unwrap_or_else(PoisonError::into_inner);
        *guard
    }
}
