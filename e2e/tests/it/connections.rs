//! Encrypted connections, and connections that break.

use std::time::Duration;

use e2e::{Proxy, RunArguments, Scene, Stack, until};
use kafka::{Cluster, KafkaError};
use pipeline::Shutdown;

use crate::running::{Running, Seen, fixed, wait_until_done};

fn run(scene: &Scene, cluster: &Cluster) {
    let mut stage = scene.stage();
    let mut lane = stage.lane(fixed(scene, cluster, "one")).unwrap();
    let totals = stage.run(&mut lane, &RunArguments::default(), &Shutdown::default()).unwrap();
    assert!(totals.records > 0);
}

#[test]
fn over_tls_and_with_a_password() {
    let stack = Stack::with(&["kafka"]);
    for (name, cluster) in [("tls", stack.kafka_tls()), ("sasl", stack.kafka_sasl())] {
        let mut scene = Scene::new(&stack.kafka(), name, 60);
        scene.write_all();
        run(&scene, &cluster);
        scene.assert_complete();
    }
}

#[test]
fn without_the_authority_there_is_no_connection() {
    let stack = Stack::with(&["kafka"]);
    let mut cluster = stack.kafka_tls();
    cluster.client.remove("ssl.ca.location");
    let admin = kafka::Admin::new(&cluster, Duration::from_secs(3)).unwrap();
    assert!(matches!(admin.describe("any"), Err(KafkaError::Unavailable(_))));
}

#[test]
fn connections_cut_in_the_middle_of_transactions() {
    let stack = Stack::with(&["kafka", "toxiproxy"]);
    let proxy = Proxy::to(&stack, "kafka");
    let mut scene = Scene::new(&stack.kafka(), "cut", 100);
    scene.write_all();
    let running = Running::start(&scene, fixed(&scene, &stack.kafka_proxied(), "one"), 30);
    for cut in 1..=3 {
        running.wait_for_commits(cut * 6);
        assert!(!running.has_ended());
        let recoveries = Seen::count(&running.seen.recoveries);
        proxy.cut();
        // A cut that is over at once, and one that outlasts the lane's patience.
        if cut == 2 {
            until("a new start", || (Seen::count(&running.seen.recoveries) > recoveries).then_some(()));
        }
        proxy.heal();
    }
    wait_until_done(&scene);
    let totals = running.stop().unwrap();
    assert!(totals.records > 0, "{totals:?}");
    scene.assert_complete();
}
