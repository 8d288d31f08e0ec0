//! Both processors under the real runner: batches can't be observed, and a fault at any call changes no byte.

use std::time::Duration;

use pipeline::testing::{Call, Fault, FaultKind};
use proptest::prelude::*;

use crate::world::{Output, World};

pub(crate) fn filled(seed: u64, sessions: usize) -> World {
    let world = World::new();
    world.fill(seed, sessions);
    world
}

/// A world after an undisturbed run of the first stage, and one whose second stage has run over its progress.
pub(crate) fn undisturbed(seed: u64, sessions: usize) -> (World, World) {
    let first = filled(seed, sessions);
    first.run_playback(&[], &[]).0.unwrap();
    let second = World::new();
    second.copy_progress(&first);
    second.run_profile(&[], &[]).0.unwrap();
    (first, second)
}

/// `assert_eq` would print megabytes.
pub(crate) fn first_difference(got: &Output, expected: &Output) -> Option<String> {
    for ((name, partition, got), (_, _, expected)) in got.iter().zip(expected) {
        if let Some(index) = (0..got.len().max(expected.len())).find(|&index| got.get(index) != expected.get(index)) {
            return Some(format!("{name}-{partition}, record {index}: {:?} instead of {:?}", got.get(index), expected.get(index)));
        }
    }
    None
}

fn records(output: &Output, topic: &str) -> usize {
    output.iter().filter(|(name, _, _)| name == topic).map(|(_, _, records)| records.len()).sum()
}

#[test]
fn the_world_of_these_tests_has_something_of_everything() {
    let (first, second) = undisturbed(11, 6);
    for topic in ["playback_events.clean", "playback_sessions", "qos_session_summary", "viewing_progress", "active_streams", "dead_letters"]
    {
        assert!(records(&first.first_stage(), topic) > 2, "{topic}");
    }
    assert!(records(&second.second_stage(), "resume_state") > 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_split_into_batches_gives_the_same_bytes(seed in 0..1_000u64, sizes in prop::collection::vec(1..40usize, 1..20)) {
        let (first, second) = undisturbed(seed, 8);
        let world = filled(seed, 8);
        world.run_playback(&sizes, &[]).0.unwrap();
        prop_assert_eq!(first_difference(&world.first_stage(), &first.first_stage()), None);
        let world = World::new();
        world.copy_progress(&first);
        world.run_profile(&sizes, &[]).0.unwrap();
        prop_assert_eq!(first_difference(&world.second_stage(), &second.second_stage()), None);
    }
}

#[test]
fn a_process_that_died_goes_on_where_it_was() {
    let (first, second) = undisturbed(3, 8);
    let crash = [Fault { at: 3, of: Some(Call::Commit), kind: FaultKind::Crash }];
    let world = filled(3, 8);
    world.run_playback(&[7], &crash).0.unwrap_err();
    assert!(world.run_playback(&[7], &[]).0.unwrap().replayed > 0, "state was restored from the log");
    assert_eq!(first_difference(&world.first_stage(), &first.first_stage()), None);
    let world = World::new();
    world.copy_progress(&first);
    world.run_profile(&[7], &crash).0.unwrap_err();
    assert!(world.run_profile(&[7], &[]).0.unwrap().replayed > 0, "state was restored from the log");
    assert_eq!(first_difference(&world.second_stage(), &second.second_stage()), None);
}

/// Faults of all kinds at every call of both stages; after a crash a new process goes on. States are saved so often, or not at all.
pub(crate) fn check_a_fault_at_any_call(seed: u64, snapshot_interval: Option<Duration>) {
    let sessions = 6;
    let (first, second) = undisturbed(seed, sessions);
    let (expected_first, expected_second) = (first.first_stage(), second.second_stage());
    let raw = || {
        let mut world = filled(seed, sessions);
        world.snapshot_interval = snapshot_interval;
        world
    };
    let with_progress = || {
        let mut world = World::new();
        world.snapshot_interval = snapshot_interval;
        world.copy_progress(&first);
        world
    };
    let playback_calls = raw().run_playback(&[9], &[]).1 as u64;
    let profile_calls = with_progress().run_profile(&[9], &[]).1 as u64;
    assert!(playback_calls > 40 && profile_calls > 40, "{playback_calls} and {profile_calls} calls");
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for at in 1..=playback_calls {
            let world = raw();
            if world.run_playback(&[9], &[Fault { at, of: None, kind }]).0.is_err() {
                world.run_playback(&[9], &[]).0.unwrap();
            }
            assert_eq!(first_difference(&world.first_stage(), &expected_first), None, "{kind:?} at call {at} of the playback stage");
        }
        for at in 1..=profile_calls {
            let world = with_progress();
            if world.run_profile(&[9], &[Fault { at, of: None, kind }]).0.is_err() {
                world.run_profile(&[9], &[]).0.unwrap();
            }
            assert_eq!(first_difference(&world.second_stage(), &expected_second), None, "{kind:?} at call {at} of the profile stage");
        }
    }
}

#[test]
fn a_fault_at_any_call_changes_no_byte() {
    check_a_fault_at_any_call(11, None);
}

/// A limit that refused events is lifted between two processes: what was refused is not taken into the state after all, so what is said of
/// those sessions goes on from what was accepted.
#[test]
fn what_was_refused_stays_refused_when_the_rules_change() {
    let mut world = World::new();
    world.config.max_session_events = 5;
    world.fill(5, 6);
    let crash = [Fault { at: 4, of: Some(Call::Commit), kind: FaultKind::Crash }];
    world.run_playback(&[9], &crash).0.unwrap_err();
    let refused: Vec<(u32, i64)> = world.refused("session_too_long");
    assert!(!refused.is_empty());
    world.config.max_session_events = 1_000;
    assert!(world.run_playback(&[9], &[]).0.unwrap().replayed > 0);
    assert_eq!(world.refused("session_too_long"), refused, "none is refused any more, and none twice");
    for (partition, offset) in refused {
        assert!(!world.has_clean_record_of(partition, offset), "{partition}:{offset} was refused, so it is not passed on");
    }
    // Every distinct event is counted once in what was said last: those that were passed on, no more and no fewer.
    let said = world.events_by_session_said();
    let passed_on = world.events_by_session_passed_on();
    assert_eq!(said, passed_on);
}

/// The other way round: what was accepted is accepted again when it is replayed, although a new limit would refuse it.
#[test]
fn what_was_accepted_stays_accepted_when_the_rules_change() {
    let mut world = World::new();
    world.fill(5, 6);
    let crash = [Fault { at: 4, of: Some(Call::Commit), kind: FaultKind::Crash }];
    world.run_playback(&[9], &crash).0.unwrap_err();
    world.config.max_session_events = 2;
    assert!(world.run_playback(&[9], &[]).0.unwrap().replayed > 0);
    assert_eq!(world.events_by_session_said(), world.events_by_session_passed_on());
}
