//! The order in which the fold reads events.

use std::cmp::Ordering;

use super::Event;

/// Steps of insertion that an event may cost on average before the rest is left to the general sort.
const STEPS_PER_EVENT: usize = 8;

/// Sorts into the fold's order: effective time, then sequence (a missing one first), then the hash of event_id.
///
/// Events arrive almost in order, so they are inserted one by one; a slice that is far from sorted falls back to the general sort
/// after a bounded number of steps. Nothing is allocated.
pub fn sort(events: &mut [Event]) {
    let mut steps_left = events.len().saturating_mul(STEPS_PER_EVENT);
    for unsorted in 1..events.len() {
        let event = events[unsorted];
        let mut place = unsorted;
        while place > 0 && compare(&event, &events[place - 1]).is_lt() {
            events[place] = events[place - 1];
            place -= 1;
        }
        events[place] = event;
        let steps = unsorted - place;
        if steps > steps_left {
            events.sort_unstable_by(compare);
            return;
        }
        steps_left -= steps;
    }
}

/// The order itself. `Option` sorts a missing sequence before every number.
pub(super) fn compare(left: &Event, right: &Event) -> Ordering {
    left.effective_time_us().cmp(&right.effective_time_us()).then_with(|| {
        let left_key = (left.sequence(), left.event_hash());
        left_key.cmp(&(right.sequence(), right.event_hash()))
    })
}
