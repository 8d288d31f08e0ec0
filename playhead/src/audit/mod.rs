//! The audit: whether what was derived is what the raw topics say, by code that shares nothing with the processors but the rules of records.
//!
//! | question | module |
//! |---|---|
//! | did every raw record end exactly once: passed on, refused, or a copy | `books`, with `passed_on`, `letters`, `memory` |
//! | is the store's newest row of every session the topic's | `sessions` |
//! | does every profile resume where its viewings say | `resume`, with `winners` |
//! | did it come to what simulated viewers did | `truth` |
//!
//! It reads and changes nothing, so that it tells the state in which it finds the folder. It judges each stage up to the position that
//! the stage has committed; what lies behind is pending, which is no fault.
//!
//! What is held in memory: of one partition at a time 32 bytes a clean event, and the ids of the events of the last H and an hour and a half of
//! log time; of the whole folder the place and hashes of every dead letter and of every version of a session's row, and every resume position.

mod books;
mod columns;
mod letters;
mod memory;
mod passed_on;
mod reading;
mod report;
mod resume;
mod sessions;
mod truth;
mod winners;

use std::path::Path;
use std::sync::Arc;

use pipeline::{Resume, Sink as _, TopicPartition};
use schemas::SchemaSource;
use sink_local::{INPUTS, LocalSink};

use crate::config::PlaybackSettings;
use crate::data_folder::DataFolder;
use crate::progress::Progress;

pub(crate) use report::{Figure, Findings, PartitionBooks, Report, TruthReport};

use letters::Letters;
use reading::Reading;

/// The topic whose books are kept.
const RAW: &str = "playback_events";

/// Audits a folder; with the folder of the truth files also what the store came to.
///
/// # Errors
/// Where something can't be read. What is wrong with what was read is in the report.
pub(crate) fn audit(folder: &DataFolder, settings: &PlaybackSettings, truth: Option<&Path>, progress: &Progress) -> anyhow::Result<Report> {
    let mut reading = Reading::begin(folder, progress)?;
    let mut findings = Findings::default();
    let letters = Letters::read(&mut reading, &mut findings)?;
    let books = books::audit(&mut reading, &letters, settings, &mut findings)?;
    let positions = StorePositions::read(folder)?;
    let sessions = sessions::audit(&mut reading, &positions)?;
    let resume = resume::audit(&mut reading, &letters, &positions)?;
    reading.done();
    let mut report = Report { books, dead_letters: letters.reasons, books_findings: findings, sessions, resume, truth: None };
    if let Some(truth) = truth {
        report.truth = Some(truth::audit(folder, truth, &report, progress)?);
    }
    Ok(report)
}

/// How far the store is in each partition of its inputs.
struct StorePositions {
    next_offsets: Vec<Vec<i64>>,
}

impl StorePositions {
    fn read(folder: &DataFolder) -> anyhow::Result<Self> {
        let mut topic_ids = [pipeline::TopicId::default(); INPUTS.len()];
        for (topic_id, name) in topic_ids.iter_mut().zip(INPUTS) {
            *topic_id = folder.log.topic(name)?.0;
        }
        let mut sink = LocalSink::new(folder.store.clone(), Arc::clone(&folder.registry) as Arc<dyn SchemaSource>, topic_ids);
        let mut next_offsets = Vec::new();
        for (topic, name) in (0..).zip(INPUTS) {
            let mut of_topic = Vec::new();
            for partition in 0..folder.partitions(name)? {
                of_topic.push(match sink.position(TopicPartition { topic, partition }, None)? {
                    Resume::At(next_offset) => next_offset,
                    Resume::Beginning | Resume::Settle(_) => folder.log.bounds(name, partition)?.0,
                });
            }
            next_offsets.push(of_topic);
        }
        Ok(Self { next_offsets })
    }

    /// The offset after what the store has taken of a partition of `INPUTS[topic]`.
    fn of(&self, topic: usize, partition: u32) -> i64 {
        self.next_offsets[topic][partition as usize]
    }
}
