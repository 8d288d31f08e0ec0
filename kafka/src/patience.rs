//! Asking again while a cluster does not answer, with signs of life in between.

use std::thread;
use std::time::{Duration, Instant};

use crate::raw::{Failure, Request};

/// How long one try may take, so that signs of life come often enough.
const TRY: Duration = Duration::from_secs(5);
/// Pause between tries that failed at once.
const PAUSE: Duration = Duration::from_millis(100);

/// For how long to ask, and what to do meanwhile.
pub(crate) struct Patience<'p> {
    pub(crate) limit: Duration,
    pub(crate) alive: &'p dyn Fn(),
}

impl Patience<'_> {
    /// Makes a request, again and again while it fails in a way that time may mend.
    pub(crate) fn ask<T>(&self, mut request: impl FnMut(Duration) -> Result<Request<T>, Failure>) -> Result<T, Failure> {
        self.repeat(|timeout| request(timeout)?.wait())
    }

    /// Makes a call that is given a time-out, again and again while it fails in a way that time may mend.
    pub(crate) fn repeat<T>(&self, mut call: impl FnMut(Duration) -> Result<T, Failure>) -> Result<T, Failure> {
        let started = Instant::now();
        loop {
            (self.alive)();
            let left = self.limit.saturating_sub(started.elapsed());
            match call(left.clamp(PAUSE, TRY)) {
                Err(failure) if failure.is_retriable && !failure.requires_abort && !failure.is_fatal && left > PAUSE => {
                    thread::sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }
}
