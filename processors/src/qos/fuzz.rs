//! The fold's fuzz target, as a plain function.

use schemas::{EndedBy, EventType};

use super::{Closing, EndTracker, Event, Label, Summary, Workspace, fold, sort};

/// Bytes of input that make one event.
const EVENT_LEN: usize = 16;

/// Makes events of arbitrary bytes, with values from the plausible to the extreme, folds them, and checks what must hold of every
/// session: nothing panics, nothing is negative, the labels add up to the span, neither the order of arrival nor an earlier fold in
/// the workspace matters, and the tracker of ends agrees.
///
/// # Panics
/// If any of this does not hold.
pub fn fuzz_fold(data: &[u8]) {
    let mut events: Vec<Event> = Vec::with_capacity(data.len() / EVENT_LEN);
    let mut time_us = 1_700_000_000_000_000;
    for (index, bytes) in data.as_chunks::<EVENT_LEN>().0.iter().enumerate() {
        let event = decode(*bytes, index as u64, time_us);
        time_us = event.effective_time_us();
        events.push(event);
    }
    if events.is_empty() {
        return;
    }
    let closing = [Closing::Open, Closing::Timeout, Closing::Cut][events.len() % 3];
    let mut workspace = Workspace::new();
    let mut sorted = events.clone();
    sort(&mut sorted);
    let summary = fold(&sorted, closing, &mut workspace);
    check(&summary, &sorted);

    events.reverse();
    sort(&mut events);
    assert_eq!(sorted, events, "the order of arrival matters");
    assert_eq!(summary, fold(&events, closing, &mut workspace), "an earlier fold matters");
}

/// Checks what must hold of every session's summary.
fn check(summary: &Summary, sorted: &[Event]) {
    for label in Label::ALL {
        assert!(summary.durations[label] >= 0, "{label:?} is negative: {summary:?}");
    }
    let span_us = summary.ended_at_us.saturating_sub(summary.started_at_us);
    assert_eq!(summary.durations.total_us(), span_us, "the labels do not add up to the span: {summary:?}");
    assert!(summary.media_us >= 0, "media is negative: {summary:?}");
    assert!(summary.startup_us.is_none_or(|startup_us| (0..=span_us).contains(&startup_us)), "startup is out of the span: {summary:?}");
    let bitrates = (summary.min_bitrate_bps, summary.avg_bitrate_bps, summary.max_bitrate_bps);
    match bitrates {
        (None, None, None) => {}
        (Some(min), Some(avg), Some(max)) => assert!(min <= avg && avg <= max, "the mean bitrate is no mean: {summary:?}"),
        _ => panic!("some bitrates are known and others are not: {summary:?}"),
    }
    let ratios = [
        summary.rebuffer_ratio_cta2066(),
        summary.rebuffer_ratio_media3(),
        summary.rebuffer_ratio_mux(),
        summary.connection_induced_rebuffer_ratio(),
    ];
    assert!(ratios.iter().flatten().all(|ratio| (0.0..=1.0).contains(ratio)), "a ratio is out of range: {ratios:?} {summary:?}");

    let mut tracker = EndTracker::new();
    for event in sorted {
        tracker.observe(event);
    }
    let ended = matches!(summary.ended_by, EndedBy::End | EndedBy::Error);
    assert_eq!(tracker.is_ended(), ended, "the tracker of ends disagrees: {summary:?}");
}

/// One event: type, time after the previous one, and the other fields, each none, small, a bound of a rule, or extreme.
fn decode(bytes: [u8; EVENT_LEN], index: u64, previous_us: i64) -> Event {
    let [kind, time, time_low, sequence, position, position_low, duration, duration_low, bitrate, rate, code, cdn, flags, ..] = bytes;
    let kind = EventType::ALL[usize::from(kind) % EventType::ALL.len()];
    let low = i64::from(time_low);
    let effective_time_us = match time % 16 {
        0..=2 => previous_us,
        3..=6 => previous_us.saturating_add(low * 10_000),
        7..=10 => previous_us.saturating_add(low * 100_000),
        11 => previous_us.saturating_add(1_000_000 * [1, 5, 10, 300][usize::from(time_low) % 4] + low % 2),
        12 => previous_us.saturating_add(low * 10_000_000),
        13 => previous_us.saturating_sub(low * 100_000),
        14 => i64::from_le_bytes([time, time_low, position, duration, bitrate, rate, code, cdn]),
        _ => [i64::MIN, i64::MIN + 1, 0, i64::MAX - 1, i64::MAX][usize::from(time_low) % 5],
    };
    Event::new(effective_time_us, index ^ (u64::from(sequence) << 32), kind)
        .with_sequence(number(sequence, sequence))
        .with_position_ms(number(position, position_low))
        .with_duration_ms(number(duration, duration_low))
        .with_bitrate_bps(number(bitrate, rate))
        .with_rate_thousandths(
            [None, None, Some(1), Some(500), Some(1_000), Some(2_000), Some(16_000), Some(u32::MAX)][usize::from(rate) % 8],
        )
        .with_error(flags & 1 != 0, u16::from(code % 4))
        .with_cdn([0, 1, 2, u16::MAX][usize::from(cdn) % 4])
        .with_disagrees(flags & 0x1E == 0)
}

fn number(shape: u8, low: u8) -> Option<i64> {
    let low = i64::from(low);
    match shape % 16 {
        0..=5 => None,
        6..=8 => Some(low * 100),
        9..=12 => Some(low * 1_000),
        13 => Some(low * 1_000_000),
        14 => Some(-low),
        _ => Some([i64::MIN, i64::MAX, 999, 1_000][usize::from(shape >> 4) % 4]),
    }
}
