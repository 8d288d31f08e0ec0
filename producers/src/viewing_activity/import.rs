//! The import: rows become records, and each row that is done is marked in the ledger in the same transaction.

use std::collections::HashSet;
use std::io::BufRead;
use std::ops::ControlFlow;

use pipeline::{Log, LogError, OutputTopic, Outputs, Spread};
use uuid::Uuid;

use super::events::{Encoder, RowEvents, RowIds};
use super::reader::{ReadError, Rows};
use super::row_error::RowError;
use crate::{ReceivedTime, closing_heartbeats};

/// Malformed rows that a report keeps; the others are only counted.
pub const MALFORMED_KEPT: usize = 1_000;

/// How often a transaction that did not go through is tried.
const ATTEMPTS: u32 = 5;

/// How an import is run.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// When the rows are said to have been received.
    pub received: ReceivedTime,
    /// Rows per transaction.
    pub batch_rows: usize,
    /// The registry's id for the schema of PlaybackEvent under `playback_events`.
    pub event_schema_id: u32,
    /// The registry's id for the schema of LedgerEntry under `ledger`.
    pub ledger_schema_id: u32,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows read.
    pub rows: u64,
    /// Rows imported now.
    pub imported: u64,
    /// Rows that were imported before.
    pub already_there: u64,
    /// Rows that can't be imported.
    pub malformed: u64,
    /// The first of these.
    pub first_malformed: Vec<RowError>,
}

/// Why an import stopped. What is marked is done: the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The topics that an import writes, in the order in which its log must number them: events and ledger.
#[must_use]
pub fn outputs(event_partitions: u32, ledger_partitions: u32) -> [OutputTopic; 2] {
    let topic = |name: &str, partitions| OutputTopic { name: name.to_owned(), partitions, spread: Spread::Unmarked };
    [topic("playback_events", event_partitions), topic("ledger", ledger_partitions)]
}

/// Imports `rows` through `log`, whose outputs are [`outputs`]. Rows that the ledger marks as done are passed over, so a second run, or
/// one over a longer export, writes only what is new; where that is nothing, nothing is written.
///
/// # Errors
/// Where the file can't be read on, or the log fails.
pub fn import<R: BufRead, L: Log>(
    rows: Rows<R>,
    log: &mut L,
    topics: &[OutputTopic; 2],
    options: &ImportOptions,
) -> Result<ImportReport, ImportError> {
    let done = read_ledger(log, &topics[1])?;
    let mut run = Import {
        log,
        topics,
        options,
        encoder: Encoder::new(options.event_schema_id, options.ledger_schema_id, options.received),
        done,
        out: Outputs::new(topics),
        batch: Vec::with_capacity(options.batch_rows),
        report: ImportReport::default(),
    };
    run.run(rows)?;
    Ok(run.report)
}

struct Import<'r, L> {
    log: &'r mut L,
    topics: &'r [OutputTopic; 2],
    options: &'r ImportOptions,
    encoder: Encoder,
    /// Rows that are done.
    done: HashSet<Uuid>,
    out: Outputs,
    /// Rows of the open transaction.
    batch: Vec<RowEvents>,
    report: ImportReport,
}

impl<L: Log> Import<'_, L> {
    fn run<R: BufRead>(&mut self, mut rows: Rows<R>) -> Result<(), ImportError> {
        let mut ids = RowIds::default();
        loop {
            let row = match rows.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    // What was read before the file broke off is kept.
                    self.commit_batch(true)?;
                    return Err(error.into());
                }
            };
            self.report.rows += 1;
            let encoded = row.and_then(|(line, row)| {
                let id = ids.next_id(&row);
                if self.done.contains(&id) { Ok(None) } else { self.encoder.encode(line, &row, id, rows.columns()).map(Some) }
            });
            match encoded {
                Ok(None) => self.report.already_there += 1,
                Ok(Some(events)) => {
                    // Not before there is another row: the last batch goes with the closing heartbeats, or a process that died between the two
                    // would leave sessions open that no further run finds anything to do about.
                    if self.batch.len() >= self.options.batch_rows {
                        self.commit_batch(false)?;
                    }
                    self.batch.push(events);
                }
                Err(error) => self.note_malformed(error),
            }
        }
        self.commit_batch(true)
    }

    fn note_malformed(&mut self, error: RowError) {
        self.report.malformed += 1;
        if self.report.first_malformed.len() < MALFORMED_KEPT {
            self.report.first_malformed.push(error);
        }
    }

    /// Writes the rows of the batch and their marks, and with the last ones the closing heartbeats. Where nobody knows whether a transaction
    /// went through, the ledger tells.
    fn commit_batch(&mut self, is_last: bool) -> Result<(), ImportError> {
        for attempt in 1.. {
            if self.batch.is_empty() {
                break;
            }
            self.out.clear();
            for events in &self.batch {
                self.encoder.push(events, &mut self.out);
            }
            if is_last {
                let received = self.options.received;
                closing_heartbeats::push(&mut self.out, 0, "import", received.ms, received.now_ms);
            }
            match self.log.send(&mut self.out).and_then(|()| self.log.commit(&[])) {
                Ok(()) => {
                    self.report.imported += self.batch.len() as u64;
                    self.batch.clear();
                }
                Err(LogError::Transaction(_)) if attempt < ATTEMPTS => {
                    // All of it: another import may have begun meanwhile, and come further with the rows that are still to be read.
                    self.done = self.recover()?;
                    let before = self.batch.len();
                    self.batch.retain(|events| !self.done.contains(&events.id));
                    self.report.imported += (before - self.batch.len()) as u64;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes the log usable again, and reads what is marked as done by now: both, or nothing is written any more.
    fn recover(&mut self) -> Result<HashSet<Uuid>, LogError> {
        let mut attempt = 1;
        loop {
            match self.log.recover().and_then(|_| read_ledger(self.log, &self.topics[1])) {
                Err(LogError::Transaction(_)) if attempt < ATTEMPTS => attempt += 1,
                recovered => return recovered,
            }
        }
    }
}

/// The rows that are marked as done.
fn read_ledger<L: Log>(log: &mut L, ledger: &OutputTopic) -> Result<HashSet<Uuid>, LogError> {
    let mut done = HashSet::new();
    for partition in 0..ledger.partitions {
        log.read_topic(&ledger.name, partition, &mut |record| {
            let id = record.key.and_then(|key| Uuid::try_parse_ascii(key).ok());
            if let Some(id) = id.filter(|_| record.value.is_some()) {
                done.insert(id);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(done)
}
