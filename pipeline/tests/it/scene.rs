//! The input of the run loops' tests, how a run is made, and what is compared after it.

use std::collections::BTreeMap;
use std::time::Duration;

use pipeline::heartbeat::{self, Beat};
use pipeline::testing::{MemoryLane, MemoryLog, Seeded, StoredRecord};
use pipeline::{DeadLetters, Log, LogError, LogTimeRule, OutputTopic, RunOptions, Shutdown, Spread, Totals, run_processor};

use crate::counter::{Counter, Letters, STAGE};

pub(crate) const INPUT: &str = "events";
pub(crate) const PARTITIONS: u32 = 3;
pub(crate) const TOTALS_PARTITIONS: u32 = 2;

/// One record of the input.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) partition: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Vec<u8>,
    /// None: a heartbeat.
    pub(crate) value: Option<Vec<u8>>,
}

/// Some of everything: duplicates, disorder, silence, poison, heartbeats.
pub(crate) fn inputs(seed: u64, count: u64) -> Vec<Input> {
    let mut seeded = Seeded::new(seed);
    let mut time_ms = 1_700_000_000_000;
    (0..count)
        .map(|number| {
            time_ms += i64::try_from(seeded.below(500)).unwrap();
            let partition = u32::try_from(seeded.below(u64::from(PARTITIONS))).unwrap();
            let timestamp_ms = time_ms - i64::try_from(seeded.below(1_500)).unwrap();
            if seeded.below(8) == 0 {
                return Input { partition, timestamp_ms, key: heartbeat::writer_key("gateway").into_bytes(), value: None };
            }
            let mark = ["", "", "", "", "", "", "!", "?"][usize::try_from(seeded.below(8)).unwrap()];
            // Small ids: many repeat.
            let value = format!("{mark}{}", if seeded.below(2) == 0 { seeded.below(4) } else { number });
            let key = format!("key-{}", seeded.below(3));
            Input { partition, timestamp_ms, key: key.into_bytes(), value: Some(value.into_bytes()) }
        })
        .collect()
}

/// Header of a heartbeat in the input.
pub(crate) fn beat_text(sequence: i64, sent_ms: i64) -> String {
    Beat { sequence, sent_ms }.to_text()
}

/// The topics, and the input with a gap now and then.
pub(crate) fn memory_log(inputs: &[Input]) -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic(INPUT, PARTITIONS);
    log.create_topic("clean", PARTITIONS);
    log.create_topic("totals", TOTALS_PARTITIONS);
    log.create_topic("dead_letters", PARTITIONS);
    for (number, input) in (0i64..).zip(inputs) {
        append(&log, number, input);
    }
    log
}

/// Appends one record of the input, and a gap after every eleventh.
pub(crate) fn append(log: &MemoryLog, number: i64, input: &Input) {
    let text = beat_text(number, input.timestamp_ms);
    let header: &[(&str, &[u8])] = &[(heartbeat::HEADER, text.as_bytes())];
    let headers = if input.value.is_some() { &[] } else { header };
    log.append(INPUT, input.partition, input.timestamp_ms, Some(&input.key), input.value.as_deref(), headers);
    if number % 11 == 0 {
        log.skip_offsets(INPUT, input.partition, 2);
    }
}

pub(crate) fn output_topics() -> Vec<OutputTopic> {
    let topic = |name: &str, partitions, spread| OutputTopic { name: name.into(), partitions, spread };
    vec![
        topic("clean", PARTITIONS, Spread::SamePartition),
        topic("totals", TOTALS_PARTITIONS, Spread::Rekeyed),
        topic("dead_letters", PARTITIONS, Spread::Unmarked),
    ]
}

pub(crate) fn lane(log: &MemoryLog) -> MemoryLane {
    MemoryLane::new(log, STAGE, &[INPUT], &output_topics())
}

/// Commits after so many records, never by the clock.
pub(crate) fn options(commit_records: u64) -> RunOptions {
    RunOptions {
        log_time: LogTimeRule::Records,
        inputs: vec![INPUT.into()],
        commit_interval: Duration::from_hours(1),
        commit_records,
        retry_interval: Duration::ZERO,
        // After every batch.
        keep_alive_interval: Duration::ZERO,
        on_unavailable: |_| std::ops::ControlFlow::Continue(()),
        stop_when_caught_up: true,
        observer: pipeline::unobserved(),
        snapshots: None,
    }
}

pub(crate) fn run(log: &mut impl Log, options: &RunOptions) -> Result<Totals, LogError> {
    run_with(&mut Counter::new(output_topics()), log, &Letters, options)
}

pub(crate) fn run_with(
    counter: &mut Counter,
    log: &mut impl Log,
    letters: &dyn DeadLetters,
    options: &RunOptions,
) -> Result<Totals, LogError> {
    run_processor(counter, log, letters, options, &Shutdown::default())
}

/// What must be the same after every run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Topics whose partitions follow the input's: byte for byte, offsets too.
    same_partition: BTreeMap<(&'static str, u32), Vec<StoredRecord>>,
    /// The re-keyed topic, by the input partition that a record came from: in this order, whatever comes between.
    rekeyed: BTreeMap<(u32, u32), Vec<StoredRecord>>,
    positions: Vec<Option<i64>>,
}

impl Outcome {
    pub(crate) fn of_memory(log: &MemoryLog) -> Self {
        Self::new(
            |topic, partition| log.records(topic, partition),
            |partition| log.committed(STAGE, INPUT, partition).map(|at| at.next_offset),
        )
    }

    pub(crate) fn new(records: impl Fn(&str, u32) -> Vec<StoredRecord>, position: impl Fn(u32) -> Option<i64>) -> Self {
        let mut same_partition = BTreeMap::new();
        for topic in ["clean", "dead_letters"] {
            for partition in 0..PARTITIONS {
                same_partition.insert((topic, partition), records(topic, partition));
            }
        }
        let mut rekeyed: BTreeMap<(u32, u32), Vec<StoredRecord>> = BTreeMap::new();
        for partition in 0..TOTALS_PARTITIONS {
            for record in records("totals", partition) {
                rekeyed.entry((partition, came_from(&record))).or_default().push(StoredRecord { offset: 0, ..record });
            }
        }
        Self { same_partition, rekeyed, positions: (0..PARTITIONS).map(position).collect() }
    }

    pub(crate) fn records(&self, topic: &'static str) -> usize {
        self.same_partition.iter().filter(|((of, _), _)| *of == topic).map(|(_, records)| records.len()).sum()
    }
}

fn came_from(record: &StoredRecord) -> u32 {
    let key = record.key.as_deref().unwrap();
    if let Some((_, partition)) = heartbeat::forwarded_for(key) {
        return partition;
    }
    let text = std::str::from_utf8(record.value.as_deref().unwrap()).unwrap();
    text.split_once("from=").unwrap().1.split(' ').next().unwrap().parse().unwrap()
}

/// The outcome of a run that nothing disturbs.
pub(crate) fn undisturbed(inputs: &[Input]) -> Outcome {
    let log = memory_log(inputs);
    let totals = run(&mut lane(&log), &options(7)).unwrap();
    let outcome = Outcome::of_memory(&log);
    assert!(totals.dropped > 0 && totals.rejected > 0, "the scene has duplicates and poison: {totals:?}");
    assert_eq!(outcome.records("dead_letters") as u64, totals.rejected);
    outcome
}
