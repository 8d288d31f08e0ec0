//! Partitions that move between lanes while records come.

use e2e::{PARTITIONS, Proxy, Scene, Stack, until};

use crate::running::{Running, Seen, dynamic, fixed, wait_until_done};

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

/// What is fetched already when partitions move is neither lost nor read twice.
#[test]
fn partitions_that_stay_go_on_where_they_were_amid_a_backlog() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "backlog", 150);
    scene.write_all();
    let constant = Running::start(&scene, dynamic(&scene, "constant"), 60);
    constant.wait_for_commits(3);
    for number in 0..4 {
        let guest = Running::start(&scene, dynamic(&scene, &format!("guest-{number}")), 60);
        until("partitions of a guest", || (Seen::count(&guest.seen.assigned) > 0 || guest.has_ended()).then_some(()));
        guest.stop().unwrap();
    }
    wait_until_done(&scene);
    constant.stop().unwrap();
    scene.assert_complete();
}

/// A member that is slow to answer while another joins is given up in the middle of joining, and comes back under another name. What it
/// read meanwhile, it read from where it was before, and others have read it too.
#[test]
fn a_lane_that_was_given_up_while_it_joined_has_nothing() {
    let stack = Stack::with(&["kafka", "toxiproxy"]);
    let proxy = Proxy::to(&stack, "kafka");
    let mut scene = Scene::new(&stack.kafka(), "given-up", 100);
    let quarter = scene.left() / 4;
    scene.write(quarter);
    let slow = Running::start(&scene, fixed(&scene, &stack.kafka_proxied(), "slow"), 40);
    slow.wait_for_commits(3);
    let second = Running::start(&scene, fixed(&scene, &scene.cluster, "second"), 40);
    scene.write(quarter);
    until("partitions of the second lane", || (Seen::count(&second.seen.assigned) > 0).then_some(()));
    // Its heartbeats come through, and the answers come after its session is over.
    proxy.add("latency", "downstream", r#"{"latency": 8000}"#);
    let third = Running::start(&scene, fixed(&scene, &scene.cluster, "third"), 40);
    let held = |lane: &Running| Seen::count(&lane.seen.assigned) - Seen::count(&lane.seen.revoked);
    until("its partitions at the others", || (held(&second) + held(&third) == u64::from(PARTITIONS)).then_some(()));
    scene.write(quarter);
    // By a new start where it was in the middle of a transaction, or merely told that they are lost.
    until("the slow lane has nothing", || (held(&slow) == 0).then_some(()));
    proxy.heal();
    scene.write_all();
    until("its part of the partitions", || (held(&slow) > 0 && held(&slow) + held(&second) + held(&third) == 4).then_some(()));
    wait_until_done(&scene);
    for lane in [slow, second, third] {
        lane.stop().unwrap();
    }
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
