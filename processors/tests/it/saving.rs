//! Saved states: one that is saved while events go on being processed is the state as it was when the save began.

use std::sync::Arc;
use std::time::Duration;

use pipeline::testing::{Call, Fault, FaultKind, Seeded};
use pipeline::{Outcome, Processor as _};
use proptest::prelude::*;
use schemas::{EventType, PlaybackEvent, PlaybackSession};

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

/// Saves to the end while arrivals come, one after each piece; what was saved, and how many arrivals came.
fn save_amid(driver: &mut Driver, number: u32, arrivals: &[Arrival], bytes: usize) -> (Vec<u8>, usize) {
    let mut saved = Vec::new();
    driver.begin_save(number);
    let mut came = 0;
    while !driver.save_piece(&mut saved, if came < arrivals.len() { bytes } else { usize::MAX }) {
        if let Some(arrival) = arrivals.get(came) {
            give(driver, arrival);
            came += 1;
        }
    }
    (saved, came)
}

/// Lets go of what was put away, one session at a time, while arrivals come; how many did.
fn let_go_amid(driver: &mut Driver, arrivals: &[Arrival]) -> usize {
    let mut came = 0;
    while !driver.playback.let_go(&mut driver.state, 1) {
        if let Some(arrival) = arrivals.get(came) {
            give(driver, arrival);
            came += 1;
        }
    }
    came
}

fn check_same(written: &[Written], again: &[Written]) {
    for (index, (written, again)) in written.iter().zip(again).enumerate() {
        assert_eq!(written, again, "record {index}");
    }
    assert_eq!(written.len(), again.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_comes_meanwhile_is_not_in_it(
        seed: u64,
        before in 0..150usize,
        (meanwhile, between, after) in (0..40usize, 0..80usize, 0..60usize),
        (bytes, is_let_go) in (1..2_000usize, any::<bool>()),
    ) {
        let arrivals = arrivals(&mut Seeded::new(seed), before + meanwhile + between + meanwhile + after);
        let mut undisturbed = Driver::new();
        let expected = rest(&mut undisturbed, &arrivals);

        let mut driver = Driver::new();
        let mut came = before;
        arrivals[..before].iter().for_each(|arrival| give(&mut driver, arrival));
        let mut written = driver.take();
        // Twice: the second state points to what the first put away.
        for number in 1..=2 {
            let (place, from, said) = (driver.place(), came, written.len());
            let (saved, while_saving) = save_amid(&mut driver, number, &arrivals[came..came + meanwhile], bytes);
            came += while_saving;
            if is_let_go {
                // What the next save is given meanwhile is left for it.
                let end = (came + between).min(arrivals.len() - meanwhile).max(came);
                came += let_go_amid(&mut driver, &arrivals[came..end]);
            }
            written.extend(driver.take());

            let mut restored = driver.restored(&saved, place);
            check_same(&rest(&mut restored, &arrivals[from..]), &expected[said..]);
            prop_assert_eq!((restored.state.rows(), restored.state.put_away().0), (0, 0));
        }
        written.extend(rest(&mut driver, &arrivals[came..]));
        check_same(&written, &expected);
        prop_assert_eq!((driver.state.rows(), driver.state.put_away().0), (0, 0));
    }

    #[test]
    fn any_part_of_it_or_other_bytes_are_refused_without_a_panic(seed: u64, cut: prop::sample::Index, at: prop::sample::Index, byte: u8) {
        let mut driver = Driver::new();
        arrivals(&mut Seeded::new(seed), 60).iter().for_each(|arrival| give(&mut driver, arrival));
        let (mut saved, _) = save_amid(&mut driver, 1, &[], usize::MAX);
        let source = pipeline::TopicPartition::default();
        let part = driver.playback.load(source, &saved[..cut.index(saved.len())]);
        prop_assert!(part.is_err() || part.is_ok_and(|state| state.rows() + state.put_away().0 < driver.state.rows()));
        let length = saved.len();
        saved[at.index(length)] = byte;
        // Whatever it says: hashes guard the bytes, this only must not end the process.
        let loaded = driver.playback.load(source, &saved);
        prop_assert!(loaded.is_err() || loaded.is_ok_and(|state| state.rows() <= length));
    }
}

/// Closed sessions leave memory, come back with a late event, and are forgotten in their time.
#[test]
fn a_closed_session_is_put_away_until_an_event_needs_it() {
    let mut driver = Driver::new();
    driver.event(DAY, &event(1, EventType::Startup, 0));
    driver.event(DAY + MINUTE, &event(2, EventType::End, MINUTE));
    driver.event(DAY + MINUTE, &PlaybackEvent { session_id: "open", ..event(3, EventType::Startup, MINUTE) });
    save_amid(&mut driver, 1, &[], usize::MAX);
    assert_eq!((driver.state.rows(), driver.state.put_away().0), (2, 0), "nothing leaves before it is durable");
    let_go_amid(&mut driver, &[]);
    assert_eq!((driver.state.rows(), driver.state.put_away().0), (1, 1));
    assert_eq!(driver.playback.segments(&driver.state).into_iter().collect::<Vec<_>>(), [1]);
    driver.take();

    // A copy is known, a late event raises the version: the session is what it was.
    assert!(matches!(driver.event(DAY + 2 * MINUTE, &event(1, EventType::Startup, 0)), Outcome::Drop("duplicate")));
    assert_eq!((driver.brought_back, driver.state.rows(), driver.state.put_away().0), (1, 2, 0));
    assert!(driver.playback.segments(&driver.state).is_empty());
    driver.event(DAY + 2 * MINUTE, &event(4, EventType::Heartbeat, 30_000));
    let sessions = driver.take_of("playback_sessions");
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].decode::<PlaybackSession<'_>>().event_count, 3);

    // Put away again, it is forgotten when its time is over, and not before.
    save_amid(&mut driver, 2, &[], usize::MAX);
    let_go_amid(&mut driver, &[]);
    assert_eq!(driver.state.put_away().0, 1);
    driver.at(DAY + 79 * HOUR - 1);
    assert_eq!(driver.state.put_away().0, 1);
    driver.at(DAY + 79 * HOUR);
    assert_eq!(driver.state.put_away().0, 0);
}

/// What changed after it was saved stays in memory: what lies in the segment is no longer it.
#[test]
fn a_session_that_changes_before_the_save_is_durable_stays() {
    let mut driver = Driver::new();
    driver.event(DAY, &event(1, EventType::End, 0));
    save_amid(&mut driver, 1, &[], usize::MAX);
    // It is reported at once: closed and said again, but not what was put away.
    driver.event(DAY + MINUTE, &event(2, EventType::Heartbeat, -1));
    let_go_amid(&mut driver, &[]);
    assert_eq!((driver.state.rows(), driver.state.put_away().0), (1, 0));
    // A newer row of the same session, without a change of the old one.
    let mut driver = Driver::new();
    driver.event(DAY, &event(1, EventType::End, 0));
    driver.at(DAY + 25 * HOUR);
    save_amid(&mut driver, 1, &[], usize::MAX);
    driver.event(DAY + 25 * HOUR, &event(2, EventType::Startup, 25 * HOUR));
    let_go_amid(&mut driver, &[]);
    assert_eq!((driver.state.rows(), driver.state.put_away().0), (2, 0));
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
