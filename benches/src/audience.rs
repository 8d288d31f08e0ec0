//! Many live sessions, one event of a random one at a time; a session that ended is replaced by a new one.

use crate::event_source::{DAY_MS, Random, Viewing};

/// Events that come at a time: few enough to stay in the caches from being made to being taken, as decoded events do.
pub(crate) const POLLED: usize = 256;
/// Each live session sends an event in 10 s.
const INTERVAL_MS: i64 = 10_000;

/// See the module's documentation.
pub(crate) struct Audience {
    viewings: Vec<Viewing>,
    random: Random,
    next_number: u64,
    length: u32,
    at_us: i64,
}

impl Audience {
    /// So many live sessions of `length` events each, all at their beginning.
    pub(crate) fn new(length: u32, live: usize) -> Self {
        let viewings = (0..live as u64).map(Viewing::new).collect();
        Self { viewings, random: Random(88_172_645_463_325_252), next_number: live as u64, length, at_us: 0 }
    }

    /// Puts each live session somewhere between its beginning and its end.
    pub(crate) fn spread_ages(&mut self) {
        for viewing in &mut self.viewings {
            viewing.next_event = (self.random.next() >> 16) as u32 % self.length;
        }
    }

    /// Polls until sessions of every age are live.
    pub(crate) fn warm_up_polls(&self) -> u64 {
        self.viewings.len() as u64 * u64::from(self.length) * 3 / 4 / POLLED as u64
    }

    /// Whose events come next, each with its log time in ms: viewings as they stand before the event, to make it from.
    pub(crate) fn poll(&mut self, polled: &mut Vec<(Viewing, i64)>) {
        polled.clear();
        for _ in 0..POLLED {
            self.at_us += INTERVAL_MS * 1000 / self.viewings.len() as i64;
            let index = (self.random.next() >> 16) as usize % self.viewings.len();
            let viewing = &mut self.viewings[index];
            polled.push((viewing.clone(), DAY_MS + self.at_us / 1000));
            viewing.next_event += 1;
            if viewing.next_event == self.length {
                *viewing = Viewing::new(self.next_number);
                self.next_number += 1;
            }
        }
    }

    /// Events of each session.
    pub(crate) fn length(&self) -> u32 {
        self.length
    }
}

/// A number of live sessions, for a figure's name.
pub(crate) fn live_text(live: usize) -> String {
    if live >= 1_000_000 { format!("{},000,000", live / 1_000_000) } else { format!("{},000", live / 1_000) }
}
