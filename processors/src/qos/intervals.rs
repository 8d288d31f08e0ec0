//! Intervals of session time. Lists of them are sorted and disjoint; an interval holds its first instant and not its last.

/// From `start_us` to `end_us`, microseconds since the session's first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start_us: i64,
    pub(super) end_us: i64,
}

impl Interval {
    pub(super) const fn duration_us(self) -> i64 {
        self.end_us - self.start_us
    }
}

/// What lies in an interval.
pub(super) trait Spanned {
    fn interval(&self) -> Interval;
}

impl Spanned for Interval {
    fn interval(&self) -> Interval {
        *self
    }
}

/// Whether one of the intervals holds the instant.
pub(super) fn hold(intervals: &[Interval], instant_us: i64) -> bool {
    let begun = intervals.partition_point(|interval| interval.start_us <= instant_us);
    begun > 0 && instant_us < intervals[begun - 1].end_us
}

/// How much of `of` the intervals cover.
pub(super) fn covered_us(intervals: &[Interval], of: Interval) -> i64 {
    let first = intervals.partition_point(|interval| interval.end_us <= of.start_us);
    intervals[first..]
        .iter()
        .take_while(|interval| interval.start_us < of.end_us)
        .map(|interval| interval.end_us.min(of.end_us) - interval.start_us.max(of.start_us))
        .sum()
}

/// What any of the lists covers, as one list.
pub(super) fn union(lists: [&[Interval]; 3], union: &mut Vec<Interval>) {
    union.clear();
    for list in lists {
        union.extend_from_slice(list);
    }
    union.sort_unstable_by_key(|interval| interval.start_us);
    union.dedup_by(|next, kept| {
        let touches = next.start_us <= kept.end_us;
        if touches {
            kept.end_us = kept.end_us.max(next.end_us);
        }
        touches
    });
}

/// Walks along a list, instant after instant.
pub(super) struct Cursor<'a, T> {
    rest: &'a [T],
}

impl<'a, T: Spanned> Cursor<'a, T> {
    pub(super) const fn new(list: &'a [T]) -> Self {
        Self { rest: list }
    }

    /// What holds the instant, which never goes back from call to call. `next_change_us` is lowered to the list's next boundary.
    pub(super) fn at(&mut self, instant_us: i64, next_change_us: &mut i64) -> Option<&'a T> {
        while let Some((first, rest)) = self.rest.split_first() {
            let Interval { start_us, end_us } = first.interval();
            if end_us <= instant_us {
                self.rest = rest;
                continue;
            }
            let holds = start_us <= instant_us;
            *next_change_us = (*next_change_us).min(if holds { end_us } else { start_us });
            return holds.then_some(first);
        }
        None
    }
}
