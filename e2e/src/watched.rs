//! A log that somebody watches.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use pipeline::{Batch, Committed, Log, LogError, Outputs, Polled, Position, Record, TopicId, TopicPartition};

/// Told what a log does. Of each only what it is meant to see.
pub trait Watch {
    /// What a poll brought.
    fn polled(&mut self, _: &Polled<'_>) {}

    /// So many records were put into the open transaction.
    fn sent(&mut self, _records: usize) {}

    /// A commit went through, in this time.
    fn committed(&mut self, _took: Duration) {}

    /// A new start is tried.
    fn recovers(&mut self) {}
}

/// See the module's documentation.
pub struct Watched<L, W> {
    /// The log.
    pub log: L,
    /// Who watches.
    pub watch: W,
}

impl<L: Log, W: Watch> Log for Watched<L, W> {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        let polled = self.log.poll(timeout)?;
        self.watch.polled(&polled);
        Ok(polled)
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        let records = outputs.len();
        self.log.send(outputs)?;
        self.watch.sent(records);
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let began = Instant::now();
        self.log.commit(positions)?;
        self.watch.committed(began.elapsed());
        Ok(())
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        self.watch.recovers();
        let sources = self.log.recover()?;
        if !sources.is_empty() {
            self.watch.polled(&Polled::Revoked { sources: sources.clone(), is_lost: true });
        }
        Ok(sources)
    }

    fn keep_alive(&mut self) -> Result<(), LogError> {
        self.log.keep_alive()
    }

    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.log.read(source, from, to, each)
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        self.log.read_topic(topic, partition, each)
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        self.log.topic_id(source)
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        self.log.bounds(source)
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        self.log.committed(source)
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.log.seek(source, offset)
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.log.pause(source)
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.log.resume(source)
    }
}
