//! The run: records to the log, truth to its files. What was cut off goes on where it stopped.

use std::io;

use pipeline::{Log, LogError, OutputTopic, Outputs, Spread};

use super::generator::{Generator, SimulatedRecord, TruthSink};
use super::progress::{KEPT_AT, Progress, RecordsHash};
use super::settings::Settings;
use super::truth::Totals;
use crate::closing_heartbeats;
use crate::own_position::OwnPosition;

/// The topic that is written.
pub(super) const TOPIC: &str = "playback_events";

/// How often a transaction that did not go through is tried.
const ATTEMPTS: u32 = 5;

/// Bytes that are worth a transaction of their own.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How a simulation is run.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// What is simulated.
    pub settings: Settings,
    /// The clock, ms since 1970 UTC. Only whether there is a second closing heartbeat depends on it: 31 min after the last record there is one,
    /// unless that is in the future.
    pub now_ms: i64,
    /// Records per transaction.
    pub batch_records: usize,
    /// The registry's id for the topic's current schema.
    pub schema_id: u32,
}

/// Why a simulation stopped. What was committed until then lies in the log, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Whoever takes the truth.
    #[error("cannot write the truth")]
    Truth(#[source] io::Error),
    /// Its sessions would have the ids of others.
    #[error("the run {run} lies in the log already with other settings, {settings}: take those, or another seed or start")]
    OtherSettings {
        /// The run's name.
        run: String,
        /// Those of the run in the log, JSON.
        settings: String,
    },
    /// The log's were made by another version of the simulator.
    #[error(
        "the first {records} records of the run lie in the log already, and are not those that this version makes: take that version, or another seed or start"
    )]
    OtherRecords {
        /// How many of them there are.
        records: u64,
    },
}

/// What a run did.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulateReport {
    /// What the run comes to as a whole.
    pub totals: Totals,
    /// Records that an earlier run had appended, heartbeats apart.
    pub already_there: u64,
    /// Whether an earlier run had ended: nothing was appended.
    pub had_ended: bool,
}

/// The topic that a simulation writes.
#[must_use]
pub fn outputs(partitions: u32) -> [OutputTopic; 1] {
    [OutputTopic { name: TOPIC.to_owned(), partitions, spread: Spread::Unmarked }]
}

/// A run at the place where the log knows it to be.
pub struct Simulation<'r, L> {
    log: &'r mut L,
    options: &'r SimulateOptions,
    pending: Outputs,
    position: OwnPosition,
    /// What lay in the log before.
    found: Progress,
}

impl<'r, L: Log> Simulation<'r, L> {
    /// `log` is a lane of the run's [`super::group`], whose inputs are [`super::INPUTS`] and whose outputs, `topics`, are [`outputs`].
    ///
    /// # Errors
    /// Where the log fails, or holds a run of this name with other settings.
    pub fn open(log: &'r mut L, topics: &[OutputTopic; 1], options: &'r SimulateOptions) -> Result<Self, SimulateError> {
        let position = OwnPosition::read(log, KEPT_AT)?;
        let found = Progress::of(&position, &options.settings)?;
        Ok(Self { log, options, pending: Outputs::new(topics), position, found })
    }

    /// Whether anything of the run lies in the log.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.found != Progress::default()
    }

    /// Appends what is not there yet, and tells `truth` what all of it comes to. The same settings give the same records with the same
    /// timestamps, however often the run was cut off. `on_batch` is told now and then how many sessions have begun.
    ///
    /// # Errors
    /// Where the log fails, as it does where the run reaches into the future, the truth can't be kept, or the log holds other records.
    pub fn run(mut self, truth: &mut dyn TruthSink, on_batch: &mut dyn FnMut(u64)) -> Result<SimulateReport, SimulateError> {
        let mut generator = Generator::new(self.options.settings.clone(), self.options.schema_id);
        let mut record = SimulatedRecord::default();
        let mut hash = RecordsHash::default();
        let mut records = 0;
        let mut since_told = 0;
        while generator.next(&mut record, truth).map_err(SimulateError::Truth)? {
            // Not before there is another record: the last batch goes with the closing heartbeats.
            if self.pending.len() >= self.options.batch_records || self.pending.byte_len() >= BATCH_BYTES {
                self.commit(&Progress { records, hash: hash.so_far(), heartbeats: None })?;
            }
            since_told += 1;
            if since_told >= self.options.batch_records {
                since_told = 0;
                on_batch(generator.sessions_begun());
            }
            hash.add(&record);
            records += 1;
            if records > self.found.records {
                let partition = record.partition(self.pending.partitions(0));
                self.pending.push_to(0, partition, record.received_ms, &record.key, |value| value.extend_from_slice(&record.value));
            } else if records == self.found.records {
                self.check_found(hash.so_far())?;
            }
        }
        on_batch(generator.sessions_begun());
        let totals = self.end(generator.totals().clone(), Progress { records, hash: hash.so_far(), heartbeats: None })?;
        let Progress { records: already_there, heartbeats, .. } = self.found;
        Ok(SimulateReport { totals, already_there, had_ended: heartbeats.is_some() })
    }

    fn check_found(&self, hash: u64) -> Result<(), SimulateError> {
        if hash == self.found.hash { Ok(()) } else { Err(SimulateError::OtherRecords { records: self.found.records }) }
    }

    /// Appends the last records with the closing heartbeats, unless an earlier run has.
    fn end(&mut self, mut totals: Totals, mut progress: Progress) -> Result<Totals, SimulateError> {
        let is_other = progress.records < self.found.records || (self.found.heartbeats.is_some() && progress.records > self.found.records);
        if is_other {
            return Err(SimulateError::OtherRecords { records: self.found.records });
        }
        if let Some(heartbeats) = self.found.heartbeats {
            totals.heartbeats = heartbeats;
            return Ok(totals);
        }
        let last_received_ms = totals.last_received_at.div_euclid(1_000);
        let before = self.pending.len();
        closing_heartbeats::push(&mut self.pending, 0, "simulate", last_received_ms, self.options.now_ms);
        totals.heartbeats = (self.pending.len() - before) as u64;
        progress.heartbeats = Some(totals.heartbeats);
        self.commit(&progress)?;
        Ok(totals)
    }

    /// Appends what is pending and notes how far the run has come with it, both or neither. Where nobody knows whether a transaction went
    /// through, the position tells.
    fn commit(&mut self, progress: &Progress) -> Result<(), LogError> {
        let position = self.position.at(progress.committed(&self.options.settings));
        for attempt in 1.. {
            let mut out = self.pending.clone();
            match self.log.send(&mut out).and_then(|()| self.log.commit(std::slice::from_ref(&position))) {
                Ok(()) => {
                    self.position.moved(position);
                    break;
                }
                Err(LogError::Transaction(_)) if attempt < ATTEMPTS => {
                    if self.position.recover(self.log, &position)? {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        Ok(())
    }
}
