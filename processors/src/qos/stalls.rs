//! The session's stalls, and what the client's own measure of one changes.

use super::intervals::Interval;

/// How far the client's measure may lie from the stall's observed start.
const MEASURE_TOLERANCE_US: u64 = 1_000_000;

/// One stall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    pub(super) interval: Interval,
    /// Whether its bounds are the client's own measure.
    pub(super) by_client: bool,
    /// Whether it was closed by what suggests that playback went on, so that the client's measure of it may still come.
    replaceable: bool,
}

/// The session's stalls, in order and disjoint.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    closed: Vec<Stall>,
}

impl Stalls {
    pub(super) fn clear(&mut self) {
        self.closed.clear();
    }

    pub(super) fn as_slice(&self) -> &[Stall] {
        &self.closed
    }

    /// A stall between two observed events. `replaceable`: STARTUP, PLAY or a moving position closed it.
    pub(super) fn push_observed(&mut self, interval: Interval, replaceable: bool) {
        self.closed.push(Stall { interval, by_client: false, replaceable });
    }

    /// A stall that the client measured: `measured` in place of the one that has been open since `open_since_us`, of the last one
    /// where that was closed without its own end, or beside them. True if it contradicts the observed start.
    pub(super) fn push_measured(&mut self, measured: Interval, open_since_us: Option<i64>) -> bool {
        if open_since_us.is_none() {
            self.closed.pop_if(|last| last.replaceable && measured.start_us < last.interval.end_us);
        }
        let previous_end_us = self.closed.last().map_or(0, |previous| previous.interval.end_us);
        let interval = Interval { start_us: measured.start_us.max(previous_end_us), ..measured };
        self.closed.push(Stall { interval, by_client: true, replaceable: false });
        open_since_us.is_some_and(|since_us| since_us.abs_diff(measured.start_us) > MEASURE_TOLERANCE_US)
    }
}
