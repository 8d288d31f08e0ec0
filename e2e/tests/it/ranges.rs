//! Positions outside of the log, and topics that are not what they were: a loud stop, never a silent step.

use std::time::Duration;

use e2e::{RunArguments, Scene, Stack, until};
use pipeline::{Log as _, LogError, Polled, Shutdown, TopicPartition};

use crate::running::{Running, fixed};

#[test]
fn a_position_that_retention_has_passed_stops_the_lane() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "passed", 60);
    scene.write(scene.left() / 2);
    let run = |scene: &Scene| {
        let mut stage = scene.stage();
        let mut lane = stage.lane(fixed(scene, &scene.cluster, "one")).unwrap();
        stage.run(&mut lane, &RunArguments::default(), &Shutdown::default())
    };
    run(&scene).unwrap();
    let input = scene.input();
    let (_, committed) = scene.admin.bounds(&input, 1).unwrap();
    scene.write_all();
    // At the position itself nothing is lost; behind it something is.
    scene.admin.delete_before(&input, 1, committed + 2).unwrap();
    let (held_first, held_end) = scene.admin.bounds(&input, 1).unwrap();
    assert_eq!(held_first, committed + 2);
    match run(&scene).unwrap_err() {
        LogError::OutOfRange { topic, partition, position, first, end } => {
            assert_eq!((topic.as_str(), partition, position, first, end), ("playback_events", 1, committed, held_first, held_end));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn retention_that_passes_a_lane_while_it_reads_stops_it() {
    const SOURCE: TopicPartition = TopicPartition { topic: 0, partition: 2 };
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "overtaken", 60);
    scene.write_all();
    let mut lane = scene.stage().lane(fixed(&scene, &scene.cluster, "one")).unwrap();
    let sources = until("the assignment", || match lane.poll(Duration::from_secs(1)).unwrap() {
        Polled::Assigned(sources) => Some(sources),
        polled => panic!("{polled:?}"),
    });
    assert!(sources.contains(&SOURCE));
    scene.admin.delete_before(&scene.input(), SOURCE.partition, 5).unwrap();
    // Read again, a range must be there as a whole.
    let mut each = |_: &pipeline::Batch<'_>| panic!("nothing is read of a range that is not whole");
    let error = lane.read(SOURCE, 3, 9, &mut each).unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { position: 3, first: 5, .. }), "{error}");
    lane.seek(SOURCE, 3).unwrap();
    let error = until("the error", || match lane.poll(Duration::from_secs(1)) {
        Ok(Polled::Idle { caught_up }) => (caught_up).then(|| panic!("nothing was read")),
        Ok(polled) => panic!("{polled:?}"),
        Err(error) => Some(error),
    });
    assert!(
        matches!(&error, LogError::OutOfRange { topic, partition: 2, position: 3, first: 5, .. } if *topic == scene.input()),
        "{error}"
    );
}

#[test]
fn a_topic_made_anew_is_noticed_and_starts_anew() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "anew", 60);
    scene.write(scene.left() / 2);
    let running = Running::start(&scene, fixed(&scene, &scene.cluster, "one"), 100);
    running.wait_for_commits(2);
    let (input, old) = (scene.input(), scene.admin.describe(&scene.input()).unwrap().id);
    scene.admin.delete(&[&input]).unwrap();
    until("the deletion", || scene.admin.describe(&input).is_err().then_some(()));
    until("a topic of the same name", || {
        let topic =
            kafka::NewTopic { name: &input, partitions: e2e::PARTITIONS, replicas: Some(1), settings: vec![("retention.ms", "-1")] };
        scene.admin.create(&[topic]).ok()
    });
    assert_ne!(scene.admin.describe(&input).unwrap().id, old);
    let error = running.end().unwrap_err();
    assert!(matches!(&error, LogError::Fatal(message) if message.contains(&input)), "{error}");
    // Positions belong to the topic that is gone.
    let mut lane = scene.stage().lane(fixed(&scene, &scene.cluster, "one")).unwrap();
    let sources = until("the assignment", || match lane.poll(Duration::from_secs(1)).unwrap() {
        Polled::Assigned(sources) => Some(sources),
        _ => None,
    });
    for source in sources {
        assert_eq!(lane.committed(source).unwrap(), None);
    }
}
