//! Waiting for something to become true, never for time to pass.

use std::thread;
use std::time::{Duration, Instant};

/// What must happen, happens within this time, also on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `check` has a value.
///
/// # Panics
/// Where it has none after two minutes.
pub fn until<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, check)
}

/// Waits until `check` has a value.
///
/// # Panics
/// Where it has none in time.
pub fn within<T>(patience: Duration, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(started.elapsed() < patience, "{what}: not within {} s", patience.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}
