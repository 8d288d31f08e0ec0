//! Labels: what each instant of a session was.

use super::{
    intervals::{Cursor, Interval},
    opened::{Intervals, Opened},
    stall_parts::ShownPart,
};

/// What an instant of a session was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Label {
    /// Playback was asked for and has not started.
    Starting,
    /// Content was playing.
    Playing,
    /// The viewer had paused.
    Paused,
    /// A seek was going on, without a stall.
    Seeking,
    /// A stall that a seek caused.
    SeekBuffering,
    /// A stall that no seek and no ad caused.
    Rebuffering,
    /// An ad was playing.
    Ad,
    /// A stall in an ad break.
    AdRebuffering,
    /// The app was in the background.
    Background,
    /// Playback was over.
    Ended,
    /// Nothing says what happened.
    Unknown,
}

impl Label {
    /// Every label, in the order of their values.
    pub const ALL: [Self; 11] = [
        Self::Starting,
        Self::Playing,
        Self::Paused,
        Self::Seeking,
        Self::SeekBuffering,
        Self::Rebuffering,
        Self::Ad,
        Self::AdRebuffering,
        Self::Background,
        Self::Ended,
        Self::Unknown,
    ];

    /// The name, as in the field `<label>_ms` of the summary's schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Playing => "playing",
            Self::Paused => "paused",
            Self::Seeking => "seeking",
            Self::SeekBuffering => "seek_buffering",
            Self::Rebuffering => "rebuffering",
            Self::Ad => "ad",
            Self::AdRebuffering => "ad_rebuffering",
            Self::Background => "background",
            Self::Ended => "ended",
            Self::Unknown => "unknown",
        }
    }
}

/// A stretch of one label. Runs follow each other without gaps from the first event to the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) end_us: i64,
    pub(super) label: Label,
    /// Background below which playing lies: it may have gone on unseen.
    pub(super) plays_below: bool,
    /// A stall whose bounds are the client's own measure.
    pub(super) by_client: bool,
}

/// Lists the runs of labels from 0 to `span_us`: of all that holds at an instant, the first of ended, background, paused, shown
/// stall, ad, starting, seeking, playing.
pub(super) fn list(span_us: i64, opened: &Opened, intervals: &Intervals, stalls: &[ShownPart], runs: &mut Vec<Run>) {
    runs.clear();
    let not_started = [Interval { start_us: 0, end_us: opened.started_at_us.unwrap_or(span_us) }];
    let mut ends = Cursor::new(&intervals.ends);
    let mut backgrounds = Cursor::new(&intervals.backgrounds);
    let mut pauses = Cursor::new(&intervals.pauses);
    let mut stalls = Cursor::new(stalls);
    let mut ads = Cursor::new(&intervals.ads);
    let mut starts = Cursor::new(&not_started);
    let mut seeks = Cursor::new(&intervals.seeks);
    let mut instant_us = 0;
    while instant_us < span_us {
        let mut end_us = span_us;
        let ended = ends.at(instant_us, &mut end_us).is_some();
        let background = backgrounds.at(instant_us, &mut end_us).is_some();
        let paused = pauses.at(instant_us, &mut end_us).is_some();
        let stall = stalls.at(instant_us, &mut end_us);
        let ad = ads.at(instant_us, &mut end_us).is_some();
        let starting = starts.at(instant_us, &mut end_us).is_some();
        let seeking = seeks.at(instant_us, &mut end_us).is_some();
        let in_view = match stall {
            _ if paused => Label::Paused,
            Some(part) => part.label,
            None if ad => Label::Ad,
            None if starting => Label::Starting,
            None if seeking => Label::Seeking,
            None => Label::Playing,
        };
        let label = match in_view {
            _ if ended => Label::Ended,
            _ if background => Label::Background,
            in_view => in_view,
        };
        let plays_below = label == Label::Background && in_view == Label::Playing;
        runs.push(Run { end_us, label, plays_below, by_client: stall.is_some_and(|part| part.by_client) });
        instant_us = end_us;
    }
}
