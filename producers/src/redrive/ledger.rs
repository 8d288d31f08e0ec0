//! What earlier redrives have marked as done.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use pipeline::{Log, LogError, Outputs, Record};
use schemas::redrive::LetterId;
use schemas::{Decoder, LedgerEntry, Record as _, SchemaSource, SourceError, wire};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::LEDGER;
use super::run::RedriveError;

/// What a mark of a letter names as its source.
const SOURCE: &str = "redrive";

/// One mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A letter was redriven.
    Letter {
        /// Hash of the letter's id.
        letter: u128,
        /// When, microseconds since 1970 UTC.
        done_at: i64,
    },
    /// An event was redriven.
    Event {
        /// The event's id.
        event: u128,
        /// Hash of the id of the letter that it was taken from.
        letter: u128,
    },
}

impl Mark {
    /// Reads a record of `ledger`: none where it is no mark of a redrive.
    ///
    /// # Errors
    /// Where the registry does not answer.
    pub fn read(record: &Record<'_>, decoder: &mut Decoder) -> Result<Option<Self>, SourceError> {
        let Some(value) = record.value else { return Ok(None) };
        if let Some(id) = decoder.missing(value) {
            decoder.learn(id)?;
        }
        // Whatever can't be read is no mark of ours: what is written with a redrive is one, or the redrive did not take place.
        let Ok(entry) = decoder.decode::<LedgerEntry<'_>>(value) else { return Ok(None) };
        if entry.source == SOURCE {
            return Ok(Some(Self::Letter { letter: Ledger::hash(entry.id), done_at: entry.done_at }));
        }
        let of_event = entry.source.strip_prefix(SOURCE).and_then(|rest| rest.strip_prefix(' ')).zip(Uuid::try_parse(entry.id).ok());
        Ok(of_event.map(|(letter, event)| Self::Event { event: event.as_u128(), letter: Ledger::hash(letter) }))
    }
}

/// What earlier redrives have done: 16 bytes a letter, 32 an event. Imports' marks are none of it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    letters: HashSet<u128>,
    /// The letter by which an event was redriven last.
    events: HashMap<u128, u128>,
}

impl Ledger {
    /// By what a letter's id is remembered.
    #[must_use]
    pub fn hash(id: &str) -> u128 {
        xxh3_128(id.as_bytes())
    }

    /// Reads the whole ledger, to the end that it has now.
    pub(super) fn read<L: Log>(log: &mut L, partitions: u32, source: &Arc<dyn SchemaSource>) -> Result<Self, RedriveError> {
        let mut ledger = Self::default();
        let mut decoder = Decoder::new::<LedgerEntry<'static>>(Arc::clone(source));
        for partition in 0..partitions {
            let mut failed = None;
            log.read_topic(LEDGER, partition, &mut |record| match Mark::read(record, &mut decoder) {
                Ok(mark) => {
                    mark.into_iter().for_each(|mark| ledger.add(&mark));
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })?;
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        Ok(ledger)
    }

    fn add(&mut self, mark: &Mark) {
        match *mark {
            Mark::Letter { letter, .. } => _ = self.letters.insert(letter),
            Mark::Event { event, letter } => _ = self.events.insert(event, letter),
        }
    }

    /// Takes note of what is being done.
    pub(super) fn note(&mut self, letter: u128, event: Option<u128>) {
        self.letters.insert(letter);
        if let Some(event) = event {
            self.events.insert(event, letter);
        }
    }

    /// Whether a letter was redriven.
    pub(super) fn has_letter(&self, letter: u128) -> bool {
        self.letters.contains(&letter)
    }

    /// The letter by which an event was redriven last.
    pub(super) fn letter_of_event(&self, event: u128) -> Option<u128> {
        self.events.get(&event).copied()
    }
}

/// Writes marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    pub(super) output: u16,
    pub(super) schema_id: u32,
    pub(super) now_ms: i64,
}

impl Marker {
    /// Marks a letter, and its event, as done.
    pub(super) fn push(&self, letter: &LetterId, event: Option<u128>, out: &mut Outputs) {
        let letter = letter.to_string();
        self.push_entry(&letter, SOURCE, out);
        if let Some(event) = event {
            self.push_entry(&Uuid::from_u128(event).to_string(), &format!("{SOURCE} {letter}"), out);
        }
    }

    fn push_entry(&self, id: &str, source: &str, out: &mut Outputs) {
        let mark = LedgerEntry { id, source, done_at: self.now_ms.saturating_mul(1000) };
        out.push_keyed(self.output, self.now_ms, &[id.as_bytes()], |value| {
            wire::frame(self.schema_id, value);
            mark.encode(value);
        });
    }
}

/// Where a ledger can't be read on.
impl From<LogError> for RedriveError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}
