//! Reading the log, with a bar for whoever waits, and decoding what lies in it.

use std::ops::ControlFlow;
use std::sync::Arc;

use pipeline::Record;
use schemas::{Decoder, Rejection};

use crate::data_folder::{DataFolder, RegistryFile};
use crate::progress::{Counting, Progress};

/// The topics that are read, each with how often.
const TOPICS: [(&str, u64); 7] = [
    ("playback_events", 1),
    ("playback_events.clean", 1),
    ("dead_letters", 1),
    ("playback_sessions", 1),
    ("qos_session_summary", 1),
    ("viewing_progress", 1),
    ("resume_state", 2),
];

/// A folder that is being read.
pub(super) struct Reading<'f> {
    pub(super) folder: &'f DataFolder,
    bar: Counting,
    read: u64,
}

impl<'f> Reading<'f> {
    pub(super) fn begin(folder: &'f DataFolder, progress: &Progress) -> anyhow::Result<Self> {
        let mut total = 0;
        for (topic, times) in TOPICS {
            for partition in 0..folder.partitions(topic)? {
                let (first, end) = folder.log.bounds(topic, partition)?;
                total += times * (end - first).unsigned_abs();
            }
        }
        Ok(Self { folder, bar: progress.counting("records", total), read: 0 })
    }

    /// Hands over every record of a partition, heartbeats among them.
    pub(super) fn partition(
        &mut self,
        topic: &str,
        partition: u32,
        each: &mut dyn FnMut(&Record<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (first, end) = self.folder.log.bounds(topic, partition)?;
        let mut outcome = Ok(());
        self.folder.log.read_partition(topic, partition, first, end, &mut |batch| {
            self.read += batch.records.len() as u64;
            self.bar.set(self.read);
            outcome = batch.records.iter().try_for_each(&mut *each);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    /// The value of one record, where it has one.
    pub(super) fn value_at(&self, topic: &str, partition: u32, offset: i64) -> anyhow::Result<Option<Vec<u8>>> {
        let mut found = None;
        self.folder.log.read_partition(topic, partition, offset, offset + 1, &mut |batch| {
            found = batch.records.first().and_then(|record| record.value).map(<[u8]>::to_vec);
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// Up to before which offset a stage has processed a partition of its input.
    pub(super) fn committed(&self, stage: &str, topic: &str, partition: u32) -> anyhow::Result<i64> {
        let (first, _) = self.folder.log.bounds(topic, partition)?;
        Ok(self.folder.log.committed(stage, topic, partition)?.map_or(first, |committed| committed.next_offset))
    }

    pub(super) fn done(self) {
        self.bar.done();
    }
}

/// Decodes the values of one record type, asking the registry for schemas as they come.
pub(super) struct Values {
    decoder: Decoder,
}

impl Values {
    pub(super) fn of<R: schemas::Record<'static>>(registry: &Arc<RegistryFile>) -> Self {
        Self { decoder: Decoder::new::<R>(Arc::clone(registry) as _) }
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
