//! Processes that are killed, stopped and replaced.

use std::time::Duration;

use e2e::{PARTITIONS, RunArguments, Scene, Stack, until};
use pipeline::testing::Seeded;
use pipeline::{Log as _, LogError, Polled, Shutdown};

use crate::running::{Process, Running, Seen, fixed, wait_until_done};

/// Runs what is left to the end, in this process.
fn finish(scene: &Scene, instance: &str) {
    let mut stage = scene.stage();
    let mut lane = stage.lane(fixed(scene, &scene.cluster, instance)).unwrap();
    stage.run(&mut lane, &RunArguments::default(), &Shutdown::default()).unwrap();
}

#[test]
fn killed_at_any_moment_and_started_again() {
    const KILLS: u32 = 6;
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "killed", 100);
    scene.write_all();
    let mut seeded = Seeded::new(17);
    let mut kills = 0;
    while kills < KILLS {
        let mut process = Process::start(&scene, "one", 40, false);
        let before = scene.outputs_end();
        until("outputs", || (scene.outputs_end() > before || process.has_ended()).then_some(()));
        // Not to wait for something: it chooses the moment of the kill.
        std::thread::sleep(Duration::from_millis(seeded.below(120)));
        assert!(!process.has_ended(), "after {kills} kills there was something left to do");
        process.kill();
        kills += 1;
    }
    finish(&scene, "one");
    scene.assert_complete();
}

#[test]
fn a_process_stopped_for_longer_than_its_session_does_no_harm_when_it_goes_on() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "zombie", 80);
    scene.write(scene.left() / 2);
    let mut zombie = Process::start(&scene, "zombie", 40, true);
    until("outputs", || (scene.outputs_end() > 0).then_some(()));
    zombie.signal("STOP");
    scene.write_all();
    // The group gives the stopped one up after its session timeout, and its transaction is aborted.
    finish(&scene, "other");
    let end = scene.outputs_end();
    zombie.signal("CONT");
    zombie.let_end();
    let (is_well, said) = zombie.end();
    assert!(is_well, "it has lost its partitions, and goes on without them: {said}");
    scene.assert_complete();
    assert!(scene.outputs_end() >= end);
}

#[test]
fn whoever_has_the_name_last_keeps_it() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "twins", 80);
    scene.write(scene.left() / 2);
    let first = Running::start(&scene, fixed(&scene, &scene.cluster, "twin"), 40);
    first.wait_for_commits(3);
    let mut second = Process::start(&scene, "twin", 40, true);
    let error = first.end().unwrap_err();
    assert!(matches!(error, LogError::Fenced(_)), "{error}");
    scene.write_all();
    second.let_end();
    let (is_well, said) = second.end();
    assert!(is_well, "{said}");
    finish(&scene, "twin");
    scene.assert_complete();
}

/// A request to join that is answered too late is sent again, and then the second one replaces the first: that is no other instance.
#[test]
fn a_lane_that_was_replaced_once_comes_back() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "replaced", 80);
    scene.write(scene.left() / 2);
    let lane = Running::start(&scene, fixed(&scene, &scene.cluster, "one"), 40);
    lane.wait_for_commits(3);
    let mut other = scene.stage().lane(fixed(&scene, &scene.cluster, "one")).unwrap();
    until("the assignment of the other", || match other.poll(Duration::from_secs(1)).unwrap() {
        Polled::Assigned(sources) => Some(sources),
        Polled::Idle { .. } => None,
        polled => panic!("{polled:?}"),
    });
    drop(other);
    scene.write_all();
    until("the return of the first", || (Seen::count(&lane.seen.assigned) > u64::from(PARTITIONS) || lane.has_ended()).then_some(()));
    wait_until_done(&scene);
    assert!(Seen::count(&lane.seen.revoked) >= u64::from(PARTITIONS), "what it had was lost");
    lane.stop().unwrap();
    scene.assert_complete();
}
