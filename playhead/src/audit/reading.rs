//! Reading what is in view, with a bar for whoever waits, and decoding what lies in it.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use pipeline::Record;
use schemas::{Decoder, Rejection, SchemaSource};
use sink_local::LocalStore;

use super::Audited;
use super::view::View;
use crate::log_source::LogReader;
use crate::progress::{Counting, Progress};

/// How often each topic is read.
const TIMES: [(&str, u64); 7] = [
    ("playback_events", 1),
    ("playback_events.clean", 1),
    ("dead_letters", 1),
    ("playback_sessions", 1),
    ("qos_session_summary", 1),
    ("viewing_progress", 1),
    ("resume_state", 2),
];

/// A log that is being read, and the store beside it.
pub(super) struct Reading {
    log: LogReader,
    pub(super) schemas: Arc<dyn SchemaSource>,
    pub(super) store: Option<LocalStore>,
    pub(super) view: View,
    bar: Counting,
    read: u64,
}

impl Reading {
    pub(super) fn begin(audited: Audited, progress: &Progress) -> anyhow::Result<Self> {
        let Audited { source, store, .. } = audited;
        let view = View::take(&source.log)?;
        let total = TIMES.iter().map(|(topic, times)| times * view.offsets(topic)).sum();
        Ok(Self { log: source.log, schemas: source.schemas, store, view, bar: progress.counting("records", total), read: 0 })
    }

    /// Hands over every record of a partition that is in view, heartbeats among them.
    pub(super) fn partition(
        &mut self,
        topic: &str,
        partition: u32,
        each: &mut dyn FnMut(&Record<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let range = self.view.range(topic, partition);
        self.range(topic, partition, range, each)
    }

    fn range(
        &mut self,
        topic: &str,
        partition: u32,
        range: Range<i64>,
        each: &mut dyn FnMut(&Record<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        let Self { log, bar, read, .. } = self;
        log.read(topic, partition, range, &mut |record| {
            *read += 1;
            if read.is_multiple_of(1_024) {
                bar.set(*read);
            }
            outcome = each(record);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// What a stage has committed by now, by partition of one of the topics in view.
    pub(super) fn committed(&self, stage: &str, topic: &str) -> anyhow::Result<Vec<Option<i64>>> {
        let committed = self.log.committed(stage, topic)?;
        Ok(committed.into_iter().map(|committed| Some(committed?.next_offset)).collect())
    }

    /// The value of one record, where it has one.
    pub(super) fn value_at(&mut self, topic: &str, partition: u32, offset: i64) -> anyhow::Result<Option<Vec<u8>>> {
        let mut found = None;
        self.record_at(topic, partition, offset, &mut |record| {
            found = record.value.map(<[u8]>::to_vec);
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands over one record, where it is there.
    pub(super) fn record_at(
        &mut self,
        topic: &str,
        partition: u32,
        offset: i64,
        each: &mut dyn FnMut(&Record<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.range(topic, partition, offset..offset + 1, each)
    }

    /// When the first record of a partition in view was written, ms since 1970 UTC.
    pub(super) fn first_timestamp_ms(&mut self, topic: &str, partition: u32) -> anyhow::Result<Option<i64>> {
        let mut first_ms = None;
        self.log.read(topic, partition, self.view.range(topic, partition), &mut |record| {
            first_ms = Some(record.timestamp_ms);
            ControlFlow::Break(())
        })?;
        Ok(first_ms)
    }

    /// All that was to be read has been.
    pub(super) fn done(&self) {
        self.bar.done();
    }
}

/// Decodes the values of one record type, asking the registry for schemas as they come.
pub(super) struct Values {
    decoder: Decoder,
}

impl Values {
    pub(super) fn of<R: schemas::Record<'static>>(schemas: &Arc<dyn SchemaSource>) -> Self {
        Self { decoder: Decoder::new::<R>(Arc::clone(schemas)) }
    }

    /// The decoder, ready for this value.
    ///
    /// # Errors
    /// Where the registry does not answer.
    pub(super) fn decoder_for(&mut self, value: &[u8]) -> anyhow::Result<&Decoder> {
        if let Some(id) = self.decoder.missing(value) {
            self.decoder.learn(id)?;
        }
        Ok(&self.decoder)
    }

    /// Decodes a value; none counts as one of no bytes. The outer error is the registry's, the inner one is the value's own.
    pub(super) fn decode<'a, R: schemas::Record<'a>>(&mut self, value: Option<&'a [u8]>) -> anyhow::Result<Result<R, Box<Rejection>>> {
        let value = value.unwrap_or_default();
        Ok(self.decoder_for(value)?.decode(value))
    }
}
