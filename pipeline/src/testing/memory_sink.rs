//! A store in memory and a sink that writes to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Batch, Committed, Sink, SinkError, TopicPartition};

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
}

#[derive(Debug, Default)]
struct Contents {
    rows: Vec<SinkRow>,
    positions: BTreeMap<TopicPartition, i64>,
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
    positions: BTreeMap<TopicPartition, i64>,
}

impl MemorySink {
    /// On `store`; full at `full_at` rows.
    #[must_use]
    pub fn new(name: &str, store: &MemoryStore, owner: PositionOwner, full_at: usize) -> Self {
        Self { name: name.to_owned(), store: store.clone(), owner, full_at, rows: Vec::new(), positions: BTreeMap::new() }
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn position(&mut self, source: TopicPartition, committed: Option<&Committed>) -> Result<Option<i64>, SinkError> {
        Ok(match self.owner {
            PositionOwner::Store => self.store.position(source),
            PositionOwner::Log => committed.map(|committed| committed.next_offset),
        })
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        self.rows.extend(batch.records.iter().map(|record| SinkRow {
            source: batch.source,
            offset: record.offset,
            key: record.key.map(Vec::from),
            value: record.value.map(Vec::from),
        }));
        self.positions.insert(batch.source, batch.next_offset);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.full_at
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let mut contents = self.store.contents();
        for row in self.rows.drain(..) {
            let is_known = |known: &SinkRow| (known.source, known.offset) == (row.source, row.offset);
            if self.owner == PositionOwner::Store || !contents.rows.iter().any(is_known) {
                contents.rows.push(row);
            }
        }
        contents.positions.append(&mut self.positions);
        Ok(())
    }

    fn discard(&mut self) {
        self.rows.clear();
        self.positions.clear();
    }
}
