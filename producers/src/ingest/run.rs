//! The run over a file: lines in, records and verdicts out.

use std::collections::BTreeMap;
use std::io::{self, BufRead, ErrorKind};

use pipeline::{Committed, Log, LogError, OutputTopic, Outputs, Spread, TopicPartition};

use super::judge::{Accepted, Judge};
use super::raw_topic::RawTopic;
use super::verdict::{Status, Verdict};
use crate::own_position::OwnPosition;
use crate::{Lines, ReceivedTime, closing_heartbeats};

/// Under which the position of the run is kept: a position needs a partition.
const KEPT_AT: TopicPartition = TopicPartition { topic: 0, partition: 0 };

/// How often a transaction that did not go through is tried.
const ATTEMPTS: u32 = 5;

/// Bytes that are worth a transaction of their own.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How long a line waits for others to share its transaction, ms.
const BATCH_MS: i64 = 1_000;

/// Unknown types that are named; the others are only counted.
const UNKNOWN_TYPES_NAMED: usize = 20;

/// How an ingest is run.
#[derive(Clone, Copy)]
pub struct IngestOptions<'c> {
    /// Where the events go.
    pub topic: RawTopic,
    /// When an event that comes now is said to have been received, where it does not say so itself. Asked for each line: an input may go on
    /// for hours.
    pub received: &'c dyn Fn() -> ReceivedTime,
    /// The bound for late data, ms.
    pub late_horizon_ms: i64,
    /// Lines per transaction.
    pub batch_lines: usize,
    /// The registry's id for the topic's current schema.
    pub schema_id: u32,
    /// What tells this run from all others, whoever they are.
    pub run: &'c str,
}

/// What an ingest did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Lines read, without empty ones.
    pub lines: u64,
    /// Events written.
    pub accepted: u64,
    /// Lines refused.
    pub rejected: u64,
    /// Events written whose type this version does not know: they are kept as `UNKNOWN`.
    pub of_unknown_type: u64,
    /// The first of these types, and how many events have each.
    pub unknown_types: BTreeMap<String, u64>,
}

impl IngestReport {
    fn note_accepted(&mut self, event: &Accepted) {
        self.accepted += 1;
        let Some(sent_type) = &event.unknown_type else { return };
        self.of_unknown_type += 1;
        if let Some(count) = self.unknown_types.get_mut(sent_type) {
            *count += 1;
        } else if self.unknown_types.len() < UNKNOWN_TYPES_NAMED {
            self.unknown_types.insert(sent_type.clone(), 1);
        }
    }
}

/// Why an ingest stopped. Lines whose verdict was given are written.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The input.
    #[error("cannot be read on")]
    Read(#[from] io::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Whoever takes the verdicts.
    #[error("cannot write the verdicts")]
    Verdict(#[source] io::Error),
}

/// The topic that an ingest writes.
#[must_use]
pub fn outputs(topic: RawTopic, partitions: u32) -> [OutputTopic; 1] {
    [OutputTopic { name: topic.name().to_owned(), partitions, spread: Spread::Unmarked }]
}

/// Writes the lines of `input` to the topic through `log`, whose outputs are [`outputs`] and whose only input is that topic, of which nothing
/// is read: a position there tells which transactions went through. Each line gets its verdict, in order, once what
/// it says is true: an accepted line is then in the log. Lines share a transaction, but none waits for others for much longer than a second:
/// where `input` says [`ErrorKind::WouldBlock`], for nothing has come yet, what is there is written, and `input` is asked again.
///
/// There is no ledger: lines that are sent again are taken for duplicates by the processor as long as it remembers them.
///
/// # Errors
/// Where the input can't be read on, the log fails, or the verdicts can't be handed on.
pub fn ingest<R: BufRead, L: Log>(
    input: R,
    log: &mut L,
    topics: &[OutputTopic; 1],
    options: &IngestOptions<'_>,
    on_verdict: &mut dyn FnMut(&Verdict) -> io::Result<()>,
) -> Result<IngestReport, IngestError> {
    let mut judge = Judge::new(options.topic, options.schema_id, options.late_horizon_ms);
    let mut lines = Lines::new(input);
    let mut report = IngestReport::default();
    let mut batch = Batch {
        position: OwnPosition::read(log, KEPT_AT)?,
        log,
        run: options.run,
        out: Outputs::new(topics),
        accepted: Vec::new(),
        accepted_bytes: 0,
        verdicts: Vec::new(),
        opened_ms: None,
    };
    let mut last_received_ms = None;
    let mut broken = None;
    loop {
        let line = match lines.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                batch.commit(on_verdict)?;
                continue;
            }
            Err(error) => {
                // What was read before the input broke off is kept.
                broken = Some(error);
                break;
            }
        };
        if line.bytes.iter().all(u8::is_ascii_whitespace) && !line.is_too_long() {
            continue;
        }
        report.lines += 1;
        let received = (options.received)();
        match judge.judge(line, received) {
            Ok(accepted) => {
                report.note_accepted(&accepted);
                last_received_ms = last_received_ms.max(Some(accepted.timestamp_ms));
                batch.accept(line.number, accepted);
            }
            Err(refusal) => {
                report.rejected += 1;
                batch.verdicts.push(Verdict::rejected(line.number, refusal));
            }
        }
        if batch.is_due(options.batch_lines, received.now_ms) {
            batch.commit(on_verdict)?;
        }
    }
    batch.commit(on_verdict)?;
    if let Some(last_received_ms) = last_received_ms {
        batch.write(|_, out| closing_heartbeats::push(out, 0, "ingest", last_received_ms, (options.received)().now_ms))?;
    }
    match broken {
        None => Ok(report),
        Some(error) => Err(error.into()),
    }
}

/// Lines of the open transaction.
struct Batch<'r, L> {
    log: &'r mut L,
    /// Counts the transactions of all runs.
    position: OwnPosition,
    run: &'r str,
    out: Outputs,
    accepted: Vec<Accepted>,
    accepted_bytes: usize,
    verdicts: Vec<Verdict>,
    /// The clock at its first line, ms since 1970 UTC.
    opened_ms: Option<i64>,
}

impl<L: Log> Batch<'_, L> {
    fn accept(&mut self, line: u64, event: Accepted) {
        self.verdicts.push(Verdict::accepted(line));
        self.accepted_bytes += event.value.len();
        self.accepted.push(event);
    }

    /// Whether it is to be written, now that one more line has been judged.
    fn is_due(&mut self, batch_lines: usize, now_ms: i64) -> bool {
        let opened_ms = *self.opened_ms.get_or_insert(now_ms);
        self.verdicts.len() >= batch_lines || self.accepted_bytes >= BATCH_BYTES || now_ms.saturating_sub(opened_ms) >= BATCH_MS
    }

    fn commit(&mut self, on_verdict: &mut dyn FnMut(&Verdict) -> io::Result<()>) -> Result<(), IngestError> {
        if !self.accepted.is_empty() {
            self.write(|accepted, out| {
                accepted.iter().for_each(|event| event.push_to(out));
            })?;
            self.accepted.clear();
            self.accepted_bytes = 0;
        }
        self.opened_ms = None;
        for verdict in self.verdicts.drain(..) {
            on_verdict(&verdict).map_err(IngestError::Verdict)?;
        }
        Ok(())
    }

    /// Where nobody knows whether a transaction went through, the position tells.
    fn write(&mut self, push: impl Fn(&[Accepted], &mut Outputs)) -> Result<(), LogError> {
        let number = self.position.known().map_or(0, |committed| committed.next_offset) + 1;
        let position = self.position.at(Committed { next_offset: number, metadata: self.run.to_owned() });
        for attempt in 1.. {
            self.out.clear();
            push(&self.accepted, &mut self.out);
            match self.log.send(&mut self.out).and_then(|()| self.log.commit(std::slice::from_ref(&position))) {
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
        Ok(())
    }
}

impl Verdict {
    /// Whether the line was refused.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.status == Status::Rejected
    }
}
