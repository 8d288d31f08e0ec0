//! The QoS fold: the cases of the design, properties of random sessions, and a second, slow fold to compare with.

mod agreement;
mod cases;
mod clauses;
mod properties;
mod reference;
mod sessions;

use processors::qos::{Closing, Event, Summary, Workspace, fold, sort};

/// Sorts and folds.
fn fold_unsorted(events: &[Event], closing: Closing) -> Summary {
    let mut events = events.to_vec();
    sort(&mut events);
    fold(&events, closing, &mut Workspace::new())
}

/// How many random sessions a property is tried on.
fn proptest_cases(default: u32) -> proptest::test_runner::Config {
    let cases = count("PLAYHEAD_PROPTEST_CASES").or_else(|| count("PROPTEST_CASES")).unwrap_or(default);
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "how long the tests look is the caller's choice")]
fn count(variable: &str) -> Option<u32> {
    std::env::var(variable).ok()?.parse().ok()
}
