//! The audit: whether what was derived is what the raw topics say, by code that shares nothing with the processors but the rules of records.
//!
//! | question | module |
//! |---|---|
//! | did every raw record end exactly once: passed on, refused, or a copy | `books`, with `passed_on`, `letters`, `memory` |
//! | does every version of a session have its quality of service, and neither comes twice | `versions` |
//! | is the store's newest row of every session the topic's | `sessions` |
//! | does every profile resume where its viewings say | `resume`, with `winners` |
//! | does ClickHouse, where one is set, have what its topics have | `clickhouse` |
//! | did it come to what simulated viewers did | `truth`, with `truth_lines`, `rows` |
//!
//! It reads and changes nothing, so that it tells the state in which it finds the log: a data folder's, or a cluster's, where no store is at hand
//! and the topics are held against one another. It judges each stage up to the position that the stage has committed; what lies behind is
//! pending, which is no fault, and what a stage does meanwhile is left out (`view`). What came of records that the log holds no longer can't be
//! judged either, and is counted.
//!
//! What is held in memory: of one partition at a time 32 bytes a clean event, and the ids of the events of the last H and an hour and a half of
//! log time; of the whole log the place and hashes of every dead letter and of every version of a session's row, and every resume position.

mod books;
mod clickhouse;
mod columns;
mod letters;
mod memory;
mod passed_on;
mod reading;
mod report;
mod resume;
mod rows;
mod sessions;
mod truth;
mod truth_lines;
mod versions;
mod view;
mod winners;

use std::path::Path;
use std::sync::Arc;

use pipeline::{Resume, Sink as _, TopicPartition};
use sink_clickhouse::Client;
use sink_local::{INPUTS, LocalSink, LocalStore};

use crate::config::PlaybackSettings;
use crate::log_source::LogSource;
use crate::progress::Progress;

pub(crate) use clickhouse::ClickHouseReport;
pub(crate) use report::{Figure, Findings, PartitionBooks, Report, TruthReport};
pub(crate) use truth::FOLDER;

use letters::Letters;
use reading::Reading;

/// The topic whose books are kept.
const RAW: &str = "playback_events";

/// A log, and the store that was filled from it, where it is at hand.
pub(crate) struct Audited {
    pub(crate) source: LogSource,
    pub(crate) store: Option<LocalStore>,
    /// Where one is set.
    pub(crate) clickhouse: Option<Client>,
}

/// Audits a log; with the folder of the truth files also what it came to.
///
/// # Errors
/// Where something can't be read. What is wrong with what was read is in the report.
pub(crate) fn audit(
    mut audited: Audited,
    settings: &PlaybackSettings,
    truth: Option<&Path>,
    progress: &Progress,
) -> anyhow::Result<Report> {
    let clickhouse = audited.clickhouse.take();
    let mut reading = Reading::begin(audited, progress)?;
    let mut findings = Findings::default();
    let letters = Letters::read(&mut reading, &mut findings)?;
    let books = books::audit(&mut reading, &letters, settings, &mut findings)?;
    let positions = StorePositions::read(&reading)?;
    let sessions = sessions::audit(&mut reading, &positions)?;
    let (resume, winners) = resume::audit(&mut reading, &letters, &positions, truth.is_some())?;
    let clickhouse = clickhouse.map(|client| clickhouse::audit(&mut reading, &client)).transpose()?;
    reading.done();
    let in_motion = reading.view.in_motion();
    let has_store = reading.store.is_some();
    let mut report = Report {
        books,
        dead_letters: letters.reasons,
        books_findings: findings,
        sessions,
        resume,
        clickhouse,
        truth: None,
        in_motion,
        has_store,
    };
    if let Some(truth) = truth {
        report.truth = Some(truth::audit(&mut reading, &winners, truth, &report, progress)?);
    }
    Ok(report)
}

/// How far the store is in each partition of its inputs; none without a store.
struct StorePositions {
    next_offsets: Option<Vec<Vec<i64>>>,
}

impl StorePositions {
    fn read(reading: &Reading) -> anyhow::Result<Self> {
        let Some(store) = &reading.store else { return Ok(Self { next_offsets: None }) };
        let topic_ids = INPUTS.map(|name| reading.view.id(name));
        let mut sink = LocalSink::new(store.clone(), Arc::clone(&reading.schemas), topic_ids);
        let mut next_offsets = Vec::new();
        for (topic, name) in (0..).zip(INPUTS) {
            let mut of_topic = Vec::new();
            for partition in 0..reading.view.partitions(name) {
                of_topic.push(match sink.position(TopicPartition { topic, partition }, None)? {
                    Resume::At(next_offset) => next_offset,
                    Resume::Beginning | Resume::Settle(_) => reading.view.range(name, partition).start,
                });
            }
            next_offsets.push(of_topic);
        }
        Ok(Self { next_offsets: Some(next_offsets) })
    }

    /// The offset after what the store has taken of a partition of `INPUTS[topic]`; without a store all counts as taken.
    fn of(&self, topic: usize, partition: u32) -> i64 {
        self.next_offsets.as_ref().map_or(i64::MAX, |next_offsets| next_offsets[topic][partition as usize])
    }
}
