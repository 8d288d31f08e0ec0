//! A lane with a meter on it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use kafka::KafkaLane;
use pipeline::{Batch, Committed, Log, LogError, Outputs, Polled, Position, Record, TopicId, TopicPartition};

use super::meter::Meter;

pub(super) struct MeteredLane<'m> {
    pub(super) lane: KafkaLane,
    pub(super) meter: &'m Meter,
}

impl Log for MeteredLane<'_> {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        let polled = self.lane.poll(timeout)?;
        if let Polled::Batch(batch) = &polled {
            self.meter.read(batch.records.len() as u64);
        }
        Ok(polled)
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let began = Instant::now();
        self.lane.commit(positions)?;
        self.meter.committed(began.elapsed());
        Ok(())
    }

    fn keep_alive(&mut self) -> Result<(), LogError> {
        self.lane.keep_alive()
    }

    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.lane.read(source, from, to, each)
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        self.lane.read_topic(topic, partition, each)
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        self.lane.topic_id(source)
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        self.lane.bounds(source)
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        self.lane.committed(source)
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        self.lane.send(outputs)
    }

    fn recover(&mut self) -> Result<(), LogError> {
        self.lane.recover()
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.lane.seek(source, offset)
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.lane.pause(source)
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.lane.resume(source)
    }
}
