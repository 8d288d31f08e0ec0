//! Rows of sessions: which of them a record is a version of, and which record stands for each.

use std::collections::BTreeMap;

use pipeline::{Record, heartbeat};
use schemas::{PlaybackSession, QosSessionSummary};
use sink_local::{INPUTS, SessionTable};

use super::reading::{Reading, Values};

/// The tables, in the order of [`INPUTS`].
pub(super) const TABLES: [SessionTable; 2] = [SessionTable::Sessions, SessionTable::Summaries];

/// (session_id, opened_at).
pub(super) type RowKey = (Box<str>, i64);

/// Reads of a record which row it is about, and in which version.
pub(super) struct Identifier {
    table: SessionTable,
    values: Values,
}

impl Identifier {
    /// For the topic `INPUTS[table]`.
    pub(super) fn new(reading: &Reading, table: usize) -> Self {
        let schemas = &reading.schemas;
        let values = match TABLES[table] {
            SessionTable::Sessions => Values::of::<PlaybackSession<'static>>(schemas),
            SessionTable::Summaries => Values::of::<QosSessionSummary<'static>>(schemas),
        };
        Self { table: TABLES[table], values }
    }

    /// Row and version. The outer error is the registry's, the inner one is what is wrong with the record.
    pub(super) fn identify(&mut self, record: &Record<'_>) -> anyhow::Result<Result<(RowKey, i64), String>> {
        let row = match self.table {
            SessionTable::Sessions => {
                let row = self.values.decode::<PlaybackSession<'_>>(record.value)?;
                row.map(|row| ((row.session_id.into(), row.opened_at), row.version))
            }
            SessionTable::Summaries => {
                let row = self.values.decode::<QosSessionSummary<'_>>(record.value)?;
                row.map(|row| ((row.session_id.into(), row.opened_at), row.version))
            }
        };
        Ok(row.map_err(|rejection| rejection.to_string()))
    }
}

/// A row, and the framed record that stands for it.
pub(super) struct Row<'a> {
    pub(super) session_id: &'a str,
    pub(super) opened_at: i64,
    pub(super) record: &'a [u8],
}

/// Hands over every row of a table: as the store has it, or without a store as its topic has it.
pub(super) fn each(reading: &mut Reading, table: usize, each: &mut dyn FnMut(&Row<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(store) = &reading.store else { return each_of_topic(reading, table, each) };
    let mut outcome = Ok(());
    store.stored_versions(TABLES[table], &mut |row| {
        if outcome.is_ok() {
            outcome = each(&Row { session_id: row.session_id, opened_at: row.opened_at, record: row.record });
        }
    })?;
    outcome
}

/// Twice through the topic, so that no record need be held: of a row the largest version stands, and of equal ones the first.
fn each_of_topic(reading: &mut Reading, table: usize, each: &mut dyn FnMut(&Row<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let topic = INPUTS[table];
    let mut identifier = Identifier::new(reading, table);
    let mut newest: BTreeMap<RowKey, (i64, u32, i64)> = BTreeMap::new();
    for partition in 0..reading.view.partitions(topic) {
        reading.partition(topic, partition, &mut |record| {
            if !heartbeat::is_heartbeat(record)
                && let Ok((key, version)) = identifier.identify(record)?
            {
                let told = (version, partition, record.offset);
                newest.entry(key).and_modify(|newest| *newest = if version > newest.0 { told } else { *newest }).or_insert(told);
            }
            Ok(())
        })?;
    }
    for partition in 0..reading.view.partitions(topic) {
        reading.partition(topic, partition, &mut |record| {
            if !heartbeat::is_heartbeat(record)
                && let Ok((key, version)) = identifier.identify(record)?
                && newest.get(&key) == Some(&(version, partition, record.offset))
            {
                each(&Row { session_id: &key.0, opened_at: key.1, record: record.value.unwrap_or_default() })?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
