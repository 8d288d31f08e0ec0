//! Saved states: one that is saved while events go on being processed is the state as it was when the save began.

use std::sync::Arc;
use std::time::Duration;

use pipeline::Processor as _;
use pipeline::testing::{Call, Fault, FaultKind, Seeded};
use proptest::prelude::*;
use schemas::{EventType, PlaybackEvent};

use crate::driver::{DAY, Driver, HOUR, MINUTE, SECOND, Written, event};
use crate::topology::{check_a_fault_at_any_call, filled, first_difference, undisturbed};

/// An event of one of `sessions`, and when it arrives; none: a heartbeat.
type Arrival = (i64, Option<PlaybackEvent<'static>>);

const SESSIONS: [&str; 12] = [
    "s0",
    "s1",
    "s2",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "0f8fad5b-d9cb-469f-a165-70867728950f",
    "s5",
    "s6",
    "s7",
    "abcdef0123",
    "abcdef0124",
    "s10",
    "s11",
];

/// Sessions that begin, end, go on, are cut and forgotten; copies, late events, other devices.
fn arrivals(random: &mut Seeded, count: usize) -> Vec<Arrival> {
    let mut at_ms = DAY;
    (0..count as u32)
        .map(|number| {
            at_ms += [0, 5, 900, 20 * SECOND, 4 * MINUTE, 35 * MINUTE][random.below(6) as usize];
            at_ms += if random.below(60) == 0 { 30 * HOUR } else { 0 };
            if random.below(10) == 0 {
                return (at_ms, None);
            }
            let late_ms = [0, 0, 0, 10 * MINUTE, 26 * HOUR][random.below(5) as usize];
            // Copies: some event ids come again.
            let id = if random.below(5) == 0 { random.below(u64::from(number) + 1) as u32 } else { number };
            let kind = [EventType::Heartbeat, EventType::Startup, EventType::Pause, EventType::Play, EventType::End, EventType::SeekEnd]
                [random.below(6) as usize];
            let made = PlaybackEvent {
                session_id: SESSIONS[random.below(SESSIONS.len() as u64) as usize],
                profile_id: Some("p"),
                account_id: [None, Some("a")][random.below(2) as usize],
                event_time: (at_ms - late_ms) * 1000 + random.below(3) as i64,
                received_time: at_ms * 1000,
                position_ms: (random.below(3) > 0).then_some(i64::from(number) * 1_000),
                runtime_ms: (random.below(4) == 0).then_some(5_400_000),
                bitrate_bps: (random.below(4) == 0).then_some(3_000_000),
                device_type: [None, Some("tv"), Some("phone")][random.below(3) as usize],
                cdn: [None, Some("a"), Some("b")][random.below(3) as usize],
                ..event(id, kind, 0)
            };
            (at_ms, Some(made))
        })
        .collect()
}

fn give(driver: &mut Driver, (at_ms, event): &Arrival) {
    match event {
        Some(event) => _ = driver.event(*at_ms, event),
        None => driver.at(*at_ms),
    }
}

/// What a driver writes from here to long after its last session is forgotten.
fn rest(driver: &mut Driver, arrivals: &[Arrival]) -> Vec<Written> {
    arrivals.iter().for_each(|arrival| give(driver, arrival));
    let last_ms = driver.place().0.max(DAY);
    driver.at(last_ms + 30 * HOUR);
    driver.at(last_ms + 200 * HOUR);
    driver.take()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_comes_meanwhile_is_not_in_it(seed: u64, before in 0..150usize, meanwhile in 0..40usize, after in 0..60usize, bytes in 1..2_000usize) {
        let arrivals = arrivals(&mut Seeded::new(seed), before + meanwhile + after);
        let mut driver = Driver::new();
        arrivals[..before].iter().for_each(|arrival| give(&mut driver, arrival));
        driver.take();

        let place = driver.place();
        driver.playback.begin_save(&mut driver.state);
        let mut saved = Vec::new();
        let mut is_saved = false;
        for arrival in &arrivals[before..before + meanwhile] {
            give(&mut driver, arrival);
            if !is_saved {
                let mut piece = Vec::new();
                is_saved = driver.playback.save_piece(&mut driver.state, &mut piece, bytes);
                saved.extend(piece);
            }
        }
        while !is_saved {
            is_saved = driver.playback.save_piece(&mut driver.state, &mut saved, usize::MAX);
        }
        let written = [driver.take(), rest(&mut driver, &arrivals[before + meanwhile..])].concat();

        let mut restored = driver.restored(&saved, place);
        let written_again = rest(&mut restored, &arrivals[before..]);
        prop_assert_eq!(written.len(), written_again.len());
        for (index, (written, again)) in written.iter().zip(&written_again).enumerate() {
            prop_assert_eq!(written, again, "record {}", index);
        }
        prop_assert_eq!((driver.state.rows(), restored.state.rows()), (0, 0));
    }

    #[test]
    fn any_part_of_it_or_other_bytes_are_refused_without_a_panic(seed: u64, cut: prop::sample::Index, at: prop::sample::Index, byte: u8) {
        let mut driver = Driver::new();
        arrivals(&mut Seeded::new(seed), 60).iter().for_each(|arrival| give(&mut driver, arrival));
        driver.playback.begin_save(&mut driver.state);
        let mut saved = Vec::new();
        while !driver.playback.save_piece(&mut driver.state, &mut saved, usize::MAX) {}
        let source = pipeline::TopicPartition::default();
        if !saved.is_empty() {
            let part = driver.playback.load(source, &saved[..cut.index(saved.len())]);
            prop_assert!(part.is_err() || part.is_ok_and(|state| state.rows() < driver.state.rows()));
            let length = saved.len();
            saved[at.index(length)] = byte;
            // Whatever it says: hashes guard the bytes, this only must not end the process.
            let loaded = driver.playback.load(source, &saved);
            prop_assert!(loaded.is_err() || loaded.is_ok_and(|state| state.rows() <= length));
        }
    }
}

#[test]
fn a_fault_at_any_call_changes_no_byte_when_states_are_saved() {
    // At each commit and waited for; or begun at a commit, with records between the pieces.
    for interval in [Duration::ZERO, Duration::from_nanos(1)] {
        check_a_fault_at_any_call(12, Some(interval));
    }
}

#[test]
fn a_restart_replays_less_than_without() {
    let crash = Fault { at: 4, of: Some(Call::Commit), kind: FaultKind::Crash };
    let mut replayed = Vec::new();
    for interval in [None, Some(Duration::ZERO)] {
        let mut world = filled(3, 8);
        world.snapshot_interval = interval;
        world.run_playback(&[7], &[crash]).0.unwrap_err();
        replayed.push(world.run_playback(&[7], &[]).0.unwrap().replayed);
        assert_eq!(first_difference(&world.first_stage(), &undisturbed(3, 8).0.first_stage()), None);
        assert_eq!(world.run_playback(&[7], &[]).0.unwrap().replayed > 0, interval.is_none(), "all is saved in the end");
    }
    assert!(replayed[1] < replayed[0], "{replayed:?}");
}

/// A bound that decides what state is kept: what was saved under another one is not used.
#[test]
fn a_state_of_another_configuration_is_not_used() {
    let mut world = filled(4, 6);
    world.snapshot_interval = Some(Duration::ZERO);
    world.run_playback(&[], &[]).0.unwrap();
    assert_eq!(world.run_playback(&[], &[]).0.unwrap().replayed, 0);
    world.config.silence_ms += 1;
    assert!(world.run_playback(&[], &[]).0.unwrap().replayed > 0);
    let store = Arc::clone(&world.store);
    assert!(store.with(|held| !held.is_empty()));
}
