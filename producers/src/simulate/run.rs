//! The run: records to the log, truth to its files.

use std::io;

use pipeline::{Log, LogError, OutputTopic, Outputs, Spread};

use super::generator::{Generator, SimulatedRecord, TruthSink};
use super::settings::Settings;
use super::truth::Totals;
use crate::closing_heartbeats;

/// The topic that is written.
const TOPIC: &str = "playback_events";

/// How often a transaction that did not go through is tried.
const ATTEMPTS: u32 = 5;

/// Bytes that are worth a transaction of their own.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How a simulation is run.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// What is simulated.
    pub settings: Settings,
    /// The clock, ms since 1970 UTC.
    pub now_ms: i64,
    /// Records per transaction.
    pub batch_records: usize,
    /// The registry's id for the topic's current schema.
    pub schema_id: u32,
}

/// Why a simulation stopped. What was committed until then lies in the log.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Whoever takes the truth.
    #[error("cannot write the truth")]
    Truth(#[source] io::Error),
}

/// The topic that a simulation writes.
#[must_use]
pub fn outputs(partitions: u32) -> [OutputTopic; 1] {
    [OutputTopic { name: TOPIC.to_owned(), partitions, spread: Spread::Unmarked }]
}

/// Writes a run to the topic through `log`, whose outputs are [`outputs`], and what it comes to to `truth`. `on_batch` is told after each
/// transaction how many sessions have begun.
///
/// # Errors
/// Where the log fails, as it does where the run reaches into the future, or the truth can't be kept.
pub fn simulate<L: Log>(
    log: &mut L,
    topics: &[OutputTopic; 1],
    options: &SimulateOptions,
    truth: &mut dyn TruthSink,
    on_batch: &mut dyn FnMut(u64),
) -> Result<Totals, SimulateError> {
    let mut generator = Generator::new(options.settings.clone(), options.schema_id);
    let mut batch = Batch { log, pending: Outputs::new(topics) };
    let mut record = SimulatedRecord::default();
    while generator.next(&mut record, truth).map_err(SimulateError::Truth)? {
        let partition = record.partition(batch.pending.partitions(0));
        batch.pending.push_to(0, partition, record.received_ms, &record.key, |value| value.extend_from_slice(&record.value));
        if batch.pending.len() >= options.batch_records || batch.pending.byte_len() >= BATCH_BYTES {
            batch.commit()?;
            on_batch(generator.sessions_begun());
        }
    }
    batch.commit()?;
    on_batch(generator.sessions_begun());
    let mut totals = generator.totals().clone();
    closing_heartbeats::push(&mut batch.pending, 0, "simulate", totals.last_received_at.div_euclid(1_000), options.now_ms);
    totals.heartbeats = batch.pending.len() as u64;
    batch.commit()?;
    Ok(totals)
}

/// Records of the open transaction.
struct Batch<'r, L> {
    log: &'r mut L,
    pending: Outputs,
}

impl<L: Log> Batch<'_, L> {
    /// Where nobody knows whether a transaction went through it is sent again: the ids are the same, so the processor takes the second copy
    /// for what it is.
    fn commit(&mut self) -> Result<(), LogError> {
        for attempt in 1.. {
            let mut out = self.pending.clone();
            match self.log.send(&mut out).and_then(|()| self.log.commit(&[])) {
                Ok(()) => break,
                Err(LogError::Transaction(_)) if attempt < ATTEMPTS => self.log.recover()?,
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        Ok(())
    }
}
