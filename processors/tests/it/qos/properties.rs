//! What holds of every session.

use processors::qos::{Closing, EndTracker, Event, Label, Workspace, fold, fuzz::fuzz_fold, sort};
use proptest::prelude::*;
use schemas::{EndedBy, EventType};

use super::{count, fold_unsorted, proptest_cases, sessions::sessions};

fn closing() -> impl Strategy<Value = Closing> {
    prop::sample::select(vec![Closing::Open, Closing::Timeout, Closing::Cut])
}

proptest! {
    #![proptest_config(proptest_cases(3_000))]

    #[test]
    fn labels_add_up_to_the_span(events in sessions(60), closing in closing()) {
        let summary = fold_unsorted(&events, closing);
        prop_assert!(Label::ALL.iter().all(|&label| summary.durations[label] >= 0), "{summary:?}");
        prop_assert_eq!(summary.durations.total_us(), summary.ended_at_us - summary.started_at_us);
        prop_assert!(summary.media_us >= 0);
        prop_assert!(summary.rebuffer_count > 0 || summary.durations[Label::Rebuffering] == 0);
        prop_assert!(!summary.ended_in_rebuffer || summary.rebuffer_count > 0);
        if summary.durations[Label::Playing] == 0 {
            prop_assert_eq!((summary.media_us, summary.avg_bitrate_bps), (0, None));
        }
    }

    #[test]
    fn neither_order_nor_duplicates_matter(
        (events, shuffled) in sessions(40).prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut received = shuffled;
        for copy in copies {
            received.push(events[copy.index(events.len())]);
        }
        let mut seen = std::collections::BTreeSet::new();
        received.retain(|event| seen.insert(event.event_hash()));
        prop_assert_eq!(fold_unsorted(&received, Closing::Timeout), fold_unsorted(&events, Closing::Timeout));
    }

    #[test]
    fn a_used_workspace_changes_nothing(first in sessions(60), second in sessions(60), closing in closing()) {
        let mut workspace = Workspace::new();
        for mut events in [first, second.clone(), second] {
            sort(&mut events);
            let again = fold(&events, closing, &mut workspace);
            prop_assert_eq!(again, fold(&events, closing, &mut Workspace::new()));
        }
    }

    #[test]
    fn the_tracker_of_ends_agrees_after_every_event(mut events in sessions(60)) {
        sort(&mut events);
        let mut tracker = EndTracker::new();
        let mut workspace = Workspace::new();
        for count in 1..=events.len() {
            tracker.observe(&events[count - 1]);
            let summary = fold(&events[..count], Closing::Open, &mut workspace);
            prop_assert_eq!(tracker.is_ended(), matches!(summary.ended_by, EndedBy::End | EndedBy::Error), "after {} events", count);
        }
    }

    #[test]
    fn an_unknown_event_changes_no_label(mut events in sessions(40), index in any::<prop::sample::Index>()) {
        sort(&mut events);
        let before = fold(&events, Closing::Timeout, &mut Workspace::new());
        let beside = events[index.index(events.len())];
        events.push(Event::new(beside.effective_time_us(), !0, EventType::Unknown).with_sequence(beside.sequence()));
        let after = fold_unsorted(&events, Closing::Timeout);
        prop_assert_eq!((after.durations, after.media_us, after.anomalies), (before.durations, before.media_us, before.anomalies));
    }

    #[test]
    fn sorting_is_what_the_general_sort_does(events in prop::collection::vec(wild_event(), 0..200)) {
        let key = |event: &Event| (event.effective_time_us(), event.sequence(), event.event_hash());
        let mut sorted = events.clone();
        sort(&mut sorted);
        let mut expected = events;
        expected.sort_by_key(key);
        prop_assert_eq!(sorted.iter().map(key).collect::<Vec<_>>(), expected.iter().map(key).collect::<Vec<_>>());
    }

    #[test]
    fn extreme_values_do_no_harm(events in prop::collection::vec(wild_event(), 1..40), closing in closing()) {
        let summary = fold_unsorted(&events, closing);
        prop_assert!(Label::ALL.iter().all(|&label| summary.durations[label] >= 0), "{summary:?}");
        prop_assert_eq!(summary.durations.total_us(), summary.ended_at_us.saturating_sub(summary.started_at_us));
        prop_assert!(summary.lost_events >= 0);
    }
}

fn wild_number() -> impl Strategy<Value = i64> {
    prop_oneof![
        2 => any::<i64>(),
        2 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::from(u32::MAX), i64::MAX - 1, i64::MAX]),
        2 => 0..1_000_000_i64,
    ]
}

fn wild_event() -> impl Strategy<Value = Event> {
    let number = || prop::option::of(wild_number());
    let rate = prop::sample::select(vec![None, Some(0), Some(1), Some(1_000), Some(u32::MAX)]);
    let kind = prop::sample::select(EventType::ALL.to_vec());
    let rest = (rate, any::<bool>(), any::<u16>(), any::<u16>(), any::<bool>());
    (wild_number(), 0..4_u64, kind, number(), number(), number(), number(), rest).prop_map(
        |(time_us, hash, kind, sequence, position, duration, bitrate, (rate, fatal, code, cdn, disagrees))| {
            Event::new(time_us, hash, kind)
                .with_sequence(sequence)
                .with_position_ms(position)
                .with_duration_ms(duration)
                .with_bitrate_bps(bitrate)
                .with_rate_thousandths(rate)
                .with_error(fatal, code)
                .with_cdn(cdn)
                .with_disagrees(disagrees)
        },
    )
}

#[test]
fn fuzzing_finds_nothing() {
    let runs = count("PLAYHEAD_FUZZ_RUNS").unwrap_or(20_000);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut data = Vec::new();
    for run in 0..runs {
        data.clear();
        // Sessions of 1 to 50 events of 16 bytes.
        for _ in 0..2 * (1 + run % 50) {
            // splitmix64
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            data.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
        }
        fuzz_fold(&data);
    }
}

#[test]
fn a_long_session_in_any_order_is_folded() {
    let events: Vec<Event> = (0..20_000_i64)
        .map(|index| {
            let kind = EventType::ALL[(index % 18) as usize];
            Event::new(1_700_000_000_000_000 + index * 7_919 % 20_000 * 1_000, index as u64, kind)
                .with_sequence(Some(index))
                .with_cdn((index % 5_000) as u16)
                .with_duration_ms(Some(index % 3))
                .with_position_ms((index % 2 == 0).then_some(index))
        })
        .collect();
    let summary = fold_unsorted(&events, Closing::Cut);
    assert_eq!((summary.event_count, summary.lost_events), (20_000, 0));
    assert_eq!(summary.durations.total_us(), 19_999_000);
}
