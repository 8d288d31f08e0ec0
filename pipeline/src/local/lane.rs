//! A lane on the local log.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use crate::{Batch, Committed, Log, LogError, OutputTopic, Outputs, Polled, Position, Record, TopicId, TopicPartition};

use super::LocalLog;
use super::block::{Block, BlockBuilder, BlockReader, BlockRecord};
use super::error::LocalLogError;
use super::store::{self, Place};
use super::writer::{PositionChange, Transaction};

/// Records that a poll hands out at most, unless told otherwise.
const POLL_RECORDS: usize = 4_096;
/// Bytes that a poll copies at most, but for its first block.
const POLL_BYTES: usize = 4 << 20;

/// Reads all partitions of its input topics for one group, and writes to its output topics. Without inputs it is a producer.
pub struct LocalLane {
    log: LocalLog,
    group: Arc<str>,
    sources: Vec<Source>,
    is_assigned: bool,
    /// Index of the source that is asked first.
    turn: usize,
    outputs: Vec<Output>,
    /// Where records were sent since the last commit.
    touched: Vec<(usize, u32)>,
    poll_records: usize,
    /// Copies of the blocks handed out last; records borrow from them.
    buffer: Vec<u8>,
    /// Each block's first offset and its place in the buffer.
    held: Vec<(i64, Range<usize>)>,
}

#[derive(Debug)]
struct Source {
    source: TopicPartition,
    place: Place,
    topic_name: Arc<str>,
    topic_id: TopicId,
    position: i64,
    is_paused: bool,
    /// The position as this lane saw or wrote it last: what a commit expects to find.
    seen: Option<Committed>,
}

#[derive(Debug)]
struct Output {
    topic: u32,
    partitions: Vec<PendingPartition>,
}

#[derive(Debug, Default)]
struct PendingPartition {
    open: BlockBuilder,
    full: Vec<Block>,
}

impl LocalLane {
    /// For the stage `group`: [`TopicPartition::topic`] is an index in `inputs`, [`crate::OutputRecord::topic`] one in `outputs`.
    ///
    /// # Errors
    /// Where a topic does not exist, or has not as many partitions as `outputs` says.
    pub fn new(log: &LocalLog, group: &str, inputs: &[&str], outputs: &[OutputTopic]) -> Result<Self, LocalLogError> {
        let catalogue = log.open.store.catalogue();
        let mut sources = Vec::new();
        for (index, name) in (0u16..).zip(inputs) {
            let (number, topic) = catalogue.find(name)?;
            sources.extend((0..topic.info.partitions).map(|partition| Source {
                source: TopicPartition { topic: index, partition },
                place: Place { topic: number, partition },
                topic_name: Arc::clone(&topic.info.name),
                topic_id: topic.info.id,
                position: 0,
                is_paused: false,
                seen: None,
            }));
        }
        let mut resolved = Vec::new();
        for output in outputs {
            let (number, topic) = catalogue.find(&output.name)?;
            let existing = topic.info.partitions;
            if existing != output.partitions {
                return Err(LocalLogError::PartitionCount { topic: output.name.clone(), existing, asked: output.partitions });
            }
            resolved.push(Output { topic: number, partitions: (0..existing).map(|_| PendingPartition::default()).collect() });
        }
        drop(catalogue);
        Ok(Self {
            log: log.clone(),
            group: group.into(),
            sources,
            is_assigned: false,
            turn: 0,
            outputs: resolved,
            touched: Vec::new(),
            poll_records: POLL_RECORDS,
            buffer: Vec::new(),
            held: Vec::new(),
        })
    }

    /// Hands out at most so many records a poll.
    #[must_use]
    pub fn with_poll_records(mut self, poll_records: usize) -> Self {
        self.poll_records = poll_records.max(1);
        self
    }

    fn index(&self, source: TopicPartition) -> Result<usize, LogError> {
        self.sources
            .binary_search_by_key(&source, |known| known.source)
            .map_err(|_| LogError::Fatal(format!("input {} has no partition {}", source.topic, source.partition)))
    }

    fn source(&mut self, source: TopicPartition) -> Result<&mut Source, LogError> {
        let index = self.index(source)?;
        Ok(&mut self.sources[index])
    }

    /// Every partition at its committed position, or at its beginning.
    fn load_positions(&mut self) -> Result<(), LogError> {
        let store = &self.log.open.store;
        for source in &mut self.sources {
            source.seen = store.committed(&self.group, source.topic_id, source.source.partition)?;
            source.position = match &source.seen {
                Some(committed) => committed.next_offset,
                None => store.first(source.place, store.catalogue().end(source.place))?,
            };
        }
        Ok(())
    }

    /// Waits for a partition with records to read: its index, and its end. None where nothing came in time.
    fn wait_for_records(&mut self, timeout: Duration) -> Result<Option<(usize, i64)>, LogError> {
        let deadline = Instant::now().checked_add(timeout);
        let store = &self.log.open.store;
        let mut catalogue = store.catalogue();
        loop {
            for step in 0..self.sources.len() {
                let index = (self.turn + step) % self.sources.len();
                let source = &self.sources[index];
                let end = catalogue.end(source.place);
                if source.is_paused || source.position == end {
                    continue;
                }
                if source.position > end {
                    drop(catalogue);
                    return Err(store.out_of_range(source.place, source.position).into());
                }
                self.turn = index + 1;
                return Ok(Some((index, end)));
            }
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            catalogue = store.wait(catalogue, left);
        }
    }

    /// Copies blocks from the position of a source on, up to an end that is known: the file holds what was committed a moment before others are
    /// told of it, and a position beyond the end that they know would lie outside the log.
    fn fill(&mut self, index: usize, end: i64) -> Result<(), LogError> {
        self.buffer.clear();
        self.held.clear();
        let Source { place, position, .. } = self.sources[index];
        let store = &self.log.open.store;
        let mut records = 0;
        let (buffer, held) = (&mut self.buffer, &mut self.held);
        let found = store.read_blocks(place, position, end, |base, bytes| {
            let count = BlockReader::open(bytes).map_err(|damage| store.corrupt(place, base, damage))?.count as usize;
            records += count;
            if !held.is_empty() && (records > self.poll_records || buffer.len() + bytes.len() > POLL_BYTES) {
                return Ok(ControlFlow::Break(()));
            }
            let start = buffer.len();
            buffer.extend_from_slice(bytes);
            held.push((base, start..buffer.len()));
            Ok(ControlFlow::Continue(()))
        })?;
        if found { Ok(()) } else { Err(store.out_of_range(place, position).into()) }
    }

    /// The records held from the position of a source on; the position moves behind them.
    fn hand_out(&mut self, index: usize) -> Result<Batch<'_>, LogError> {
        let Source { source, place, topic_id, position, .. } = self.sources[index];
        let to = position.saturating_add(i64::try_from(self.poll_records).unwrap_or(i64::MAX));
        let mut records: Vec<Record<'_>> = Vec::new();
        for (base, range) in &self.held {
            store::append_records(*base, &self.buffer[range.clone()], position, to, &mut records)
                .map_err(|damage| self.log.open.store.corrupt(place, *base, damage))?;
        }
        let Some(last) = records.last() else { return Err(self.log.open.store.out_of_range(place, position).into()) };
        let next_offset = last.offset + 1;
        self.sources[index].position = next_offset;
        Ok(Batch { source, topic_id, records, next_offset })
    }

    /// Takes what was sent since the last commit.
    fn take_blocks(&mut self) -> Vec<(Place, Block)> {
        let mut blocks = Vec::new();
        for (output, partition) in std::mem::take(&mut self.touched) {
            let topic = self.outputs[output].topic;
            let pending = &mut self.outputs[output].partitions[partition as usize];
            if !pending.open.is_empty() {
                pending.full.push(pending.open.finish());
            }
            blocks.extend(pending.full.drain(..).map(|block| (Place { topic, partition }, block)));
        }
        blocks
    }

    fn position_changes(&self, positions: &[Position]) -> Result<Vec<PositionChange>, LogError> {
        let mut changes = Vec::with_capacity(positions.len());
        for position in positions {
            let source = &self.sources[self.index(position.source)?];
            if source.seen.as_ref() != Some(&position.committed) {
                changes.push(PositionChange {
                    topic_name: Arc::clone(&source.topic_name),
                    topic: source.topic_id,
                    partition: position.source.partition,
                    expected: source.seen.clone(),
                    committed: position.committed.clone(),
                });
            }
        }
        Ok(changes)
    }
}

impl Log for LocalLane {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        if !self.is_assigned {
            self.load_positions()?;
            self.is_assigned = true;
            return Ok(Polled::Assigned(self.sources.iter().map(|source| source.source).collect()));
        }
        let Some((index, end)) = self.wait_for_records(timeout)? else { return Ok(Polled::Idle { caught_up: true }) };
        self.fill(index, end)?;
        self.hand_out(index).map(Polled::Batch)
    }

    /// No group watches over the lanes of one process.
    fn keep_alive(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let Source { place, topic_id, .. } = self.sources[self.index(source)?];
        if to > self.log.open.store.catalogue().end(place) {
            return Err(self.log.open.store.out_of_range(place, to).into());
        }
        self.log.read_place(place, source, topic_id, from, to, each)?;
        Ok(())
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        let (first, end) = self.log.bounds(topic, partition)?;
        self.log.read_partition(topic, partition, first, end, &mut |batch| batch.records.iter().try_for_each(&mut *each))?;
        Ok(())
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        Ok(self.sources[self.index(source)?].topic_id)
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        let Source { place, .. } = self.sources[self.index(source)?];
        let end = self.log.open.store.catalogue().end(place);
        Ok((self.log.open.store.first(place, end)?, end))
    }

    fn largest_timestamp_ms(&mut self, source: TopicPartition) -> Result<Option<i64>, LogError> {
        let Source { place, .. } = self.sources[self.index(source)?];
        Ok(self.log.largest_timestamp_ms(place)?)
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        let index = self.index(source)?;
        let known = &mut self.sources[index];
        known.seen = self.log.open.store.committed(&self.group, known.topic_id, source.partition)?;
        Ok(known.seen.clone())
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        for record in outputs.iter() {
            let output = usize::from(record.topic);
            let pending = self.outputs.get_mut(output).and_then(|topic| topic.partitions.get_mut(record.partition as usize));
            let Some(pending) = pending else {
                return Err(LogError::Fatal(format!("output {output} has no partition {}", record.partition)));
            };
            if pending.open.is_empty() && pending.full.is_empty() {
                self.touched.push((output, record.partition));
            }
            if pending.open.is_full() {
                pending.full.push(pending.open.finish());
            }
            pending.open.push(&BlockRecord {
                timestamp_ms: record.timestamp_ms,
                key: record.key,
                value: record.value,
                headers: record.headers,
            });
        }
        outputs.clear();
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let blocks = self.take_blocks();
        let changes = self.position_changes(positions)?;
        if blocks.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let (reply, answer) = sync_channel(1);
        let transaction = Transaction { group: Arc::clone(&self.group), blocks, positions: changes, reply };
        let stopped = || LogError::Fatal("the log's writer has stopped".into());
        let queue = self.log.open.queue.as_ref().ok_or_else(stopped)?;
        queue.send(transaction).map_err(|_| stopped())?;
        answer.recv().map_err(|_| stopped())??;
        for position in positions {
            self.source(position.source)?.seen = Some(position.committed.clone());
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        drop(self.take_blocks());
        self.load_positions()?;
        Ok(Vec::new())
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.source(source)?.position = offset;
        Ok(())
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.source(source)?.is_paused = true;
        Ok(())
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.source(source)?.is_paused = false;
        Ok(())
    }
}
