//! Which events have been seen, by session: by it the audit tells copies from events on its own.
//!
//! The processor remembers a session, with the ids of its events, until log time reaches the end of the hour of (its last closing or its
//! largest effective time, the later) + H. When a session closes is the processor's to judge. Without judging it, two bounds are certain:
//!
//! | log time of a record that says again what was said | it is |
//! |---|---|
//! | up to (the session's first event, or the event's effective time, the later) + H | a copy: a session closes no earlier |
//! | from the session's last new event + silence + 1 h + H on | new: the session closed by then, and its hour is over |
//! | between the two | either |
//!
//! H and the silence are those that are configured now: of a log that was processed with a shorter H, copies between the two look passed on
//! twice. Sessions of an import are forgotten as soon as they close, so a copy of theirs may be either at any time.

use std::collections::HashMap;

use schemas::PlaybackEvent;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How far ahead of its reception an event may be taken to have happened; and how far a clock may be off that is left alone.
const TOLERANCE_MS: i64 = 5 * MINUTE_MS;

/// What an event must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectation {
    New,
    Copy,
    Either,
}

/// The sessions of one partition.
pub(super) struct Memory {
    horizon_ms: i64,
    /// From a session's last new event until it is certainly forgotten, ms.
    forgotten_after_ms: i64,
    sessions: HashMap<Box<str>, Session>,
    swept_hour: i64,
}

struct Session {
    /// Log times, ms.
    first_ms: i64,
    last_ms: i64,
    /// What is added to the client's clock, ms.
    shift_ms: i64,
    is_import: bool,
    /// Effective time by event id, ms.
    events: HashMap<[u8; 16], i64>,
}

impl Memory {
    pub(super) fn new(horizon_ms: i64, silence_ms: i64) -> Self {
        // A second because log times of closing are kept in whole ones, rounded up.
        let forgotten_after_ms = horizon_ms + silence_ms.max(TOLERANCE_MS) + HOUR_MS + 1_000;
        Self { horizon_ms, forgotten_after_ms, sessions: HashMap::new(), swept_hour: i64::MIN }
    }

    /// What a record must be that comes at `log_time_ms`.
    pub(super) fn expect(&self, event: &PlaybackEvent<'_>, log_time_ms: i64) -> Expectation {
        let Some(session) = self.sessions.get(event.session_id) else { return Expectation::New };
        let Some(&effective_ms) = session.events.get(&event.event_id) else { return Expectation::New };
        if log_time_ms >= session.last_ms.saturating_add(self.forgotten_after_ms) {
            Expectation::New
        } else if !session.is_import && log_time_ms <= session.first_ms.max(effective_ms).saturating_add(self.horizon_ms) {
            Expectation::Copy
        } else {
            Expectation::Either
        }
    }

    /// Takes note of a new event.
    pub(super) fn remember(&mut self, event: &PlaybackEvent<'_>, log_time_ms: i64, is_import: bool) {
        self.forget_old(log_time_ms);
        if !self.sessions.contains_key(event.session_id) {
            let shift_ms = event.clock_shift_ms.filter(|shift_ms| shift_ms.unsigned_abs() > TOLERANCE_MS.unsigned_abs()).unwrap_or(0);
            let session = Session { first_ms: log_time_ms, last_ms: log_time_ms, shift_ms, is_import, events: HashMap::new() };
            self.sessions.insert(event.session_id.into(), session);
        }
        if let Some(session) = self.sessions.get_mut(event.session_id) {
            let happened_ms = event.event_time.div_euclid(1000).saturating_add(session.shift_ms);
            let effective_ms = happened_ms.min(event.received_time.div_euclid(1000).saturating_add(TOLERANCE_MS));
            session.events.insert(event.event_id, effective_ms);
            session.last_ms = log_time_ms;
            session.is_import |= is_import;
        }
    }

    /// Drops, once an hour of log time, what is certainly forgotten.
    fn forget_old(&mut self, log_time_ms: i64) {
        let hour = log_time_ms.div_euclid(HOUR_MS);
        if hour > self.swept_hour {
            self.swept_hour = hour;
            self.sessions.retain(|_, session| log_time_ms < session.last_ms.saturating_add(self.forgotten_after_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H_MS: i64 = 78 * HOUR_MS;
    const START_MS: i64 = 1_714_852_800_000;

    fn event(id: u8, at_ms: i64) -> PlaybackEvent<'static> {
        let (event_time, received_time) = (at_ms * 1000, (at_ms + 50) * 1000);
        PlaybackEvent { event_id: [id; 16], session_id: "s", event_time, received_time, ..PlaybackEvent::default() }
    }

    fn memory() -> Memory {
        Memory::new(H_MS, 30 * MINUTE_MS)
    }

    #[test]
    fn a_copy_is_one_as_long_as_its_session_is_surely_remembered() {
        let mut memory = memory();
        let first = event(1, START_MS);
        assert_eq!(memory.expect(&first, START_MS), Expectation::New);
        memory.remember(&first, START_MS, false);
        let cases = [
            (0, Expectation::Copy),
            (H_MS, Expectation::Copy),
            (H_MS + 1, Expectation::Either),
            (H_MS + 90 * MINUTE_MS, Expectation::Either),
            (H_MS + 90 * MINUTE_MS + 1_000, Expectation::New),
        ];
        for (after_ms, expected) in cases {
            assert_eq!(memory.expect(&first, START_MS + after_ms), expected, "{after_ms}");
        }
        assert_eq!(memory.expect(&event(2, START_MS), START_MS), Expectation::New);
        let elsewhere = PlaybackEvent { session_id: "t", ..first };
        assert_eq!(memory.expect(&elsewhere, START_MS), Expectation::New);
    }

    #[test]
    fn a_session_that_goes_on_is_remembered_longer() {
        let mut memory = memory();
        memory.remember(&event(1, START_MS), START_MS, false);
        let later_ms = START_MS + 20 * HOUR_MS;
        memory.remember(&event(2, later_ms), later_ms, false);
        assert_eq!(memory.expect(&event(1, START_MS), START_MS + H_MS + 2 * HOUR_MS), Expectation::Either);
        assert_eq!(memory.expect(&event(2, later_ms), START_MS + H_MS + 2 * HOUR_MS), Expectation::Copy);
    }

    #[test]
    fn copies_of_imports_may_be_either() {
        let mut memory = memory();
        memory.remember(&event(1, START_MS), START_MS, true);
        assert_eq!(memory.expect(&event(1, START_MS), START_MS), Expectation::Either);
    }

    #[test]
    fn what_is_surely_forgotten_takes_no_memory() {
        let mut memory = memory();
        for hour in 0..1_000 {
            let at_ms = START_MS + hour * HOUR_MS;
            let id = hour.to_string();
            let event = PlaybackEvent { session_id: &id, ..event(1, at_ms) };
            memory.remember(&event, at_ms, false);
        }
        assert_eq!(memory.sessions.len(), 80);
    }
}
