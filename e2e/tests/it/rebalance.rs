//! Partitions that move between lanes while records come.

use e2e::{PARTITIONS, Scene, Stack, until};

use crate::running::{Running, Seen, dynamic, wait_until_done};

#[test]
fn a_lane_joins_and_leaves_while_records_come() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "moving", 100);
    let quarter = scene.left() / 4;
    scene.write(quarter);
    let first = Running::start(&scene, dynamic(&scene, "first"), 40);
    first.wait_for_commits(5);
    let second = Running::start(&scene, dynamic(&scene, "second"), 40);
    scene.write(quarter);
    until("partitions of the second lane", || (Seen::count(&second.seen.assigned) > 0).then_some(()));
    scene.write(quarter);
    second.wait_for_commits(5);
    assert!(Seen::count(&first.seen.revoked) > 0, "what the second has, the first had");
    let second = second.stop().unwrap();
    scene.write_all();
    until("all partitions of the first lane", || {
        let (assigned, revoked) = (Seen::count(&first.seen.assigned), Seen::count(&first.seen.revoked));
        (assigned - revoked == u64::from(PARTITIONS)).then_some(())
    });
    wait_until_done(&scene);
    let first = first.stop().unwrap();
    assert!(first.records > 0 && second.records > 0 && first.replayed > 0, "{first:?} {second:?}");
    scene.assert_complete();
}

#[test]
fn lanes_that_come_and_go_all_the_time() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "restless", 100);
    let constant = Running::start(&scene, dynamic(&scene, "constant"), 30);
    let mut guests = Vec::new();
    let part = scene.left() / 8;
    for number in 0..6 {
        scene.write(part);
        let guest = Running::start(&scene, dynamic(&scene, &format!("guest-{number}")), 25);
        until("partitions of a guest", || (Seen::count(&guest.seen.assigned) > 0).then_some(()));
        guests.push(guest);
        // Never more lanes than partitions.
        if guests.len() == PARTITIONS as usize - 1 {
            guests.remove(0).stop().unwrap();
        }
    }
    for guest in guests {
        guest.stop().unwrap();
        scene.write(part.min(scene.left()));
    }
    scene.write_all();
    wait_until_done(&scene);
    constant.stop().unwrap();
    scene.assert_complete();
}
