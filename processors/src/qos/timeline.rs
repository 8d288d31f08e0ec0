//! The session's time, cut at its events and where labels change, with the rate, bitrate and network in force.

use super::{Event, Label, labels::Run};

/// Time in which nothing changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) duration_us: i64,
    /// How much of it was playing: all of it if labelled so until proof takes from it, none of the others until proof gives.
    pub(super) playing_us: i64,
    /// How much of the playing nothing has proven yet.
    pub(super) unproven_us: i64,
    pub(super) rate_thousandths: u32,
    pub(super) bitrate_bps: Option<u32>,
    pub(super) cdn: Option<u16>,
    pub(super) label: Label,
    pub(super) plays_below: bool,
    pub(super) by_client: bool,
    /// Whether the events around it are so far apart that nobody may have been there.
    pub(super) in_silence: bool,
}

/// What an event puts in force until another one changes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct InForce {
    rate_thousandths: u32,
    bitrate_bps: Option<u32>,
    cdn: Option<u16>,
}

impl InForce {
    /// Before the first event: normal speed, nothing else known.
    pub(super) const fn before_first() -> Self {
        Self { rate_thousandths: 1_000, bitrate_bps: None, cdn: None }
    }

    pub(super) fn apply(&mut self, event: &Event) {
        self.rate_thousandths = event.rate_thousandths().unwrap_or(self.rate_thousandths);
        self.bitrate_bps = event.bitrate_bps().or(self.bitrate_bps);
        self.cdn = event.cdn().or(self.cdn);
    }
}

/// Lays the runs of labels out into segments, from event to event.
pub(super) struct Timeline<'a> {
    runs: &'a [Run],
    segments: &'a mut Vec<Segment>,
    reached_us: i64,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(runs: &'a [Run], segments: &'a mut Vec<Segment>) -> Self {
        segments.clear();
        Self { runs, segments, reached_us: 0 }
    }

    /// The segments up to the instant reached.
    pub(super) fn segments(&mut self) -> &mut [Segment] {
        self.segments
    }

    /// Lays out the time up to the next event.
    pub(super) fn advance(&mut self, at_us: i64, in_force: InForce, in_silence: bool) {
        while self.reached_us < at_us
            && let Some((run, later)) = self.runs.split_first()
        {
            let end_us = run.end_us.min(at_us);
            let duration_us = end_us - self.reached_us;
            let playing_us = if run.label == Label::Playing { duration_us } else { 0 };
            self.segments.push(Segment {
                duration_us,
                playing_us,
                unproven_us: playing_us,
                rate_thousandths: in_force.rate_thousandths,
                bitrate_bps: in_force.bitrate_bps,
                cdn: in_force.cdn,
                label: run.label,
                plays_below: run.plays_below,
                by_client: run.by_client,
                in_silence,
            });
            self.reached_us = end_us;
            if run.end_us == end_us {
                self.runs = later;
            }
        }
    }
}
