//! What is counted event by event.

use schemas::EventType;

use super::Event;

/// Indices of the events that the other steps hang on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Firsts {
    pub(super) session_start: Option<usize>,
    pub(super) startup: Option<usize>,
}

impl Firsts {
    pub(super) fn of(events: &[Event]) -> Self {
        let first = |kind| events.iter().position(|event| event.kind() == kind);
        Self { session_start: first(EventType::SessionStart), startup: first(EventType::Startup) }
    }
}

/// Counts over all events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) error_count: u32,
    pub(super) first_error_code: Option<u16>,
    pub(super) first_cdn: Option<u16>,
    pub(super) disagreements: u32,
    pub(super) bitrate_up_count: u32,
    pub(super) bitrate_down_count: u32,
    pub(super) startup_bitrate_bps: Option<u32>,
}

/// Counts. A bitrate switch is one unlike the last known, after the first STARTUP; without STARTUP, later than `started_at_us`.
pub(super) fn tally(events: &[Event], origin_us: i64, firsts: Firsts, started_at_us: Option<i64>) -> Tally {
    let mut tally = Tally::default();
    let mut known_bps = None;
    for (index, event) in events.iter().enumerate() {
        if event.kind() == EventType::Error {
            tally.error_count += 1;
            tally.first_error_code = tally.first_error_code.or(event.error_code());
        }
        tally.first_cdn = tally.first_cdn.or(event.cdn());
        tally.disagreements += u32::from(event.disagrees());
        if let Some(bitrate_bps) = event.bitrate_bps() {
            let counts = match firsts.startup {
                Some(startup) => index > startup,
                None => started_at_us.is_some_and(|started_at_us| event.at_us(origin_us) > started_at_us),
            };
            if let (true, Some(known_bps)) = (counts, known_bps) {
                tally.bitrate_up_count += u32::from(bitrate_bps > known_bps);
                tally.bitrate_down_count += u32::from(bitrate_bps < known_bps);
            }
            known_bps = Some(bitrate_bps);
        }
        if firsts.startup == Some(index) {
            tally.startup_bitrate_bps = known_bps;
        }
    }
    tally
}
