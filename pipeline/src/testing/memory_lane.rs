//! A lane on the log in memory, with its batches and its assignment in the test's hand.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::{Batch, Committed, Log, LogError, OutputTopic, Outputs, Polled, Position, Record, TopicId, TopicPartition};

use super::memory_log::{Broker, MemoryLog, StoredRecord};

/// A change of the assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// These partitions come.
    Assign(Vec<TopicPartition>),
    /// These partitions go, in good order.
    Revoke(Vec<TopicPartition>),
    /// These partitions are gone at once, as those of a member that was taken for dead.
    Lose(Vec<TopicPartition>),
}

#[derive(Debug)]
struct Source {
    /// None until the caller has said where to read on: the double has no rule of its own.
    position: Option<i64>,
    is_paused: bool,
    /// The position as this lane saw or wrote it last: what a commit expects to find.
    seen: Option<Committed>,
}

#[derive(Debug)]
struct Sent {
    topic: usize,
    partition: u32,
    record: StoredRecord,
}

/// A lane of one group. A poll never waits.
#[derive(Debug)]
pub struct MemoryLane {
    log: MemoryLog,
    group: String,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    sources: BTreeMap<TopicPartition, Source>,
    /// Taken away at the next poll.
    leaving: Vec<TopicPartition>,
    /// Changes to come, and at which poll at the earliest, counted from 1.
    script: VecDeque<(u64, Rebalance)>,
    polls: u64,
    batch_sizes: Vec<usize>,
    batches: usize,
    /// The source that was read last.
    last_read: Option<TopicPartition>,
    sent: Vec<Sent>,
    held: Vec<Arc<StoredRecord>>,
}

impl MemoryLane {
    /// A lane that is assigned all partitions of all inputs at its first poll.
    ///
    /// # Panics
    /// Where a topic was not made.
    #[must_use]
    pub fn new(log: &MemoryLog, group: &str, inputs: &[&str], outputs: &[OutputTopic]) -> Self {
        let all = {
            let broker = log.broker();
            let partitions = |name: &&str| broker.topics[broker.find(name)].partitions.len();
            (0u16..)
                .zip(inputs)
                .flat_map(|(topic, name)| (0u32..).take(partitions(name)).map(move |partition| TopicPartition { topic, partition }))
                .collect()
        };
        Self::with_assignments(log, group, inputs, outputs, vec![(1, Rebalance::Assign(all))])
    }

    /// A lane whose assignment changes as `script` says: each change at that poll (counted from 1), or the next one that is free for it.
    ///
    /// # Panics
    /// Where a topic was not made, or has not as many partitions as `outputs` says.
    #[must_use]
    pub fn with_assignments(log: &MemoryLog, group: &str, inputs: &[&str], outputs: &[OutputTopic], script: Vec<(u64, Rebalance)>) -> Self {
        let broker = log.broker();
        let inputs = inputs.iter().map(|name| broker.find(name)).collect();
        let outputs = outputs
            .iter()
            .map(|output| {
                let found = broker.find(&output.name);
                assert_eq!(broker.topics[found].partitions.len(), output.partitions as usize, "partitions of {}", output.name);
                found
            })
            .collect();
        drop(broker);
        Self {
            log: log.clone(),
            group: group.to_owned(),
            inputs,
            outputs,
            sources: BTreeMap::new(),
            leaving: Vec::new(),
            script: script.into(),
            polls: 0,
            batch_sizes: Vec::new(),
            batches: 0,
            last_read: None,
            sent: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Hands out batches of these sizes, in turn; unlimited without any.
    #[must_use]
    pub fn with_batch_sizes(mut self, sizes: &[usize]) -> Self {
        self.batch_sizes = sizes.to_vec();
        self
    }

    /// Changes the assignment at the next poll.
    pub fn rebalance(&mut self, change: Rebalance) {
        self.script.push_back((0, change));
    }

    /// Polls so far.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }

    fn look_up(&self, source: TopicPartition) -> Option<Committed> {
        let broker = self.log.broker();
        let topic = &broker.topics[self.inputs[usize::from(source.topic)]];
        broker.positions.get(&(self.group.clone(), topic.id, source.partition)).cloned()
    }

    fn known(&mut self, source: TopicPartition) -> Result<&mut Source, LogError> {
        self.sources.get_mut(&source).ok_or_else(|| not_assigned(source))
    }

    fn rebalance_now(&mut self) -> Option<Polled<'static>> {
        for source in std::mem::take(&mut self.leaving) {
            self.sources.remove(&source);
        }
        if self.script.front().is_none_or(|(poll, _)| *poll > self.polls) {
            return None;
        }
        let (_, change) = self.script.pop_front()?;
        Some(match change {
            Rebalance::Assign(sources) => {
                for &source in &sources {
                    let seen = self.look_up(source);
                    self.sources.insert(source, Source { position: None, is_paused: false, seen });
                }
                Polled::Assigned(sources)
            }
            Rebalance::Revoke(sources) => {
                self.leaving.clone_from(&sources);
                Polled::Revoked { sources, is_lost: false }
            }
            Rebalance::Lose(sources) => {
                self.sources.retain(|source, _| !sources.contains(source));
                Polled::Revoked { sources, is_lost: true }
            }
        })
    }

    /// Copies the next batch of the next partition that has one.
    fn take_batch(&mut self) -> Result<Option<(TopicPartition, TopicId, i64)>, LogError> {
        self.held.clear();
        let broker = self.log.broker();
        let after = self.sources.range(self.last_read.map_or(TopicPartition::default(), next)..).map(|(&source, _)| source);
        let order: Vec<TopicPartition> = after.chain(self.sources.keys().copied()).take(self.sources.len()).collect();
        for source in order {
            let known = self.sources.get_mut(&source).expect("listed just now");
            let topic = &broker.topics[self.inputs[usize::from(source.topic)]];
            let partition = &topic.partitions[source.partition as usize];
            if known.is_paused {
                continue;
            }
            let position = known.position.ok_or_else(|| LogError::Fatal(format!("nobody said where to read on in {source:?}")))?;
            if position == partition.end {
                continue;
            }
            if position < partition.first || position > partition.end {
                return Err(out_of_range(&broker, self.inputs[usize::from(source.topic)], source.partition, position));
            }
            let limit = match self.batch_sizes.len() {
                0 => usize::MAX,
                sizes => self.batch_sizes[self.batches % sizes].max(1),
            };
            let records = partition.from(position);
            self.held.extend(records.iter().take(limit).cloned());
            // A gap at the end comes as a batch of its own, without records.
            let next_offset = self.held.last().map_or(partition.end, |last| last.offset + 1);
            known.position = Some(next_offset);
            self.batches += 1;
            self.last_read = Some(source);
            return Ok(Some((source, topic.id, next_offset)));
        }
        Ok(None)
    }
}

fn next(source: TopicPartition) -> TopicPartition {
    TopicPartition { partition: source.partition + 1, ..source }
}

fn not_assigned(source: TopicPartition) -> LogError {
    LogError::Fatal(format!("partition {} of input {} is not assigned", source.partition, source.topic))
}

fn out_of_range(broker: &Broker, topic: usize, partition: u32, position: i64) -> LogError {
    let topic = &broker.topics[topic];
    let held = &topic.partitions[partition as usize];
    LogError::OutOfRange { topic: topic.name.clone(), partition, position, first: held.first, end: held.end }
}

impl Log for MemoryLane {
    fn poll(&mut self, _: Duration) -> Result<Polled<'_>, LogError> {
        self.polls += 1;
        if let Some(change) = self.rebalance_now() {
            return Ok(change);
        }
        let Some((source, topic_id, next_offset)) = self.take_batch()? else {
            // A change that is still to come is worth another poll.
            return Ok(Polled::Idle { caught_up: self.script.is_empty() });
        };
        let records = self.held.iter().map(|record| record.borrow()).collect();
        Ok(Polled::Batch(Batch { source, topic_id, records, next_offset }))
    }

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
        let (topic_id, records) = {
            let broker = self.log.broker();
            let index = self.inputs[usize::from(source.topic)];
            let topic = &broker.topics[index];
            let partition = &topic.partitions[source.partition as usize];
            if let Some(outside) = [from, to].into_iter().find(|offset| !(partition.first..=partition.end).contains(offset)) {
                return Err(out_of_range(&broker, index, source.partition, outside));
            }
            (topic.id, partition.from(from).to_vec())
        };
        let size = self.batch_sizes.first().copied().unwrap_or(usize::MAX).max(1);
        for chunk in records.chunks(size) {
            let records: Vec<Record<'_>> = chunk.iter().map(|record| record.borrow()).filter(|record| record.offset < to).collect();
            if let Some(last) = records.last() {
                let next_offset = last.offset + 1;
                if each(&Batch { source, topic_id, records, next_offset }).is_break() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        for record in self.log.records(topic, partition) {
            if each(&record.borrow()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        Ok(self.log.broker().topics[self.inputs[usize::from(source.topic)]].id)
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        let broker = self.log.broker();
        let partition = &broker.topics[self.inputs[usize::from(source.topic)]].partitions[source.partition as usize];
        Ok((partition.first, partition.end))
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        let seen = self.look_up(source);
        self.known(source)?.seen.clone_from(&seen);
        Ok(seen)
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        self.sent.extend(outputs.iter().map(|record| Sent {
            topic: self.outputs[usize::from(record.topic)],
            partition: record.partition,
            record: StoredRecord {
                offset: 0,
                timestamp_ms: record.timestamp_ms,
                key: record.key.map(Vec::from),
                value: record.value.map(Vec::from),
                headers: record.headers.as_encoded().to_vec(),
            },
        }));
        outputs.clear();
        Ok(())
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let sent = std::mem::take(&mut self.sent);
        let mut broker = self.log.broker();
        let mut changes = Vec::with_capacity(positions.len());
        for position in positions {
            let source = position.source;
            let seen = &self.sources.get(&source).ok_or_else(|| not_assigned(source))?.seen;
            let topic = &broker.topics[self.inputs[usize::from(source.topic)]];
            let key = (self.group.clone(), topic.id, source.partition);
            let found = broker.positions.get(&key);
            if found != seen.as_ref() {
                let place = format!("{}-{}", topic.name, source.partition);
                return Err(LogError::Fenced(format!("group {} left {place} at {seen:?}, and finds it at {found:?}", self.group)));
            }
            changes.push((key, position.committed.clone()));
        }
        broker.positions.extend(changes);
        for Sent { topic, partition, record } in sent {
            broker.topics[topic].partitions[partition as usize].push(record);
        }
        drop(broker);
        for position in positions {
            self.known(position.source)?.seen = Some(position.committed.clone());
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        self.sent.clear();
        let held: Vec<TopicPartition> = self.sources.keys().copied().collect();
        for source in held {
            let seen = self.look_up(source);
            let known = self.known(source)?;
            (known.position, known.seen) = (None, seen);
        }
        Ok(Vec::new())
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.known(source)?.position = Some(offset);
        Ok(())
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.known(source)?.is_paused = true;
        Ok(())
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.known(source)?.is_paused = false;
        Ok(())
    }
}
