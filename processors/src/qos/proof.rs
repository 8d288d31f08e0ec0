//! What positions, the client's watch time and silence say about playing time.

use schemas::EventType;

use super::{Event, Label, timeline::Segment};

/// Events further apart than this have silence between them.
pub(super) const SILENCE_US: i64 = 300_000_000;
/// Media may exceed the positions' difference by this much, or by a tenth of itself, before playing time is denied.
const MISSING_MEDIA: i128 = 2 * SECOND;
/// The positions' difference may exceed media by less than this before background time is taken for playing.
const HIDDEN_MEDIA: i128 = SECOND;

/// Media is counted in thousandths of a microsecond: playing time in microseconds x rate in thousandths.
const SECOND: i128 = 1_000_000 * 1_000;
const MILLISECOND: i128 = 1_000 * 1_000;

/// Media of so much playing time, in thousandths of a microsecond.
pub(super) fn media(playing_us: i64, rate_thousandths: u32) -> i128 {
    i128::from(playing_us) * i128::from(rate_thousandths)
}

/// An END's claim: the latest so much of the playing time laid out before it was watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct WatchTime {
    segments_before: usize,
    watched_us: i64,
}

/// Compares the positions of successive anchors with the playing time between them.
#[derive(Default)]
pub(super) struct Anchors {
    latest: Option<Anchor>,
}

#[derive(Clone, Copy)]
struct Anchor {
    position_ms: u32,
    /// How many segments lie before it.
    segments_before: usize,
    /// Whether a seek event has come since.
    seek_since: bool,
}

impl Anchors {
    /// Takes the next event; `segments` are those before it.
    pub(super) fn event(&mut self, event: &Event, segments: &mut [Segment]) {
        if let (EventType::SeekStart | EventType::SeekEnd, Some(latest)) = (event.kind(), &mut self.latest) {
            latest.seek_since = true;
        }
        let Some(position_ms) = event.position_ms() else { return };
        if let Some(latest) = self.latest
            && !latest.seek_since
            && let Some(moved_ms) = position_ms.checked_sub(latest.position_ms)
        {
            prove(&mut segments[latest.segments_before..], i128::from(moved_ms) * MILLISECOND);
        }
        self.latest = Some(Anchor { position_ms, segments_before: segments.len(), seek_since: false });
    }
}

/// Settles the playing time between two anchors, whose positions differ by `moved`.
fn prove(segments: &mut [Segment], moved: i128) {
    let media: i128 = segments.iter().map(|segment| media(segment.playing_us, segment.rate_thousandths)).sum();
    let missing = media - moved;
    if missing > MISSING_MEDIA && missing * 10 > media {
        keep_playing(segments, moved);
    } else if -missing >= HIDDEN_MEDIA {
        reveal_playing(segments, -missing);
    }
    for segment in segments {
        segment.unproven_us = 0;
    }
}

/// Keeps playing time from the front until its media is used up.
fn keep_playing(segments: &mut [Segment], mut media_left: i128) {
    for segment in segments {
        segment.playing_us = use_up(&mut media_left, segment.playing_us, segment.rate_thousandths);
    }
}

/// Turns background time below which playing lies into playing, from the front, until its media is used up.
fn reveal_playing(segments: &mut [Segment], mut media_left: i128) {
    for segment in segments.iter_mut().filter(|segment| segment.plays_below) {
        segment.playing_us = use_up(&mut media_left, segment.duration_us, segment.rate_thousandths);
    }
}

/// How much of the time the media left allows for; takes it off.
fn use_up(media_left: &mut i128, time_us: i64, rate_thousandths: u32) -> i64 {
    let wanted = media(time_us, rate_thousandths);
    if wanted <= *media_left {
        *media_left -= wanted;
        return time_us;
    }
    let allowed_us = *media_left / i128::from(rate_thousandths);
    *media_left = 0;
    // Less than `time_us`, as less media than that of `time_us` was left.
    allowed_us as i64
}

impl WatchTime {
    /// The claim of an END that carries the client's watch time.
    pub(super) fn of(event: &Event, segments_before: usize) -> Option<Self> {
        let watched_us = i64::from(event.duration_ms().filter(|_| event.kind() == EventType::End)?) * 1_000;
        Some(Self { segments_before, watched_us })
    }
}

/// Each claim, in the order of its END, proves the latest of the playing time before it that nothing has proven yet.
/// `unproven` is scratch: indices of segments with unproven time, the latest on top.
pub(super) fn credit_watch_time(watch_times: &[WatchTime], segments: &mut [Segment], unproven: &mut Vec<usize>) {
    unproven.clear();
    let mut reached = 0;
    for claim in watch_times {
        unproven.extend((reached..claim.segments_before).filter(|&index| segments[index].unproven_us > 0));
        reached = claim.segments_before;
        let mut left_us = claim.watched_us;
        while left_us > 0
            && let Some(&latest) = unproven.last()
        {
            let segment = &mut segments[latest];
            let proven_us = segment.unproven_us.min(left_us);
            segment.unproven_us -= proven_us;
            left_us -= proven_us;
            if segment.unproven_us == 0 {
                unproven.pop();
            }
        }
    }
}

/// In silence, unproven playing is not playing.
pub(super) fn deny_playing_in_silence(segments: &mut [Segment]) {
    for segment in segments.iter_mut().filter(|segment| segment.in_silence) {
        segment.playing_us -= segment.unproven_us;
        segment.unproven_us = 0;
    }
}

/// The label of what is not playing in a segment.
pub(super) fn label_of_rest(segment: &Segment) -> Label {
    match segment.label {
        Label::Playing => Label::Unknown,
        Label::Starting | Label::Seeking | Label::Ad if segment.in_silence => Label::Unknown,
        Label::Rebuffering | Label::SeekBuffering | Label::AdRebuffering if segment.in_silence && !segment.by_client => Label::Unknown,
        label => label,
    }
}
