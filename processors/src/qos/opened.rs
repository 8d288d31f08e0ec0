//! What opens and what closes: one pass over the sorted events.
//!
//! | thing | opens at | closes at |
//! |---|---|---|
//! | not started | the first event | the first STARTUP; without any, a moving position; without SESSION_START either, at once |
//! | pause | PAUSE | PLAY, moving position, END |
//! | seek | SEEK_START | SEEK_END; else STARTUP, a PLAY that ends no pause, moving position, END, but at most 10 s after SEEK_START |
//! | stall | BUFFERING_START | BUFFERING_END, STARTUP, a PLAY that ends no pause, moving position, END |
//! | ad break | AD_START | AD_END, STARTUP, moving position, END |
//! | background | BACKGROUND | FOREGROUND, END |
//! | end | END, fatal ERROR (both are meant by END above) | STARTUP, PLAY, moving position |
//!
//! An event takes its position first, then opens and closes. What is open at the last event closes there.

use schemas::{EndedBy, EventType};

use super::{Event, intervals::Interval, moving_position::Reference, stalls::Stalls, tally::Firsts};

/// A seek that nothing ends is over this long after its latest SEEK_START.
const SEEK_TIMEOUT_US: i64 = 10_000_000;

/// The intervals in which things were open.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    pub(super) pauses: Vec<Interval>,
    pub(super) seeks: Vec<Interval>,
    /// Every SEEK_START that was not ignored, those within a seek included.
    pub(super) seek_starts_us: Vec<i64>,
    pub(super) stalls: Stalls,
    pub(super) ads: Vec<Interval>,
    pub(super) backgrounds: Vec<Interval>,
    pub(super) ends: Vec<Interval>,
}

impl Intervals {
    fn clear(&mut self) {
        for list in [&mut self.pauses, &mut self.seeks, &mut self.ads, &mut self.backgrounds, &mut self.ends] {
            list.clear();
        }
        self.seek_starts_us.clear();
        self.stalls.clear();
    }
}

/// What the pass finds beside the intervals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opened {
    /// When playback started; none if it never did.
    pub(super) started_at_us: Option<i64>,
    /// The cause of the end that is open at the last event.
    pub(super) ended_by: Option<EndedBy>,
    /// Whether the last stall is open at the last event.
    pub(super) stall_is_open: bool,
    /// Whether the END that is open at the last event closed the last stall.
    pub(super) stall_closed_by_open_end: bool,
    pub(super) seek_count: u32,
    pub(super) pause_count: u32,
    pub(super) ad_count: u32,
    pub(super) anomalies: u32,
}

/// Things that a moving position closes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    NotStarted,
    Pause,
    Seek,
    Stall,
    AdBreak,
    End,
}

impl Thing {
    const ALL: [Self; 6] = [Self::NotStarted, Self::Pause, Self::Seek, Self::Stall, Self::AdBreak, Self::End];
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ClosedBy {
    /// SEEK_END, BUFFERING_END, AD_END.
    OwnEnd,
    /// STARTUP, PLAY or a moving position.
    Playback,
    /// END, the next seek, the last event.
    Other,
}

#[derive(Clone, Copy)]
struct Open {
    since_us: i64,
    reference: Reference,
}

struct Pass<'a> {
    intervals: &'a mut Intervals,
    found: Opened,
    open: [Option<Open>; Thing::ALL.len()],
    background_since_us: Option<i64>,
    latest_seek_start_us: i64,
    /// Things whose last was closed by something else than its own end event, which may still come once.
    own_end_may_come: [bool; Thing::ALL.len()],
    rate_thousandths: u32,
}

/// Runs the pass over the sorted events, of which `origin_us` is the time of the first.
pub(super) fn pass(events: &[Event], origin_us: i64, firsts: Firsts, intervals: &mut Intervals) -> Opened {
    intervals.clear();
    let mut pass = Pass {
        intervals,
        found: Opened::default(),
        open: [None; Thing::ALL.len()],
        background_since_us: None,
        latest_seek_start_us: 0,
        own_end_may_come: [false; Thing::ALL.len()],
        rate_thousandths: 1_000,
    };
    match (firsts.startup, firsts.session_start, events.first()) {
        // Only STARTUP itself counts where the set has one.
        (Some(_), _, _) | (None, _, None) => {}
        (None, Some(_), Some(first)) => pass.open(Thing::NotStarted, first, 0),
        (None, None, Some(_)) => pass.found.started_at_us = Some(0),
    }
    let mut last_us = 0;
    for event in events {
        last_us = event.at_us(origin_us);
        pass.event(event, last_us);
    }
    pass.finish(last_us)
}

impl Pass<'_> {
    fn event(&mut self, event: &Event, at_us: i64) {
        if let Some(position_ms) = event.position_ms() {
            self.take_position(position_ms, at_us, event.kind() == EventType::Heartbeat);
        }
        self.rate_thousandths = event.rate_thousandths().unwrap_or(self.rate_thousandths);
        let ended = self.is_open(Thing::End);
        match event.kind() {
            EventType::Startup => self.startup(at_us),
            EventType::Play => self.play(at_us),
            EventType::SeekStart => {
                self.forget_references();
                if !ended {
                    self.seek_start(event, at_us);
                }
            }
            _ if event.is_end() => self.end(event, at_us),
            // Nothing opens or closes after the end but what shows that playback goes on.
            _ if ended => {}
            EventType::Pause if !self.is_open(Thing::Pause) => {
                self.found.pause_count += 1;
                self.open(Thing::Pause, event, at_us);
            }
            EventType::SeekEnd => self.own_end(Thing::Seek, at_us),
            EventType::BufferingStart if self.is_open(Thing::Stall) => self.found.anomalies += 1,
            EventType::BufferingStart => self.open(Thing::Stall, event, at_us),
            EventType::BufferingEnd => self.buffering_end(event, at_us),
            EventType::AdStart => {
                self.found.ad_count += 1;
                if !self.is_open(Thing::AdBreak) {
                    self.open(Thing::AdBreak, event, at_us);
                }
            }
            EventType::AdEnd => self.own_end(Thing::AdBreak, at_us),
            EventType::Background => self.background_since_us = self.background_since_us.or(Some(at_us)),
            EventType::Foreground => self.close_background(at_us),
            _ => {}
        }
    }

    fn take_position(&mut self, position_ms: u32, at_us: i64, proves: bool) {
        for thing in Thing::ALL {
            let Some(open) = &mut self.open[thing as usize] else { continue };
            let Some(moved_ms) = open.reference.take(position_ms, at_us) else { continue };
            if proves {
                let since_us = open.reference.proven_since_us(at_us, moved_ms, self.rate_thousandths);
                self.close(thing, since_us, ClosedBy::Playback);
            }
        }
    }

    fn startup(&mut self, at_us: i64) {
        self.found.started_at_us.get_or_insert(at_us);
        for thing in [Thing::Seek, Thing::Stall, Thing::AdBreak, Thing::End] {
            self.close(thing, at_us, ClosedBy::Playback);
        }
    }

    fn play(&mut self, at_us: i64) {
        if !self.close(Thing::Pause, at_us, ClosedBy::Playback) {
            self.close(Thing::Seek, at_us, ClosedBy::Playback);
            self.close(Thing::Stall, at_us, ClosedBy::Playback);
        }
        self.close(Thing::End, at_us, ClosedBy::Playback);
    }

    fn end(&mut self, event: &Event, at_us: i64) {
        if self.is_open(Thing::End) {
            if event.is_fatal_error() && self.found.started_at_us.is_none() {
                self.found.ended_by = Some(EndedBy::Error);
            }
            return;
        }
        self.found.stall_closed_by_open_end = self.is_open(Thing::Stall);
        for thing in [Thing::Pause, Thing::Seek, Thing::Stall, Thing::AdBreak] {
            self.close(thing, at_us, ClosedBy::Other);
        }
        self.close_background(at_us);
        self.open(Thing::End, event, at_us);
        self.found.ended_by = Some(if event.is_fatal_error() { EndedBy::Error } else { EndedBy::End });
    }

    fn seek_start(&mut self, event: &Event, at_us: i64) {
        let goes_on = self.is_open(Thing::Seek) && at_us - self.latest_seek_start_us <= SEEK_TIMEOUT_US;
        if !goes_on {
            self.close(Thing::Seek, at_us, ClosedBy::Other);
            self.found.seek_count += 1;
            self.open(Thing::Seek, event, at_us);
        }
        self.latest_seek_start_us = at_us;
        self.intervals.seek_starts_us.push(at_us);
    }

    fn buffering_end(&mut self, event: &Event, at_us: i64) {
        let Some(duration_ms) = event.duration_ms() else {
            return self.own_end(Thing::Stall, at_us);
        };
        let start_us = at_us - i64::from(duration_ms) * 1_000;
        if start_us < 0 {
            self.found.anomalies += 1;
            return self.own_end(Thing::Stall, at_us);
        }
        let open_since_us = self.open[Thing::Stall as usize].take().map(|open| open.since_us);
        let measured = Interval { start_us, end_us: at_us };
        let contradicts = self.intervals.stalls.push_measured(measured, open_since_us);
        self.found.anomalies += u32::from(contradicts);
        self.own_end_may_come[Thing::Stall as usize] = false;
    }

    /// SEEK_END, BUFFERING_END or AD_END: an anomaly where it closes nothing, unless its thing was closed before it came.
    fn own_end(&mut self, thing: Thing, at_us: i64) {
        if !self.close(thing, at_us, ClosedBy::OwnEnd) {
            let was_expected = std::mem::take(&mut self.own_end_may_come[thing as usize]);
            self.found.anomalies += u32::from(!was_expected);
        }
    }

    fn is_open(&self, thing: Thing) -> bool {
        self.open[thing as usize].is_some()
    }

    fn open(&mut self, thing: Thing, event: &Event, at_us: i64) {
        self.open[thing as usize] = Some(Open { since_us: at_us, reference: Reference::opened_by(event, at_us) });
    }

    fn forget_references(&mut self) {
        for open in self.open.iter_mut().flatten() {
            open.reference.forget();
        }
    }

    /// True if the thing was open.
    fn close(&mut self, thing: Thing, at_us: i64, by: ClosedBy) -> bool {
        let Some(Open { since_us, .. }) = self.open[thing as usize].take() else { return false };
        self.own_end_may_come[thing as usize] = by != ClosedBy::OwnEnd;
        let interval = Interval { start_us: since_us, end_us: at_us };
        match thing {
            Thing::NotStarted => self.found.started_at_us = Some(at_us),
            Thing::Pause => self.intervals.pauses.push(interval),
            Thing::Seek if by == ClosedBy::OwnEnd => self.intervals.seeks.push(interval),
            Thing::Seek => {
                let timeout_us = self.latest_seek_start_us.saturating_add(SEEK_TIMEOUT_US);
                self.intervals.seeks.push(Interval { end_us: at_us.min(timeout_us), ..interval });
            }
            Thing::Stall => self.intervals.stalls.push_observed(interval, by == ClosedBy::Playback),
            Thing::AdBreak => self.intervals.ads.push(interval),
            Thing::End => {
                self.intervals.ends.push(interval);
                self.found.ended_by = None;
                self.found.stall_closed_by_open_end = false;
            }
        }
        true
    }

    fn close_background(&mut self, at_us: i64) {
        if let Some(since_us) = self.background_since_us.take() {
            self.intervals.backgrounds.push(Interval { start_us: since_us, end_us: at_us });
        }
    }

    /// Closes what is open at the last event, there; what has not started stays so.
    fn finish(mut self, last_us: i64) -> Opened {
        self.found.stall_is_open = self.is_open(Thing::Stall);
        // What was found stands: closing the end here is no sign of playback.
        let found = self.found;
        for thing in [Thing::Pause, Thing::Seek, Thing::Stall, Thing::AdBreak, Thing::End] {
            self.close(thing, last_us, ClosedBy::Other);
        }
        self.close_background(last_us);
        found
    }
}
