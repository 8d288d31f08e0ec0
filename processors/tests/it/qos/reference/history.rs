//! Sections 1 and 2: what was open when.

use std::collections::BTreeMap;

use processors::qos::Event;
use schemas::EventType as E;

pub(super) const SECOND: i64 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    NotStarted,
    Pause,
    Seek,
    Stall,
    Ad,
    Background,
    End,
}

pub(super) use Thing::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    Own,
    Playing,
    End(usize),
    Other,
    LastEvent,
}

#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) close: Close,
    pub(super) by_client: bool,
}

/// Sections 1 and 2: what was open when.
pub(super) struct History<'a> {
    pub(super) events: &'a [Event],
    /// The event that opened each open thing.
    pub(super) open: BTreeMap<Thing, usize>,
    pub(super) spans: BTreeMap<Thing, Vec<Span>>,
    /// How often an end event has come for nothing since its thing was last closed.
    orphans: BTreeMap<Thing, u32>,
    latest_seek_start: usize,
    pub(super) seek_starts: Vec<i64>,
    pub(super) started: Option<i64>,
    pub(super) error: bool,
    pub(super) counts: BTreeMap<Thing, u32>,
    pub(super) anomalies: u32,
}

impl<'a> History<'a> {
    pub(super) fn of(events: &'a [Event]) -> Self {
        let mut history = History {
            events,
            open: BTreeMap::new(),
            spans: [NotStarted, Pause, Seek, Stall, Ad, Background, End].map(|thing| (thing, Vec::new())).into(),
            orphans: BTreeMap::new(),
            latest_seek_start: 0,
            seek_starts: Vec::new(),
            started: None,
            error: false,
            counts: BTreeMap::new(),
            anomalies: 0,
        };
        history.open.insert(NotStarted, 0);
        if !history.has(E::Startup) && !history.has(E::SessionStart) {
            history.close(NotStarted, history.time(0), Close::Other);
        }
        for index in 0..events.len() {
            history.prove(index);
            history.happen(index);
        }
        let last = history.time(events.len() - 1);
        for thing in [NotStarted, Pause, Seek, Stall, Ad, Background] {
            history.close(thing, last, Close::LastEvent);
        }
        history
    }

    fn has(&self, kind: E) -> bool {
        self.events.iter().any(|event| event.kind() == kind)
    }

    pub(super) fn time(&self, index: usize) -> i64 {
        self.events[index].effective_time_us()
    }

    fn close(&mut self, thing: Thing, at: i64, close: Close) -> bool {
        let Some(opener) = self.open.remove(&thing) else { return false };
        let mut to = at;
        if thing == Seek && close != Close::Own {
            to = to.min(self.time(self.latest_seek_start) + 10 * SECOND);
        }
        if thing == NotStarted && close != Close::LastEvent {
            self.started = Some(at);
        }
        let from = self.time(opener);
        self.spans.get_mut(&thing).expect("every thing").push(Span { from, to, close, by_client: false });
        self.orphans.insert(thing, 0);
        true
    }

    /// What a heartbeat's position closes.
    fn prove(&mut self, index: usize) {
        let event = &self.events[index];
        let (E::Heartbeat, Some(position)) = (event.kind(), event.position_ms()) else { return };
        let rate = self.events[..index].iter().filter_map(Event::rate_thousandths).next_back().unwrap_or(1_000);
        for (thing, opener) in self.open.clone() {
            if thing == Background || (thing == NotStarted && self.has(E::Startup)) {
                continue;
            }
            let seek = (opener..index).rfind(|&before| self.events[before].kind() == E::SeekStart);
            let since = seek.map_or(opener, |seek| seek + 1);
            let known: Vec<(usize, i64)> =
                (since..index).filter_map(|before| Some((before, i64::from(self.events[before].position_ms()?)))).collect();
            let Some(reference) = known.iter().map(|&(_, position)| position).min() else { continue };
            let moved = i64::from(position) - reference;
            if moved < 1_000 {
                continue;
            }
            let near = known.iter().filter(|&&(_, position)| position - reference < 1_000).map(|&(before, _)| before).max();
            let near = near.expect("the reference itself");
            let instant = (self.time(index) - moved * SECOND / i64::from(rate)).max(self.time(near)).max(self.time(opener));
            self.close(thing, instant, Close::Playing);
        }
    }

    fn happen(&mut self, index: usize) {
        let event = self.events[index];
        let at = self.time(index);
        let ended = self.open.contains_key(&End);
        let fatal = event.is_fatal_error();
        match event.kind() {
            E::Startup => {
                self.close(NotStarted, at, Close::Playing);
                for thing in [Seek, Stall, Ad, End] {
                    self.close(thing, at, Close::Playing);
                }
            }
            E::Play => {
                if !self.close(Pause, at, Close::Playing) {
                    for thing in [Seek, Stall] {
                        self.close(thing, at, Close::Playing);
                    }
                }
                self.close(End, at, Close::Playing);
            }
            kind if kind == E::End || fatal => {
                if ended {
                    self.error |= fatal && self.started.is_none();
                } else {
                    for thing in [Pause, Seek, Stall, Ad, Background] {
                        self.close(thing, at, Close::End(index));
                    }
                    self.open.insert(End, index);
                    self.error = fatal;
                }
            }
            _ if ended => {}
            E::Pause => self.open_once(Pause, index),
            E::SeekStart => {
                self.seek_starts.push(at);
                if self.open.contains_key(&Seek) && at > self.time(self.latest_seek_start) + 10 * SECOND {
                    self.close(Seek, at, Close::Other);
                }
                self.open_once(Seek, index);
                self.latest_seek_start = index;
            }
            E::SeekEnd => self.own_end(Seek, at),
            E::BufferingStart => {
                self.anomalies += u32::from(self.open.contains_key(&Stall));
                self.open_once(Stall, index);
            }
            E::BufferingEnd => self.buffering_end(index),
            E::AdStart => {
                self.open_once(Ad, index);
                self.counts.insert(Ad, self.count(Ad) + 1);
            }
            E::AdEnd => self.own_end(Ad, at),
            E::Background => self.open_once(Background, index),
            E::Foreground => drop(self.close(Background, at, Close::Own)),
            _ => {}
        }
    }

    fn open_once(&mut self, thing: Thing, index: usize) {
        if self.open.contains_key(&thing) {
            return;
        }
        self.open.insert(thing, index);
        if thing != Ad {
            self.counts.insert(thing, self.count(thing) + 1);
        }
    }

    pub(super) fn count(&self, thing: Thing) -> u32 {
        self.counts.get(&thing).copied().unwrap_or(0)
    }

    fn own_end(&mut self, thing: Thing, at: i64) {
        if self.close(thing, at, Close::Own) {
            return;
        }
        let closed_before_its_end = self.spans[&thing].last().is_some_and(|last| last.close != Close::Own);
        let orphans = self.orphans.entry(thing).or_insert(0);
        *orphans += 1;
        self.anomalies += u32::from(!(closed_before_its_end && *orphans == 1));
    }

    fn buffering_end(&mut self, index: usize) {
        let at = self.time(index);
        let begin = self.events[index].duration_ms().map(|ms| at - i64::from(ms) * 1_000);
        let Some(begin) = begin.filter(|&begin| begin >= self.time(0)) else {
            self.anomalies += u32::from(begin.is_some());
            return self.own_end(Stall, at);
        };
        if let Some(opener) = self.open.remove(&Stall) {
            self.anomalies += u32::from((self.time(opener) - begin).abs() > SECOND);
        } else if self.spans[&Stall].last().is_some_and(|last| last.close == Close::Playing && begin < last.to) {
            self.spans.get_mut(&Stall).expect("every thing").pop();
        }
        let stalls = self.spans.get_mut(&Stall).expect("every thing");
        let from = stalls.last().map_or(begin, |before| begin.max(before.to));
        stalls.push(Span { from, to: at, close: Close::Own, by_client: true });
        self.orphans.insert(Stall, 0);
    }

    pub(super) fn holds(&self, thing: Thing, instant: i64) -> bool {
        let open_since = self.open.get(&thing).filter(|_| thing == End).map(|&opener| self.time(opener));
        open_since.is_some_and(|since| since <= instant) || self.spans[&thing].iter().any(|span| span.from <= instant && instant < span.to)
    }
}
