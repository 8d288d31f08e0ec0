//! Timers of a partition, by log time. A row has one valid timer; it may come before it is due, and is then set anew.
//!
//! Most timers are set minutes to days ahead, and moved again before they are due. So they lie unsorted in a bucket a second, four bytes
//! each, until their second begins; only the timers of the second at hand are put in order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::row::Slot;

const BUCKET_MS: i64 = 1_000;

/// Pending timers.
pub(crate) struct Timers {
    /// Timers of later seconds.
    buckets: BTreeMap<i64, Vec<Slot>>,
    /// Timers of seconds that have begun, the earliest first.
    sorted: BinaryHeap<Reverse<(i64, Slot)>>,
    /// The first second that has not begun.
    next_second: i64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), sorted: BinaryHeap::new(), next_second: i64::MIN }
    }
}

impl Timers {
    /// Sets a timer; returns the tag by which it is known as the row's valid one.
    pub(crate) fn set(&mut self, due_ms: i64, slot: Slot) -> u32 {
        let second = second_of(due_ms);
        if second < self.next_second {
            self.sorted.push(Reverse((due_ms, slot)));
        } else {
            self.buckets.entry(second).or_default().push(slot);
        }
        tag(due_ms)
    }

    /// Puts the timers of all seconds that have begun at `now_ms` in order. `due_ms` says when a slot's timer is due; where it says none,
    /// the timer is no longer valid.
    pub(crate) fn begin_seconds(&mut self, now_ms: i64, due_ms: impl Fn(Slot, i64) -> Option<i64>) {
        let second = second_of(now_ms);
        if second < self.next_second {
            return;
        }
        self.next_second = second + 1;
        while let Some(bucket) = self.buckets.first_entry().filter(|bucket| *bucket.key() <= second) {
            let start_ms = bucket.key() * BUCKET_MS;
            let slots = bucket.remove();
            self.sorted.extend(slots.into_iter().filter_map(|slot| Some(Reverse((due_ms(slot, start_ms)?, slot)))));
        }
    }

    /// Forgets the timers of a later second that are no longer valid.
    pub(crate) fn forget_stale(&mut self, second: i64, is_valid: impl FnMut(&Slot) -> bool) {
        if let Some(bucket) = self.buckets.get_mut(&second) {
            bucket.retain(is_valid);
            bucket.shrink_to_fit();
        }
    }

    /// When the earliest of the seconds that have begun is due.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.sorted.peek().map(|Reverse((due_ms, _))| *due_ms)
    }

    /// Takes all that are due at `due_ms`.
    pub(crate) fn take_due(&mut self, due_ms: i64, slots: &mut Vec<Slot>) {
        while let Some(&Reverse((next_ms, slot))) = self.sorted.peek()
            && next_ms == due_ms
        {
            self.sorted.pop();
            slots.push(slot);
        }
    }
}

/// The second that a time falls into.
pub(crate) fn second_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(BUCKET_MS)
}

/// What of a due time is kept in a row.
pub(crate) fn tag(due_ms: i64) -> u32 {
    due_ms as u32
}

/// The due time within the second that begins at `start_ms`, if the tag is that of such a timer.
pub(crate) fn due_from_tag(tag: u32, start_ms: i64) -> Option<i64> {
    let after_ms = i64::from(tag.wrapping_sub(start_ms as u32));
    (after_ms < BUCKET_MS).then_some(start_ms + after_ms)
}
