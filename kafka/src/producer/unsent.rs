//! Records that wait to be sent: a batch for each partition that has some.

use std::time::{Duration, Instant};

use pipeline::OutputRecord;

use crate::wire::{Compressor, Producer, RecordBatch, Sealed};

/// So many bytes go at once, whatever else is to come.
const ENOUGH: usize = 1 << 20;

/// What is known of a partition.
#[derive(Debug, Default)]
struct Partition {
    batch: RecordBatch,
    /// That of the next record: the broker refuses one that comes twice or after a gap.
    sequence: i32,
}

/// Batches that are being filled.
pub(super) struct Unsent {
    /// By topic and partition.
    topics: Vec<Vec<Partition>>,
    /// How large a batch of each topic may become.
    limits: Vec<usize>,
    /// Which partitions have records.
    waiting: Vec<(u16, u32)>,
    bytes: usize,
    linger: Duration,
    last_sent: Option<Instant>,
}

impl Unsent {
    /// `topics` are numbers of partitions and the largest batches that they take.
    pub(super) fn new(topics: impl Iterator<Item = (u32, usize)>, linger: Duration) -> Self {
        let (topics, limits) = topics.map(|(partitions, limit)| ((0..partitions).map(|_| Partition::default()).collect(), limit)).unzip();
        Self { topics, limits, waiting: Vec::new(), bytes: 0, linger, last_sent: None }
    }

    /// Whether a record no longer fits into the batch of its partition.
    pub(super) fn is_full_for(&self, record: &OutputRecord<'_>) -> bool {
        let batch = &self.topics[usize::from(record.topic)][record.partition as usize].batch;
        !batch.is_empty() && batch.bytes() + RecordBatch::bytes_of(record) > self.limits[usize::from(record.topic)]
    }

    /// Takes a record. Its partition is one of its topic's.
    pub(super) fn push(&mut self, record: &OutputRecord<'_>) {
        let batch = &mut self.topics[usize::from(record.topic)][record.partition as usize].batch;
        if batch.is_empty() {
            self.waiting.push((record.topic, record.partition));
        }
        let before = batch.bytes();
        batch.push(record);
        self.bytes += batch.bytes() - before;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether what waits should go now: the first ones at once, the others when they have waited for more to come.
    pub(super) fn is_due(&self) -> bool {
        !self.is_empty() && (self.bytes >= ENOUGH || self.last_sent.is_none_or(|last| last.elapsed() >= self.linger))
    }

    /// Which partitions wait, those of a topic side by side.
    pub(super) fn waiting(&mut self) -> &[(u16, u32)] {
        self.waiting.sort_unstable();
        &self.waiting
    }

    /// Seals all batches into `bytes`, and says where they are.
    pub(super) fn seal(&mut self, producer: Producer, compressor: &mut Compressor, bytes: &mut Vec<u8>) -> Vec<Sealed> {
        bytes.clear();
        self.waiting.sort_unstable();
        let waiting = std::mem::take(&mut self.waiting);
        let mut seal = |&(topic, partition): &(u16, u32)| {
            let Partition { batch, sequence } = &mut self.topics[usize::from(topic)][partition as usize];
            let (start, first) = (bytes.len(), *sequence);
            *sequence = next_sequence(first, batch.len());
            batch.seal(producer, first, compressor, bytes);
            Sealed { topic, partition, bytes: start..bytes.len() }
        };
        let sealed = waiting.iter().map(&mut seal).collect();
        // With its memory.
        self.waiting = waiting;
        self.waiting.clear();
        self.bytes = 0;
        self.last_sent = Some(Instant::now());
        sealed
    }

    /// A producer of another epoch begins to count anew.
    pub(super) fn reset_sequences(&mut self) {
        self.topics.iter_mut().flatten().for_each(|partition| partition.sequence = 0);
    }
}

/// Sequences begin at 0 again behind the largest number.
const fn next_sequence(sequence: i32, records: i32) -> i32 {
    sequence.wrapping_add(records) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_round() {
        assert_eq!(next_sequence(0, 5), 5);
        assert_eq!(next_sequence(i32::MAX - 2, 3), 0);
        assert_eq!(next_sequence(i32::MAX, 1), 0);
        assert_eq!(next_sequence(i32::MAX, 4), 3);
    }
}
