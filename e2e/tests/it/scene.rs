//! The scene without and with trouble inside one process.

use e2e::{RunArguments, Scene, Stack, lane_options};
use pipeline::testing::{Call, Fault, FaultKind, FaultLog};
use pipeline::{LogError, Shutdown, Totals};

fn run(scene: &Scene, faults: &[Fault]) -> Result<Totals, LogError> {
    let mut stage = scene.stage();
    let lane = stage.lane(lane_options(scene.cluster.clone(), "one", true)).unwrap();
    let mut log = FaultLog::new(lane, faults);
    let totals = stage.run(&mut log, &RunArguments::default(), &Shutdown::default());
    assert_eq!(log.fired(), faults.len() as u64, "every fault has struck");
    totals
}

#[test]
fn the_same_bytes_as_in_memory() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "same", 100);
    scene.write_all();
    let totals = run(&scene, &[]).unwrap();
    assert!(totals.dropped > 0 && totals.rejected > 0, "the scene has duplicates and poison: {totals:?}");
    assert_eq!((totals.lost_transactions, totals.replayed), (0, 0));
    scene.assert_complete();
    // All is committed, past the markers at the end: nothing is left to do.
    assert_eq!(run(&scene, &[]).unwrap().records, 0);
    scene.assert_complete();
}

#[test]
fn a_transaction_lost_under_live_state_changes_nothing() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "lost", 100);
    scene.write_all();
    let fault = |of, at, kind| Fault { at, of: Some(of), kind };
    let faults = [
        fault(Call::Commit, 3, FaultKind::Abort),
        fault(Call::Send, 6, FaultKind::LostReply),
        fault(Call::Commit, 7, FaultKind::LostReply),
        fault(Call::Commit, 8, FaultKind::Abort),
    ];
    let totals = run(&scene, &faults).unwrap();
    assert_eq!(totals.lost_transactions, 4);
    assert!(totals.replayed > 0, "{totals:?}");
    scene.assert_complete();
}
