//! Whatever goes wrong with whatever call of the log: every record goes back once, with its marks.

use std::sync::atomic::{AtomicUsize, Ordering};

use pipeline::LogError;
use pipeline::testing::{Call, Fault, FaultKind};
use producers::redrive::{RedriveError, RedriveOptions, redrive};

use super::AT_MS;
use super::scene::{Raw, Scene};

/// Letters enough for several transactions in several partitions, one of them by reference, with copies among them.
fn filled() -> Scene {
    let scene = Scene::new();
    for number in 0..40u8 {
        let mut raw = scene.event(number, AT_MS + i64::from(number));
        if number == 11 {
            raw.value.as_mut().unwrap().resize(150_000, 0);
        }
        scene.refuse(&raw, "bad_rate");
        if number % 7 == 0 {
            scene.refuse(&raw, "bad_rate");
        }
    }
    scene
}

/// What redrives have left in the log, in an order of its own: records with their headers, marks and heartbeats. Topic ids are `T`.
fn left_behind(scene: &Scene) -> Vec<String> {
    let of_record = |raw: &Raw| {
        let (value, sum) = raw.value.as_ref().map_or((0, 0), |value| (value.len(), value.iter().map(|&byte| u64::from(byte)).sum()));
        let headers: Vec<_> = raw.headers.iter().map(|(_, value)| String::from_utf8_lossy(value)).collect();
        format!("{}@{} {} bytes, sum {sum}: {}", raw.partition, raw.timestamp_ms, value, headers.join(" "))
    };
    let mut left: Vec<String> = scene.redriven().iter().map(of_record).collect();
    left.extend(scene.marks().iter().map(|(id, source)| format!("mark {id} {source}")));
    left.extend(scene.beats().iter().map(|(partition, at_ms)| format!("beat {partition} {at_ms}")));
    left.iter_mut().for_each(|line| *line = line.replace(&scene.topic_id().to_string(), "T"));
    left.sort();
    left
}

#[test]
fn a_fault_at_any_call_loses_and_doubles_nothing() {
    let undisturbed = filled();
    let (ran, calls) = undisturbed.try_run(&undisturbed.options(), &[]);
    assert_eq!(ran.unwrap().report.redriven(), 40);
    let expected = left_behind(&undisturbed);
    assert!(calls > 30, "{calls}");
    let (mut again, mut through) = (0, 0);
    for kind in [FaultKind::Abort, FaultKind::LostReply, FaultKind::Crash] {
        for at in 1..=calls as u64 {
            let scene = filled();
            let options = scene.options();
            match scene.try_run(&options, &[Fault { at, of: None, kind }]).0 {
                Ok(ran) => {
                    through += 1;
                    assert_eq!(ran.report.redriven(), 40, "{kind:?} at call {at}");
                }
                Err(_) => {
                    again += 1;
                    scene.run();
                }
            }
            assert_eq!(left_behind(&scene), expected, "{kind:?} at call {at}");
            assert!(scene.run().codes().iter().all(|code| code.ends_with("redriven") && *code != "redriven"), "{kind:?} at call {at}");
        }
    }
    assert!(again > calls && through > 10, "{again} runs again, {through} went through");
}

/// A transaction of which nobody knows whether it went through is not an error: the ledger tells.
#[test]
fn a_commit_in_doubt_is_looked_up() {
    for kind in [FaultKind::Abort, FaultKind::LostReply] {
        for of in [Call::Send, Call::Commit] {
            for at in 1..=3 {
                let scene = filled();
                let (ran, _) = scene.try_run(&scene.options(), &[Fault { at, of: Some(of), kind }]);
                assert_eq!(ran.unwrap().report.redriven(), 40, "{kind:?} at {of:?} {at}");
                assert_eq!(scene.redriven().len(), 40, "{kind:?} at {of:?} {at}");
            }
        }
    }
}

/// One begins while another is at work: the older one stops, and says who took over. Between them every record goes back once.
#[test]
fn of_two_at_once_the_older_one_stops() {
    let undisturbed = filled();
    undisturbed.run();
    let expected = left_behind(&undisturbed);
    for begun_at in 1..=4 {
        let scene = filled();
        let (younger, mut log) = (AtomicUsize::new(0), scene.lane());
        let mut steps = 0;
        let older = redrive(&mut log, &Scene::sources(), &scene.options(), &mut |_| (), &mut |_| {
            steps += 1;
            if steps == begun_at {
                let options = RedriveOptions { run: "the younger one".to_owned(), ..scene.options() };
                younger.store(scene.run_with(&options).outcomes.len(), Ordering::Relaxed);
            }
        });
        assert_eq!(younger.into_inner(), 46, "begun at step {begun_at}");
        match older {
            Err(RedriveError::Log(LogError::Fenced(_))) => {}
            other => panic!("begun at step {begun_at}: {other:?}"),
        }
        assert_eq!(left_behind(&scene), expected, "begun at step {begun_at}");
    }
}

/// Fenced by a producer's name alone, a run starts over: unless another has begun, whom it must not fence in turn.
#[test]
fn a_run_that_was_fenced_leaves_the_other_alone() {
    let scene = filled();
    let mut log = pipeline::testing::FaultLog::new(scene.lane(), &[Fault { at: 2, of: Some(Call::Commit), kind: FaultKind::Abort }]);
    let mut has_begun = false;
    let older = redrive(&mut log, &Scene::sources(), &scene.options(), &mut |_| (), &mut |_| {
        if !has_begun {
            has_begun = true;
            let options = RedriveOptions { run: "the younger one".to_owned(), limit: Some(1), ..scene.options() };
            scene.run_with(&options);
        }
    });
    let Err(RedriveError::Log(LogError::Fenced(message))) = older else { panic!("{older:?}") };
    assert!(message.contains("the younger one redrives now"), "{message}");
    assert!(!log.calls().contains(&Call::Recover), "it would fence the other");
}
