//! The run: letters are read, judged, and their records written back, with the marks, in transactions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use pipeline::{Log, LogError, Outputs, TopicPartition, heartbeat};
use schemas::{SchemaSource, SourceError};

use super::candidate::Candidate;
use super::claim::Claim;
use super::filter::{Asked, Filter};
use super::judge::Judge;
use super::ledger::{Ledger, Marker};
use super::letters::Letters;
use super::sources::{DEAD_LETTERS, LETTERS_INPUT, Sources};
use super::verdict::{Outcome, Report, Verdict};
use crate::closing_heartbeats;

/// How often a transaction that did not go through is tried.
const ATTEMPTS: u32 = 5;
/// How many records at the end of a partition are asked for log time.
const LAST_RECORDS: i64 = 10_000;
/// The largest transaction, bytes but for the last record.
const BATCH_BYTES: usize = 4 << 20;

/// How a redrive is run.
#[derive(Clone)]
pub struct RedriveOptions {
    /// Which letters.
    pub filter: Filter,
    /// At most so many records go back; none: all.
    pub limit: Option<u64>,
    /// Records of a transaction at most.
    pub batch_records: usize,
    /// Nothing is written and nothing claimed: only said what would be done.
    pub is_dry_run: bool,
    /// Take what may count twice: letters older than `state_horizon_ms`, letters of events that were redriven from another one, and letters
    /// whose topic was made anew.
    pub is_forced: bool,
    /// H: how long state remembers a session, ms of log time.
    pub state_horizon_ms: i64,
    /// The clock, ms since 1970 UTC.
    pub now_ms: i64,
    /// Names this run, and no other, to a person.
    pub run: String,
    /// The registry's id for the schema of LedgerEntry under `ledger`.
    pub ledger_schema_id: u32,
    /// The schemas of letters, marks and events.
    pub schemas: Arc<dyn SchemaSource>,
}

/// Why a redrive stopped. What is marked is done: the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The log.
    #[error(transparent)]
    Log(LogError),
    /// The registry.
    #[error(transparent)]
    Schemas(#[from] SourceError),
}

/// How far a run is, in offsets of `dead_letters`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Behind it.
    pub read: u64,
    /// In all.
    pub total: u64,
}

/// Redrives through `log`, whose inputs and outputs are those of `sources`. `each` is told what became of every letter that is meant, those
/// that went back once that is durable.
///
/// # Errors
/// Where the log or the registry fails, or another redrive has begun.
pub fn redrive<L: Log>(
    log: &mut L,
    sources: &Sources,
    options: &RedriveOptions,
    each: &mut dyn FnMut(&Outcome),
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, RedriveError> {
    // First the claim, then the ledger: whoever redrove before can't mark anything any more.
    let claim = if options.is_dry_run { None } else { Some(Claim::begin(log, &options.run, ATTEMPTS)?) };
    let ledger = Ledger::read(log, sources.ledger_partitions(), &options.schemas)?;
    let mut run = Run {
        log,
        sources,
        options,
        claim,
        ledger,
        letters: Letters::new(Arc::clone(&options.schemas)),
        judge: Judge::new(sources, options),
        log_times_ms: BTreeMap::new(),
        out: Outputs::new(&sources.outputs()),
        batch: Vec::new(),
        batch_bytes: 0,
        left: options.limit.unwrap_or(u64::MAX),
        asked: Asked::new(&options.filter),
        report: Report::default(),
        each,
    };
    run.run(progress)?;
    Ok(run.report)
}

/// A record that is ready to go back.
struct Ready {
    candidate: Candidate,
    /// Index of its topic among the outputs.
    output: u16,
    letter: u128,
    event: Option<u128>,
}

struct Run<'r, L> {
    log: &'r mut L,
    sources: &'r Sources,
    options: &'r RedriveOptions,
    /// None in a dry run.
    claim: Option<Claim>,
    ledger: Ledger,
    letters: Letters,
    judge: Judge<'r>,
    /// Log time of each raw source, as its last records tell it, before this run writes any.
    log_times_ms: BTreeMap<u16, i64>,
    out: Outputs,
    /// Records of the open transaction.
    batch: Vec<Ready>,
    batch_bytes: usize,
    /// Records that may still go back.
    left: u64,
    asked: Asked,
    report: Report,
    each: &'r mut dyn FnMut(&Outcome),
}

/// What a read of letters brought.
type Read = Result<Candidate, Outcome>;

impl<L: Log> Run<'_, L> {
    fn run(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), RedriveError> {
        // The ends as they are now: what this run writes and is refused again is not redriven by it.
        let partitions = (0..self.sources.letters_partitions).map(|partition| TopicPartition { topic: LETTERS_INPUT, partition });
        let bounds = partitions.map(|source| Ok((source, self.log.bounds(source)?))).collect::<Result<Vec<_>, LogError>>()?;
        let length = |(first, end): (i64, i64)| end.saturating_sub(first).unsigned_abs();
        let total = bounds.iter().map(|(_, bounds)| length(*bounds)).sum();
        if self.claim.is_some() {
            self.note_log_times()?;
        }
        let mut read = 0;
        for (source, (first, end)) in bounds {
            let mut next = first;
            while next < end && self.left > 0 {
                let (letters, after) = self.read(source, next, end)?;
                for letter in letters {
                    self.take(letter)?;
                }
                read += length((next, after));
                next = after;
                progress(Progress { read, total });
            }
        }
        self.commit_batch()?;
        self.close()?;
        if self.left > 0 {
            for id in std::mem::take(&mut self.asked).missing() {
                let verdict = Verdict::NotFound;
                self.say(&Outcome { id: None, source: id, offset: None, reason: String::new(), attempts: 0, verdict });
            }
        }
        Ok(())
    }

    /// Asks the last records of every raw topic. A heartbeat at what they tell is at log time, or has no effect: what a log says is the largest
    /// timestamp may be later, and would move log time.
    fn note_log_times(&mut self) -> Result<(), RedriveError> {
        for (output, source) in self.sources.iter().filter(|(_, source)| source.is_raw) {
            let mut largest = None;
            for partition in 0..source.partitions {
                let place = Sources::input(output, partition);
                let (first, end) = self.log.bounds(place)?;
                self.log.read(place, end.saturating_sub(LAST_RECORDS).max(first), end, &mut |batch| {
                    largest = largest.max(batch.records.iter().map(|record| record.timestamp_ms).max());
                    ControlFlow::Continue(())
                })?;
            }
            self.log_times_ms.extend(largest.map(|largest| (output, largest)));
        }
        Ok(())
    }

    /// Some letters that are meant, from an offset on, and the offset after what was read.
    fn read(&mut self, source: TopicPartition, from: i64, to: i64) -> Result<(Vec<Read>, i64), RedriveError> {
        let Self { log, letters, options, asked, .. } = self;
        let mut found = Vec::new();
        // Where nothing comes, nothing is there but gaps.
        let mut after = to;
        let mut failed = None;
        log.read(source, from, to, &mut |batch| {
            for record in batch.records.iter().filter(|record| !heartbeat::is_heartbeat(record)) {
                let place = || (format!("{DEAD_LETTERS}-{}", source.partition), record.offset);
                match letters.read(record.value) {
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                    Ok(Ok(letter)) if options.filter.takes(&letter) => {
                        asked.note(&options.filter, &letter);
                        found.extend(Candidate::of(&letter).map(Ok));
                    }
                    Ok(Ok(_)) => {}
                    // Whose it is nobody knows: it is meant where all are.
                    Ok(Err(_)) if options.filter != Filter::default() => {}
                    Ok(Err(unreadable)) => found.push(Err(outcome_of_unreadable(place(), unreadable.0))),
                }
            }
            after = batch.next_offset.min(to);
            ControlFlow::Break(())
        })?;
        failed.map_or(Ok((found, after)), |error| Err(error.into()))
    }

    fn take(&mut self, read: Read) -> Result<(), RedriveError> {
        if self.left == 0 {
            return Ok(());
        }
        let mut candidate = match read {
            Ok(candidate) => candidate,
            Err(outcome) => {
                self.say(&outcome);
                return Ok(());
            }
        };
        let letter = Ledger::hash(&candidate.id.to_string());
        match self.judge.judge(self.log, &self.ledger, letter, &mut candidate)? {
            Err(verdict) => self.say(&candidate.outcome(verdict)),
            Ok((output, event)) => {
                self.left -= 1;
                self.ledger.note(letter, event);
                self.batch_bytes += candidate.byte_len();
                self.batch.push(Ready { candidate, output, letter, event });
                if self.batch.len() >= self.options.batch_records || self.batch_bytes >= BATCH_BYTES {
                    self.commit_batch()?;
                }
            }
        }
        Ok(())
    }

    /// Writes the records of the batch and their marks. Where nobody knows whether a transaction went through, the ledger tells.
    fn commit_batch(&mut self) -> Result<(), RedriveError> {
        self.batch_bytes = 0;
        for attempt in 1.. {
            let Some(claim) = &mut self.claim else { break };
            if self.batch.is_empty() {
                break;
            }
            self.out.clear();
            let (sources, options) = (self.sources, self.options);
            let marker = Marker { output: sources.ledger_output(), schema_id: options.ledger_schema_id, now_ms: options.now_ms };
            self.batch.iter().for_each(|ready| ready.push(&marker, &mut self.out));
            let topics: Vec<&str> = self.batch.iter().map(|ready| sources.get(ready.output).name.as_str()).collect();
            let position = claim.next(&topics);
            match self.log.send(&mut self.out).and_then(|()| self.log.commit(std::slice::from_ref(&position))) {
                Ok(()) => {
                    claim.committed(position);
                    break;
                }
                Err(LogError::Transaction(_)) if attempt < ATTEMPTS => {
                    claim.recover(self.log, &position)?;
                    self.ledger = Ledger::read(self.log, sources.ledger_partitions(), &options.schemas)?;
                    let (done, left) = std::mem::take(&mut self.batch).into_iter().partition(|ready| self.ledger.has_letter(ready.letter));
                    self.batch = done;
                    self.say_batch();
                    self.batch = left;
                    self.batch.iter().for_each(|ready| self.ledger.note(ready.letter, ready.event));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.say_batch();
        Ok(())
    }

    /// Ends with heartbeats on every partition of the raw topics that were written to, as every finite writer does: what late events have
    /// changed is reported by them. A run that was cut off before leaves them to the next.
    fn close(&mut self) -> Result<(), RedriveError> {
        let open: Vec<u16> = self.claim.iter().flat_map(Claim::open).filter_map(|topic| self.sources.find(topic)).collect();
        let mut beats = Vec::new();
        for output in open.iter().copied().filter(|output| self.sources.get(*output).is_raw) {
            beats.extend(self.log_times_ms.get(&output).map(|log_time_ms| (output, *log_time_ms)));
        }
        for attempt in 1.. {
            let Some(claim) = self.claim.as_mut().filter(|claim| !claim.open().is_empty()) else { break };
            self.out.clear();
            for (output, log_time_ms) in &beats {
                closing_heartbeats::push(&mut self.out, *output, "redrive", *log_time_ms, self.options.now_ms);
                // Where 31 min later is in the future, up to now: late events of closed sessions are reported after 10 s.
                closing_heartbeats::push_now(&mut self.out, *output, "redrive", *log_time_ms, self.options.now_ms);
            }
            let position = claim.closing();
            match self.log.send(&mut self.out).and_then(|()| self.log.commit(std::slice::from_ref(&position))) {
                Ok(()) => claim.committed(position),
                Err(LogError::Transaction(_)) if attempt < ATTEMPTS => _ = claim.recover(self.log, &position)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Says what became of the batch, and empties it.
    fn say_batch(&mut self) {
        let verdict = if self.options.is_dry_run { Verdict::WouldRedrive } else { Verdict::Redriven };
        for ready in std::mem::take(&mut self.batch) {
            self.say(&ready.candidate.outcome(verdict.clone()));
        }
    }

    fn say(&mut self, outcome: &Outcome) {
        self.report.count(outcome);
        (self.each)(outcome);
    }
}

impl Ready {
    /// The record as it came, with the header that names the letter, and the marks.
    fn push(&self, marker: &Marker, out: &mut Outputs) {
        let Candidate { id, timestamp_ms, key, value, .. } = &self.candidate;
        out.push_copy(self.output, id.partition, *timestamp_ms, key.as_deref(), value.as_deref(), self.candidate.headers_back());
        marker.push(id, self.event, out);
    }
}

impl Candidate {
    fn outcome(&self, verdict: Verdict) -> Outcome {
        Outcome {
            id: Some(self.id.clone()),
            source: self.source.clone(),
            offset: Some(self.id.offset),
            reason: self.reason.clone(),
            attempts: self.attempts,
            verdict,
        }
    }
}

fn outcome_of_unreadable((source, offset): (String, i64), detail: String) -> Outcome {
    Outcome { id: None, source, offset: Some(offset), reason: String::new(), attempts: 0, verdict: Verdict::Unreadable { detail } }
}
