//! What a moving position proves about a thing that is open.

use super::Event;

/// A heartbeat this far past the reference proves playback.
const MOVED_MS: u32 = 1_000;

/// The position that an open thing holds against those that come: the one on the event that opened it, else the first that comes
/// after, lowered by every position below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    position_ms: Option<u32>,
    /// The latest event whose position was less than [`MOVED_MS`] past the reference; before any, the opening.
    near_at_us: i64,
}

impl Reference {
    /// The reference of a thing that `event` opens.
    pub(super) fn opened_by(event: &Event, at_us: i64) -> Self {
        Self { position_ms: event.position_ms(), near_at_us: at_us }
    }

    /// A seek takes the reference away: positions before and after it can't be compared.
    pub(super) fn forget(&mut self) {
        self.position_ms = None;
    }

    /// Takes an event's position. How far it lies past the reference, where that is far enough to prove playback.
    pub(super) fn take(&mut self, position_ms: u32, at_us: i64) -> Option<u32> {
        match self.position_ms.and_then(|reference_ms| position_ms.checked_sub(reference_ms)) {
            Some(moved_ms) if moved_ms >= MOVED_MS => return Some(moved_ms),
            Some(_) => {}
            None => self.position_ms = Some(position_ms),
        }
        self.near_at_us = at_us;
        None
    }

    /// Since when playback has been going on, as a heartbeat at `at_us` proves that is `moved_ms` past the reference: not since before
    /// the latest event near the reference, so never since before the opening.
    pub(super) fn proven_since_us(&self, at_us: i64, moved_ms: u32, rate_thousandths: u32) -> i64 {
        let moved_us_thousandths = i64::from(moved_ms) * 1_000_000;
        (at_us - moved_us_thousandths / i64::from(rate_thousandths)).max(self.near_at_us)
    }
}
