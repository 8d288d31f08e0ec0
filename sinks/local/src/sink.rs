//! The sink: batches are staged as they come, then written with the positions after them in one transaction.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use pipeline::{Batch, Committed, Resume, Sink, SinkError, TopicId, TopicPartition, heartbeat};
use redb::ReadableDatabase;
use schemas::{SchemaSource, SourceError, wire};

use crate::LocalStore;
use crate::rows::{ApplyError, Rows};
use crate::tables::{POSITIONS, SCHEMAS};

/// The topics that the sink reads, in the order in which [`TopicPartition::topic`] numbers them.
pub const INPUTS: [&str; 3] = ["playback_sessions", "qos_session_summary", "resume_state"];

/// Staged bytes that are worth a transaction of their own.
const FULL_BYTES: usize = 16 * 1024 * 1024;

/// Writes resume positions, sessions and QoS summaries to a [`LocalStore`].
pub struct LocalSink {
    store: LocalStore,
    source: Arc<dyn SchemaSource>,
    topic_ids: [TopicId; 3],
    /// Values, one behind the other.
    bytes: Vec<u8>,
    staged: Vec<Staged>,
    /// Position after what is staged.
    positions: BTreeMap<(u16, u32), i64>,
    /// Schemas that the file does not hold yet.
    new_schemas: BTreeMap<u32, String>,
}

struct Staged {
    topic: u16,
    partition: u32,
    offset: i64,
    value: Range<usize>,
}

impl LocalSink {
    /// A sink for the topics of [`INPUTS`], whose identities are `topic_ids`. Schemas are asked of `source`, once per id, and kept in the
    /// file.
    #[must_use]
    pub fn new(store: LocalStore, source: Arc<dyn SchemaSource>, topic_ids: [TopicId; 3]) -> Self {
        Self { store, source, topic_ids, bytes: Vec::new(), staged: Vec::new(), positions: BTreeMap::new(), new_schemas: BTreeMap::new() }
    }

    fn learn_schema_of(&mut self, value: &[u8]) -> Result<(), SinkError> {
        // What is not framed is refused when it is decoded, with its place.
        let Ok((id, _)) = wire::split(value) else { return Ok(()) };
        if self.store.shared.kept.contains(id) {
            return Ok(());
        }
        let schema = self
            .source
            .schema_by_id(id)
            .map_err(|error| match error {
                SourceError::Unavailable(cause) => SinkError::Unavailable(cause),
                refused @ SourceError::Refused { .. } => SinkError::Fatal(refused.to_string()),
            })?
            .ok_or_else(|| SinkError::Fatal(format!("the schema registry knows no schema {id}")))?;
        self.new_schemas.insert(id, schema.clone());
        self.store.learn(id, schema).map_err(|error| SinkError::Fatal(error.to_string()))
    }

    fn write(&self) -> Result<(), WriteError> {
        let transaction = self.store.shared.database.begin_write()?;
        {
            let mut schemas = transaction.open_table(SCHEMAS)?;
            for (id, schema) in &self.new_schemas {
                schemas.insert(id, schema.as_str())?;
            }
            let decoders = self.store.decoders();
            let mut rows = Rows::open(&transaction, &decoders)?;
            for staged in &self.staged {
                let value = &self.bytes[staged.value.clone()];
                let applied = match staged.topic {
                    0 => rows.playback_session(value),
                    1 => rows.qos_session_summary(value),
                    _ => rows.resume_state(staged.offset, value),
                };
                applied.map_err(|error| WriteError::of(error, staged))?;
            }
            let mut positions = transaction.open_table(POSITIONS)?;
            for (&(topic, partition), &next_offset) in &self.positions {
                positions.insert((&self.topic_ids[usize::from(topic)].0, partition), next_offset)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Sink for LocalSink {
    fn name(&self) -> &'static str {
        "serving"
    }

    fn position(&mut self, source: TopicPartition, _: Option<&Committed>) -> Result<Resume, SinkError> {
        let topic_id = self.topic_ids[usize::from(source.topic)].0;
        let read = || -> Result<Resume, redb::Error> {
            let positions = self.store.shared.database.begin_read()?.open_table(POSITIONS)?;
            let position = positions.get((&topic_id, source.partition))?;
            Ok(position.map_or(Resume::Beginning, |position| Resume::At(position.value())))
        };
        read().map_err(|error| SinkError::Fatal(format!("cannot read positions from the serving store: {error}")))
    }

    fn stage(&mut self, batch: &Batch<'_>) -> Result<(), SinkError> {
        let topic = batch.source.topic;
        if batch.topic_id != self.topic_ids[usize::from(topic)] {
            let name = INPUTS[usize::from(topic)];
            return Err(SinkError::Fatal(format!("topic {name} is not the one this sink was started on: it was made anew")));
        }
        for record in &batch.records {
            let Some(value) = record.value.filter(|_| !heartbeat::is_heartbeat(record)) else { continue };
            self.learn_schema_of(value)?;
            let start = self.bytes.len();
            self.bytes.extend_from_slice(value);
            let value = start..self.bytes.len();
            self.staged.push(Staged { topic, partition: batch.source.partition, offset: record.offset, value });
        }
        self.positions.insert((topic, batch.source.partition), batch.next_offset);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // A failing disk is not waited for: the process that owns the file is told, and stops.
        self.write().map_err(|error| SinkError::Fatal(error.to_string()))?;
        self.new_schemas.clear();
        self.discard();
        Ok(())
    }

    fn discard(&mut self) {
        self.bytes.clear();
        self.staged.clear();
        self.positions.clear();
    }
}

/// Why a flush failed.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("{topic}-{partition}, offset {offset}, is no record of that topic: {cause}")]
    Undecodable { topic: &'static str, partition: u32, offset: i64, cause: String },
    #[error("cannot write to the serving store: {0}")]
    Store(redb::Error),
}

impl WriteError {
    fn of(error: ApplyError, staged: &Staged) -> Self {
        match error {
            ApplyError::Store(error) => Self::Store(error),
            ApplyError::Undecodable(rejection) => Self::Undecodable {
                topic: INPUTS[usize::from(staged.topic)],
                partition: staged.partition,
                offset: staged.offset,
                cause: rejection.to_string(),
            },
        }
    }
}

impl<E: Into<redb::Error>> From<E> for WriteError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}
