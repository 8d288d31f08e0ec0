//! What can't be known of a session, since events of it were lost.
//!
//! A heartbeat changes nothing: the position on the next one proves what was played. Whatever is lost behind the last event that comes is
//! as if the viewer had vanished there, which is known. What is lost between leaves open what the rules make of the rest, so the figures
//! that it bears on are given up rather than guessed.

use schemas::EventType;

use super::session::Session;
use super::truth::SessionTruth;

/// Successive events that are further apart have silence between them, which the rules of quality of service judge by themselves, ms.
const SILENCE_MS: i64 = 300_000;

macro_rules! figures {
    ($($name:ident)*) => {
        /// Says nothing of a figure any more.
        fn give_up(truth: &mut SessionTruth, figure: &str) {
            match figure {
                $(stringify!($name) => truth.$name = None,)*
                _ => unreachable!("{figure} is a figure"),
            }
        }
    };
}

figures! {
    outcome startup_ms starting_ms playing_ms paused_ms seeking_ms seek_buffering_ms rebuffering_ms ad_ms ad_rebuffering_ms background_ms
    ended_ms unknown_ms media_ms rebuffer_count micro_stall_count seek_count pause_count ad_count error_count bitrate_up_count
    bitrate_down_count avg_bitrate_bps min_bitrate_bps max_bitrate_bps startup_bitrate_bps cdn ended_in_rebuffer first_error_code anomalies
}

/// How the time divides, and what hangs on it.
const TIMES: &[&str] = &[
    "starting_ms",
    "playing_ms",
    "paused_ms",
    "seeking_ms",
    "seek_buffering_ms",
    "rebuffering_ms",
    "ad_ms",
    "ad_rebuffering_ms",
    "background_ms",
    "ended_ms",
    "unknown_ms",
    "media_ms",
    "rebuffer_count",
    "micro_stall_count",
    "ended_in_rebuffer",
    "anomalies",
    "avg_bitrate_bps",
    "min_bitrate_bps",
    "max_bitrate_bps",
    "cdn",
];

const BITRATES: &[&str] = &["avg_bitrate_bps", "min_bitrate_bps", "max_bitrate_bps", "bitrate_up_count", "bitrate_down_count", "cdn"];

/// On which figures the loss of an event of this type bears.
const fn borne_on(kind: EventType) -> [&'static [&'static str]; 3] {
    match kind {
        EventType::SessionStart => [TIMES, &["startup_ms", "outcome"], &[]],
        EventType::Startup => [TIMES, BITRATES, &["startup_ms", "outcome", "startup_bitrate_bps"]],
        EventType::Pause | EventType::Play => [TIMES, &["pause_count"], &[]],
        EventType::SeekStart | EventType::SeekEnd => [TIMES, &["seek_count"], &[]],
        EventType::AdStart | EventType::AdEnd => [TIMES, &["ad_count", "startup_ms"], &[]],
        EventType::BitrateChange => [BITRATES, &[], &[]],
        EventType::Error => [&["error_count", "first_error_code"], &[], &[]],
        EventType::Heartbeat => [&[], &[], &[]],
        _ => [TIMES, &[], &[]],
    }
}

/// Gives up the figures that can't be known. `last` is the last event that comes.
pub(super) fn give_up_what_is_unprovable(session: &Session, last: usize, truth: &mut SessionTruth) {
    let delivered = &session.deliveries.delivered;
    let mut unprovable: Vec<&str> = Vec::new();
    let mut before_ms = None;
    let mut is_lost_between = false;
    for (event, is_delivered) in session.events[..=last].iter().zip(delivered) {
        if !is_delivered {
            is_lost_between = true;
            unprovable.extend(borne_on(event.kind).into_iter().flatten());
            continue;
        }
        if is_lost_between && before_ms.is_some_and(|before_ms| event.at_ms() - before_ms > SILENCE_MS) {
            unprovable.extend(TIMES);
        }
        before_ms = Some(event.at_ms());
        is_lost_between = false;
    }
    unprovable.sort_unstable();
    unprovable.dedup();
    for figure in &unprovable {
        give_up(truth, figure);
    }
    truth.unprovable = unprovable.into_iter().map(str::to_owned).collect();
}
