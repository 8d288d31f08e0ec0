//! Random sessions, rich enough to reach every rule of the fold.

use processors::qos::Event;
use proptest::prelude::*;
use schemas::EventType;

/// Where random sessions begin, microseconds since 1970.
const BEGIN_US: i64 = 1_700_000_000_000_000;

/// A session's events in the order in which its client made them, at most `most`.
pub(crate) fn sessions(most: usize) -> impl Strategy<Value = Vec<Event>> {
    (prop::collection::vec(step(), 1..=most), 0..10_u8).prop_map(|(steps, opening)| play(&steps, opening))
}

/// What a client does next.
#[derive(Clone, Debug)]
struct Step {
    kind: EventType,
    gap_us: i64,
    position: Position,
    duration: Measure,
    bitrate_bps: Option<i64>,
    rate_thousandths: Option<u32>,
    cdn: u16,
    sequence: Sequence,
    fatal: bool,
    code: u16,
    disagrees: bool,
    hash: u64,
}

#[derive(Clone, Debug)]
enum Position {
    None,
    /// As playback at the rate in force would have it.
    Follows,
    /// So much further than the last one.
    Moves(i64),
    At(i64),
}

#[derive(Clone, Debug)]
enum Measure {
    None,
    /// The time since the event so many before, and so much more.
    Since(usize, i64),
    Of(i64),
}

#[derive(Clone, Debug)]
enum Sequence {
    None,
    Next,
    Skips(i64),
    Repeats,
}

fn step() -> impl Strategy<Value = Step> {
    let in_force = (bitrate(), rate(), prop_oneof![6 => Just(0), 1 => 1..4_u16]);
    let other = (sequence(), prop::bool::weighted(0.4), 0..3_u16, prop::bool::weighted(0.02), any::<u64>());
    (kind(), gap_us(), position(), duration(), in_force, other).prop_map(
        |(kind, gap_us, position, duration, (bitrate_bps, rate_thousandths, cdn), (sequence, fatal, code, disagrees, hash))| Step {
            kind,
            gap_us,
            position,
            duration,
            bitrate_bps,
            rate_thousandths,
            cdn,
            sequence,
            fatal,
            code,
            disagrees,
            hash,
        },
    )
}

fn kind() -> impl Strategy<Value = EventType> {
    use EventType as E;
    prop_oneof![
        12 => Just(E::Heartbeat),
        5 => Just(E::BufferingStart),
        5 => Just(E::BufferingEnd),
        3 => Just(E::Play),
        3 => Just(E::Pause),
        4 => Just(E::SeekStart),
        3 => Just(E::SeekEnd),
        2 => Just(E::Startup),
        2 => Just(E::AdStart),
        2 => Just(E::AdEnd),
        2 => Just(E::Background),
        2 => Just(E::Foreground),
        1 => Just(E::Error),
        2 => Just(E::End),
        1 => Just(E::SessionStart),
        1 => Just(E::BitrateChange),
        1 => Just(E::RateChange),
        1 => Just(E::Unknown),
    ]
}

fn gap_us() -> impl Strategy<Value = i64> {
    let bounds = [100, 249, 250, 500, 999, 1_000, 1_001, 2_000, 4_000, 5_000, 9_000, 10_000, 300_000];
    prop_oneof![
        3 => Just(0),
        4 => (0..400_i64).prop_map(|ms| ms * 1_000),
        8 => (0..12_i64).prop_map(|s| s * 1_000_000),
        4 => (prop::sample::select(bounds.to_vec()), -1..=1_i64).prop_map(|(ms, us)| ms * 1_000 + us),
        1 => (250..400_i64).prop_map(|s| s * 1_000_000),
        1 => (0..20_000_i64).prop_map(|ms| ms * 1_000 + 7),
    ]
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![
        5 => Just(Position::None),
        5 => Just(Position::Follows),
        4 => prop::sample::select(vec![-5_000, -1_000, -1, 0, 1, 500, 999, 1_000, 1_001, 2_000, 5_000, 30_000]).prop_map(Position::Moves),
        1 => (0..3_000_000_i64).prop_map(Position::At),
    ]
}

fn duration() -> impl Strategy<Value = Measure> {
    prop_oneof![
        6 => Just(Measure::None),
        4 => (1..5_usize, prop::sample::select(vec![0, 0, 0, -1_001, -1_000, 1, 1_000, 1_001, -1])).prop_map(|(back, more)| Measure::Since(back, more)),
        2 => (0..15_000_i64).prop_map(Measure::Of),
        1 => (0..500_000_i64).prop_map(Measure::Of),
    ]
}

fn bitrate() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![6 => Just(None), 2 => (0..5_i64).prop_map(|step| Some(step * 1_000_000)), 1 => (0..2_000_000_000_i64).prop_map(Some)]
}

fn rate() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![10 => Just(None), 1 => prop::sample::select(vec![10, 333, 500, 1_000, 1_250, 2_000, 16_000]).prop_map(Some)]
}

fn sequence() -> impl Strategy<Value = Sequence> {
    prop_oneof![1 => Just(Sequence::None), 6 => Just(Sequence::Next), 1 => (-5..10_i64).prop_map(Sequence::Skips), 1 => Just(Sequence::Repeats)]
}

/// Makes the events. `opening` chooses how the session begins, mostly as sessions do.
fn play(steps: &[Step], opening: u8) -> Vec<Event> {
    let mut events = Vec::with_capacity(steps.len() + 2);
    let mut at_us = BEGIN_US;
    if opening < 8 {
        events.push(Event::new(at_us, 1, EventType::SessionStart).with_sequence(Some(-2)));
    }
    if opening < 6 {
        at_us += i64::from(opening) * 500_000;
        events.push(Event::new(at_us, 2, EventType::Startup).with_sequence(Some(-1)));
    }
    let mut position_ms = 0;
    let mut sequence = 0;
    let mut rate_thousandths = 1_000;
    for step in steps {
        at_us += step.gap_us;
        let duration_ms = match step.duration {
            Measure::None => None,
            Measure::Of(duration_ms) => Some(duration_ms),
            Measure::Since(back, more_ms) => {
                let since = events.len().checked_sub(back).map_or(BEGIN_US, |index| Event::effective_time_us(&events[index]));
                Some((at_us - since) / 1_000 + more_ms)
            }
        };
        let reported_ms = match step.position {
            Position::None => None,
            Position::Follows => Some(position_ms + step.gap_us * i64::from(rate_thousandths) / 1_000_000),
            Position::Moves(more_ms) => Some(position_ms + more_ms),
            Position::At(at_ms) => Some(at_ms),
        };
        position_ms = reported_ms.map_or(position_ms, |ms| ms.max(0));
        rate_thousandths = step.rate_thousandths.unwrap_or(rate_thousandths);
        sequence += match step.sequence {
            Sequence::Next => 1,
            Sequence::Skips(by) => by,
            Sequence::None | Sequence::Repeats => 0,
        };
        let event = Event::new(at_us, step.hash, step.kind)
            .with_sequence(Some(sequence).filter(|_| !matches!(step.sequence, Sequence::None)))
            .with_position_ms(reported_ms)
            .with_duration_ms(duration_ms)
            .with_bitrate_bps(step.bitrate_bps)
            .with_rate_thousandths(step.rate_thousandths)
            .with_error(step.fatal, step.code)
            .with_cdn(step.cdn)
            .with_disagrees(step.disagrees);
        events.push(event);
    }
    events
}
