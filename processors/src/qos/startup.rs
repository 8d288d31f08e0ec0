//! How long the viewer waited for the first frame.

use schemas::EventType;

use super::{
    Event,
    intervals::{self, Interval},
    proof::SILENCE_US,
    tally::Firsts,
};

/// The time from the viewer's wish to the first frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Startup {
    /// None where it can't be told.
    pub(super) startup_us: Option<i64>,
    /// Whether the client's measure is longer than the time that there was.
    pub(super) contradicts: bool,
}

/// From the first SESSION_START to the first STARTUP, less the ad breaks between, or the client's own measure where that fits in.
///
/// It can't be told without either event, if they come the other way round, if the viewer or the player did something else before,
/// or if there is silence between them that no measure of the client's covers.
pub(super) fn startup(events: &[Event], origin_us: i64, firsts: Firsts, ads: &[Interval]) -> Startup {
    let (Some(session_start), Some(startup)) = (firsts.session_start, firsts.startup) else {
        return Startup::default();
    };
    if session_start > startup || events[..startup].iter().any(is_no_waiting) {
        return Startup::default();
    }
    let wait = Interval { start_us: events[session_start].at_us(origin_us), end_us: events[startup].at_us(origin_us) };
    let observed_us = wait.duration_us() - intervals::covered_us(ads, wait);
    let measured_us = events[startup].duration_ms().map(|duration_ms| i64::from(duration_ms) * 1_000);
    let contradicts = measured_us.is_some_and(|measured_us| measured_us > observed_us);
    let is_silent = |pair: &[Event]| pair[1].at_us(origin_us) - pair[0].at_us(origin_us) > SILENCE_US;
    let startup_us = match measured_us.filter(|_| !contradicts) {
        Some(measured_us) => Some(measured_us),
        None if events[session_start..=startup].windows(2).any(is_silent) => None,
        None => Some(observed_us),
    };
    Startup { startup_us, contradicts }
}

fn is_no_waiting(event: &Event) -> bool {
    matches!(event.kind(), EventType::SeekStart | EventType::Pause | EventType::Background) || event.is_end()
}
