//! Encrypted connections, and connections that break.

use std::time::Duration;

use e2e::{Proxy, RunArguments, Scene, Stack, until, with_prefix};
use kafka::{Admin, Cluster, KafkaError, NewTopic};
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

#[test]
fn a_change_of_topics_whose_answer_is_lost_is_seen_to_be_done() {
    let stack = Stack::with(&["kafka", "toxiproxy"]);
    let cluster = with_prefix(&stack.kafka(), "changed");
    let near = Admin::new(&cluster, Duration::from_secs(30)).unwrap();
    let far = Admin::new(&Cluster { brokers: stack.kafka_proxied().brokers, ..cluster }, Duration::from_secs(60)).unwrap();
    assert!(matches!(far.describe("topic"), Err(KafkaError::NoTopic(_))), "and it is connected");
    let proxy = Proxy::to(&stack, "kafka");
    // Requests go through and no answer comes back, until the change is there; then all of it is cut, and asked again.
    let answer_lost = |change: &(dyn Fn() -> Result<(), KafkaError> + Sync), is_done: &dyn Fn() -> bool| {
        proxy.add("timeout", "downstream", r#"{"timeout": 0}"#);
        std::thread::scope(|threads| {
            let changing = threads.spawn(change);
            until("the change is there", || is_done().then_some(()));
            proxy.heal();
            changing.join().unwrap().unwrap();
        });
    };
    let partitions = || near.describe("topic").map(|found| found.partitions).ok();
    let topic = NewTopic { name: "topic", partitions: 2, replicas: Some(1), settings: Vec::new() };
    answer_lost(&|| far.create(std::slice::from_ref(&topic)), &|| partitions() == Some(2));
    answer_lost(&|| far.grow("topic", 3), &|| partitions() == Some(3));
    answer_lost(&|| far.delete(&["topic"]), &|| partitions().is_none());
    // What is refused for good still is.
    assert!(matches!(far.delete(&["topic"]), Err(KafkaError::Failed(_))));
}
