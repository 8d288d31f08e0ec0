//! A store in memory and a sink that writes to it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Batch, Committed, Position, Resume, Sink, SinkError, TopicPartition};

/// One row: a record, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SinkRow {
    /// Its partition.
    pub source: TopicPartition,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

/// Who knows how far a sink got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionOwner {
    /// The store, in the same write as the rows; a row sent twice would be there twice.
    Store,
    /// The log; rows are upserts by partition and offset.
    Log,
    /// The log, with the intent beside the position. An insert is one block a partition, and is left out where the store knows its token,
    /// the exact range of offsets; a row sent again under another token would be there twice.
    Intents,
}

#[derive(Debug, Default)]
struct Contents {
    rows: Vec<SinkRow>,
    positions: BTreeMap<TopicPartition, i64>,
    /// Partition, first and next offset of each block that was inserted.
    tokens: BTreeSet<(TopicPartition, i64, i64)>,
}

/// A store that outlives the sinks on it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

impl MemoryStore {
    /// All rows, in the order in which they were written.
    #[must_use]
    pub fn rows(&self) -> Vec<SinkRow> {
        self.contents().rows.clone()
    }

    /// The position kept with the rows.
    #[must_use]
    pub fn position(&self, source: TopicPartition) -> Option<i64> {
        self.contents().positions.get(&source).copied()
    }

    /// Sets the position by force.
    pub fn set_position(&self, source: TopicPartition, next_offset: i64) {
        self.contents().positions.insert(source, next_offset);
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes every record as a row.
#[derive(Debug)]
pub struct MemorySink {
    name: String,
    store: MemoryStore,
    owner: PositionOwner,
    full_at: usize,
    rows: Vec<SinkRow>,
    /// What is staged, by partition: from its first record up to before the next offset. Without records it is empty.
    staged: BTreeMap<TopicPartition, Range<i64>>,
}

impl MemorySink {
    /// On `store`; full at `full_at` rows.
    #[must_use]
    pub fn new(name: &str, store: &MemoryStore, owner: PositionOwner, full_at: usize) -> Self {
        Self { name: name.to_owned(), store: store.clone(), owner, full_at, rows: Vec::new(), staged: BTreeMap::new() }
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Resume, SinkError> {
        let next_offset = match self.owner {
            PositionOwner::Store => self.store.position(source),
            PositionOwner::Log | PositionOwner::Intents => committed.map(|committed| committed.next_offset),
        };
        let intent = committed.filter(|_| self.owner == PositionOwner::Intents).and_then(|committed| parse_intent(&committed.metadata));
        Ok(intent.map(Resume::Settle).or(next_offset.map(Resume::At)).unwrap_or(Resume::Beginning))
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        self.rows.extend(batch.records.iter().map(|record| SinkRow {
            source: batch.source,
            offset: record.offset,
            key: record.key.map(Vec::from),
            value: record.value.map(Vec::from),
        }));
        let first = batch.records.first().map_or(batch.next_offset, |record| record.offset);
        let staged = self.staged.entry(batch.source).or_insert(first..first);
        // A step past a gap before the first record is no part of the range.
        if staged.is_empty() {
            staged.start = first;
        }
        staged.end = batch.next_offset;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.full_at
    }

    fn intents(&self) -> Vec<Position> {
        if self.owner != PositionOwner::Intents {
            return Vec::new();
        }
        let intent = |(&source, range): (&TopicPartition, &Range<i64>)| Position {
            source,
            committed: Committed { next_offset: range.start, metadata: format!("{}..{}", range.start, range.end) },
        };
        self.staged.iter().filter(|(_, range)| !range.is_empty()).map(intent).collect()
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let mut contents = self.store.contents();
        let staged = std::mem::take(&mut self.staged);
        let known = |row: &SinkRow, contents: &Contents| match self.owner {
            PositionOwner::Store => false,
            PositionOwner::Log => contents.rows.iter().any(|known| (known.source, known.offset) == (row.source, row.offset)),
            PositionOwner::Intents => contents.tokens.contains(&token(row.source, &staged[&row.source])),
        };
        for row in self.rows.drain(..) {
            if !known(&row, &contents) {
                contents.rows.push(row);
            }
        }
        match self.owner {
            PositionOwner::Store => contents.positions.extend(staged.into_iter().map(|(source, range)| (source, range.end))),
            PositionOwner::Log => {}
            PositionOwner::Intents => {
                let blocks = staged.iter().filter(|(_, range)| !range.is_empty());
                contents.tokens.extend(blocks.map(|(&source, range)| token(source, range)));
            }
        }
        Ok(())
    }

    fn discard(&mut self) {
        self.rows.clear();
        self.staged.clear();
    }
}

fn token(source: TopicPartition, range: &Range<i64>) -> (TopicPartition, i64, i64) {
    (source, range.start, range.end)
}

fn parse_intent(metadata: &str) -> Option<Range<i64>> {
    let (start, end) = metadata.split_once("..")?;
    Some(start.parse().ok()?..end.parse().ok()?)
}
