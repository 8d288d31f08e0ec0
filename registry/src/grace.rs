//! When a registry that knows no schema with an id is believed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long what was seen of unknown ids counts.
const MEMORY: Duration = Duration::from_secs(600);

/// After so many ids in a row that were waited for in vain there is no patience left.
const IN_VAIN: u32 = 5;

/// Most ids that are remembered.
const IDS: usize = 4096;

/// Ids that a registry does not know.
///
/// | asked for id                                        | answer |
/// |-----------------------------------------------------|--------|
/// | for the first time                                  | wait, or it is sure where there is no patience |
/// | again, within the patience since the first time     | wait   |
/// | again, later                                        | sure   |
/// | again, after it was not asked for during [`MEMORY`] | as for the first time |
///
/// The patience is the grace, halved for each id in a row that was waited for in vain, and none after [`IN_VAIN`] of them. A fresh schema is a
/// rare thing and rubbish comes in floods, so records with any number of different ids that mean nothing hold a partition up for twice the
/// grace, and not for the grace each. An id that turns out to be known, or [`MEMORY`] without such an id, sets it right again.
#[derive(Debug)]
pub(crate) struct Grace {
    grace: Duration,
    unknown: HashMap<u32, Unknown>,
    in_vain: u32,
    last_in_vain: Option<Instant>,
}

#[derive(Debug)]
struct Unknown {
    first: Instant,
    last: Instant,
    is_sure: bool,
}

impl Grace {
    pub(crate) fn new(grace: Duration) -> Self {
        Self { grace, unknown: HashMap::new(), in_vain: 0, last_in_vain: None }
    }

    /// The registry does not know this id. Whether that is believed.
    pub(crate) fn is_sure(&mut self, id: u32, now: Instant) -> bool {
        if self.last_in_vain.is_some_and(|last| now.duration_since(last) > MEMORY) {
            self.in_vain = 0;
        }
        if self.unknown.len() >= IDS && !self.unknown.contains_key(&id) {
            self.unknown.retain(|_, unknown| !unknown.is_sure && now.duration_since(unknown.last) <= MEMORY);
        }
        let patience = if self.in_vain < IN_VAIN { self.grace / 2u32.pow(self.in_vain) } else { Duration::ZERO };
        let unknown = self.unknown.entry(id).or_insert(Unknown { first: now, last: now, is_sure: false });
        if now.duration_since(unknown.last) > MEMORY {
            *unknown = Unknown { first: now, last: now, is_sure: false };
        }
        unknown.last = now;
        if !unknown.is_sure && now.duration_since(unknown.first) >= patience {
            unknown.is_sure = true;
            self.in_vain = self.in_vain.saturating_add(1);
            self.last_in_vain = Some(now);
        }
        unknown.is_sure
    }

    /// The registry knows this id.
    pub(crate) fn found(&mut self, id: u32) {
        if self.unknown.remove(&id).is_some() {
            self.in_vain = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_id_is_waited_for_as_long_as_the_grace() {
        let (mut grace, start) = (Grace::new(GRACE), Instant::now());
        for (at_ms, is_sure) in [(0, false), (5_000, false), (9_999, false), (10_000, true), (10_001, true)] {
            assert_eq!(grace.is_sure(7, start + ms(at_ms)), is_sure, "{at_ms}");
        }
        assert!(Grace::new(Duration::ZERO).is_sure(7, start), "without grace the first word counts");
    }

    #[test]
    fn any_number_of_ids_that_mean_nothing_costs_twice_the_grace() {
        let (mut grace, mut now) = (Grace::new(GRACE), Instant::now());
        let held_up: Duration = (0..10_000).map(|id| waited(&mut grace, id, &mut now)).sum();
        assert!(held_up > GRACE && held_up <= 2 * GRACE, "{held_up:?}");
        assert!(grace.unknown.len() <= IDS, "memory is bounded");
    }

    /// How long an id is waited for that never turns up.
    fn waited(grace: &mut Grace, id: u32, now: &mut Instant) -> Duration {
        let start = *now;
        while !grace.is_sure(id, *now) {
            *now += ms(100);
        }
        *now - start
    }

    #[test]
    fn one_that_was_worth_the_wait_brings_patience_back_and_so_does_time() {
        let (mut grace, mut now) = (Grace::new(GRACE), Instant::now());
        assert_eq!(waited(&mut grace, 1, &mut now), GRACE);
        assert_eq!(waited(&mut grace, 2, &mut now), GRACE / 2);
        grace.found(3);
        assert_eq!(waited(&mut grace, 4, &mut now), GRACE / 4, "3 was not waited for");
        assert!(!grace.is_sure(5, now));
        grace.found(5);
        assert_eq!(waited(&mut grace, 6, &mut now), GRACE);
        now += MEMORY + ms(1);
        assert_eq!(waited(&mut grace, 1, &mut now), GRACE, "it may have been given out since");
    }
}
