//! Sinks on Kafka: positions with an intent beside them, committed by themselves.

use std::ops::ControlFlow;
use std::time::Duration;

use e2e::{INPUT, PARTITIONS, Scene, Stack};
use kafka::{KafkaLane, LaneOptions, Reader};
use pipeline::testing::{Call, Fault, FaultKind, FaultLog, MemorySink, MemoryStore, PositionOwner, SinkRow};
use pipeline::{Log, Shutdown, SinkOptions, SinkRunError, SinkTotals, TopicPartition, run_sink};

use crate::running::dynamic;

fn lane(scene: &Scene, group: &str) -> KafkaLane {
    let options = LaneOptions { group: group.to_owned(), ..dynamic(scene, "one") };
    KafkaLane::sink(options, &[INPUT]).unwrap()
}

fn run(log: &mut impl Log, store: &MemoryStore, owner: PositionOwner) -> Result<SinkTotals, SinkRunError> {
    let options = SinkOptions {
        flush_interval: Duration::from_millis(200),
        retry_interval: Duration::from_millis(100),
        on_unavailable: |_| ControlFlow::Continue(()),
        stop_when_caught_up: true,
        log_times: vec![pipeline::LogTimeRule::Records],
        observer: pipeline::unobserved(),
    };
    run_sink(&mut MemorySink::new("store", store, owner, 80), log, &options, &Shutdown::default())
}

/// Every record of the input.
fn expected(scene: &Scene) -> Vec<SinkRow> {
    let mut reader = Reader::new(&scene.cluster, Duration::from_secs(30)).unwrap();
    let mut rows = Vec::new();
    for partition in 0..PARTITIONS {
        let (first, end) = reader.bounds(INPUT, partition).unwrap();
        let read = reader.read(INPUT, partition, first, end, &mut |record| {
            let (key, value) = (record.key.map(Vec::from), record.value.map(Vec::from));
            rows.push(SinkRow { source: TopicPartition { topic: 0, partition }, offset: record.offset, key, value });
            ControlFlow::Continue(())
        });
        read.unwrap();
    }
    rows
}

#[test]
fn every_record_once_whatever_the_log_does() {
    let stack = Stack::with(&["kafka"]);
    let mut scene = Scene::new(&stack.kafka(), "sinks", 60);
    scene.write_all();
    let expected = expected(&scene);
    assert!(expected.len() > 500);
    for owner in [PositionOwner::Store, PositionOwner::Log, PositionOwner::Intents] {
        let (store, group) = (MemoryStore::default(), format!("{owner:?}"));
        let fault = |of, at, kind| Fault { at, of: Some(of), kind };
        let faults = [
            fault(Call::Commit, 3, FaultKind::Abort),
            fault(Call::Commit, 6, FaultKind::LostReply),
            fault(Call::Commit, 8, FaultKind::Crash),
        ];
        let mut first = FaultLog::new(lane(&scene, &group), &faults);
        run(&mut first, &store, owner).unwrap_err();
        assert_eq!(first.fired(), 3, "{owner:?}");
        // It leaves the group.
        drop(first);
        run(&mut lane(&scene, &group), &store, owner).unwrap();
        let mut rows = store.rows();
        rows.sort();
        if owner == PositionOwner::Log {
            // Its rows are upserts.
            rows.dedup();
        }
        assert!(rows == expected, "{owner:?}: {} rows, and {} records", rows.len(), expected.len());
        assert_eq!(run(&mut lane(&scene, &group), &store, owner).unwrap().records, 0, "{owner:?}: positions are at the ends");
    }
}
