//! Stalls, by where they begin.
//!
//! A stall is cut at each SEEK_START and at the start of playback. Each part is of the kind of the place where it begins, to its end.

use schemas::EventType;

use super::{
    Event, Label,
    intervals::{self, Interval, Spanned},
    opened::{Intervals, Opened},
};

/// A part with less time of its own is not shown.
const SHORTEST_SHOWN_US: i64 = 250_000;
/// Up to and with this long after a seek's close a stall is the seek's doing, unless playback has moved since.
const AFTER_SEEK_US: i64 = 5_000_000;
/// A heartbeat this far past the first position after a seek shows that playback has moved.
const MOVED_MS: u32 = 1_000;

/// A part of a stall that is long enough to count.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownPart {
    pub(super) interval: Interval,
    pub(super) label: Label,
    /// Whether the stall's bounds are the client's own measure.
    pub(super) by_client: bool,
}

impl Spanned for ShownPart {
    fn interval(&self) -> Interval {
        self.interval
    }
}

/// What the parts add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StallCounts {
    pub(super) rebuffer_count: u32,
    pub(super) micro_stall_count: u32,
    pub(super) ended_in_rebuffer: bool,
}

/// Cuts the stalls into parts, judges each, and lists those that are shown. `hidden` is scratch.
pub(super) fn judge(
    events: &[Event],
    origin_us: i64,
    opened: &Opened,
    intervals: &Intervals,
    hidden: &mut Vec<Interval>,
    shown: &mut Vec<ShownPart>,
) -> StallCounts {
    shown.clear();
    let mut counts = StallCounts::default();
    let stalls = intervals.stalls.as_slice();
    if stalls.is_empty() {
        return counts;
    }
    intervals::union([&intervals.pauses, &intervals.backgrounds, &intervals.ends], hidden);
    let mut places = Places { events, origin_us, opened, intervals, played_after_seek: None };
    for (index, stall) in stalls.iter().enumerate() {
        let is_last_stall = index + 1 == stalls.len();
        let is_left_open = is_last_stall && opened.stall_is_open && !begins_out_of_sight(stall.interval.start_us, intervals);
        let mut begin_us = stall.interval.start_us;
        loop {
            let interval = Interval { start_us: begin_us, end_us: places.next_cut_us(begin_us).min(stall.interval.end_us) };
            let is_last_part = interval.end_us == stall.interval.end_us;
            let label = places.kind(begin_us);
            let own_us = interval.duration_us() - intervals::covered_us(hidden, interval);
            let is_shown = label.is_some() && (own_us >= SHORTEST_SHOWN_US || (is_left_open && is_last_part));
            if let Some(label) = label.filter(|_| is_shown) {
                shown.push(ShownPart { interval, label, by_client: stall.by_client });
            }
            if label == Some(Label::Rebuffering) {
                counts.rebuffer_count += u32::from(is_shown);
                counts.micro_stall_count += u32::from(!is_shown && own_us > 0);
                let lasts = opened.stall_is_open || opened.stall_closed_by_open_end;
                counts.ended_in_rebuffer = is_last_stall && is_last_part && is_shown && lasts;
            }
            if is_last_part {
                break;
            }
            begin_us = interval.end_us;
        }
    }
    counts
}

fn begins_out_of_sight(start_us: i64, intervals: &Intervals) -> bool {
    intervals::hold(&intervals.pauses, start_us) || intervals::hold(&intervals.backgrounds, start_us)
}

/// The places where a part of a stall can begin.
struct Places<'a> {
    events: &'a [Event],
    origin_us: i64,
    opened: &'a Opened,
    intervals: &'a Intervals,
    /// Index of the seek last asked about, and when a heartbeat showed playback after it.
    played_after_seek: Option<(usize, i64)>,
}

impl Places<'_> {
    /// The first instant after `instant_us` at which a stall is cut.
    fn next_cut_us(&self, instant_us: i64) -> i64 {
        let seek_starts_us = &self.intervals.seek_starts_us;
        let next_seek = seek_starts_us.partition_point(|&seek_start_us| seek_start_us <= instant_us);
        let next_seek_us = seek_starts_us.get(next_seek).copied().unwrap_or(i64::MAX);
        match self.opened.started_at_us {
            Some(started_at_us) if started_at_us > instant_us => next_seek_us.min(started_at_us),
            _ => next_seek_us,
        }
    }

    /// The kind of a part that begins here; none where it belongs to the start of playback.
    fn kind(&mut self, begin_us: i64) -> Option<Label> {
        if intervals::hold(&self.intervals.ads, begin_us) {
            return Some(Label::AdRebuffering);
        }
        if self.opened.started_at_us.is_none_or(|started_at_us| begin_us < started_at_us) {
            return None;
        }
        Some(if self.is_caused_by_seek(begin_us) { Label::SeekBuffering } else { Label::Rebuffering })
    }

    fn is_caused_by_seek(&mut self, begin_us: i64) -> bool {
        if self.intervals.seek_starts_us.binary_search(&begin_us).is_ok() {
            return true;
        }
        let seeks = &self.intervals.seeks;
        let begun = seeks.partition_point(|seek| seek.start_us < begin_us);
        let Some(latest) = begun.checked_sub(1) else { return false };
        let close_us = seeks[latest].end_us;
        if begin_us < close_us {
            return true;
        }
        begin_us - close_us <= AFTER_SEEK_US && begin_us < self.played_after_seek_us(latest)
    }

    /// The first heartbeat that shows playback after the seek, before the next seek and as long as it matters.
    fn played_after_seek_us(&mut self, seek: usize) -> i64 {
        if let Some((known, played_us)) = self.played_after_seek
            && known == seek
        {
            return played_us;
        }
        let close_us = self.intervals.seeks[seek].end_us;
        let next_seek_us = self.intervals.seeks.get(seek + 1).map_or(i64::MAX, |next| next.start_us);
        let limit_us = next_seek_us.min(close_us.saturating_add(AFTER_SEEK_US + 1));
        let played_us = first_moved_us(self.events, self.origin_us, close_us, limit_us).unwrap_or(i64::MAX);
        self.played_after_seek = Some((seek, played_us));
        played_us
    }
}

/// When, from `from_us` on and before `limit_us`, a heartbeat is first past the first position found there.
fn first_moved_us(events: &[Event], origin_us: i64, from_us: i64, limit_us: i64) -> Option<i64> {
    let first = events.partition_point(|event| event.at_us(origin_us) < from_us);
    let mut first_position_ms = None;
    for event in &events[first..] {
        let at_us = event.at_us(origin_us);
        if at_us >= limit_us {
            return None;
        }
        let Some(position_ms) = event.position_ms() else { continue };
        let moved_ms = position_ms.saturating_sub(*first_position_ms.get_or_insert(position_ms));
        if event.kind() == EventType::Heartbeat && moved_ms >= MOVED_MS {
            return Some(at_us);
        }
    }
    None
}
