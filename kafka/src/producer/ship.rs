//! How records get to the brokers: several requests are under way at a time, and each connection keeps its order.

use super::brokers::Role;
use super::connection::Sent;
use super::error::{ProducerError, Wait, check};
use super::{NOT_YET, Producer};
use crate::wire::{AddPartitions, ErrorCode, Produce, Sealed};

/// Bytes under way at most; then answers are waited for. So much a lane holds back of what a broker has not yet taken.
const WINDOW: usize = 16 << 20;
/// And requests.
const WINDOW_REQUESTS: usize = 64;

/// Batches that are under way.
#[derive(Debug)]
pub(super) struct InFlight {
    node: i32,
    sent: Sent,
    bytes: usize,
    partitions: usize,
}

impl Producer {
    /// Sends all that waits.
    pub(super) fn ship(&mut self, wait: &Wait<'_>) -> Result<(), ProducerError> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        if !self.is_implicit {
            self.add_partitions(wait)?;
        }
        let mut bytes = std::mem::take(&mut self.sealed);
        let mut batches = self.unsent.seal(self.identity, &mut self.compressor, &mut bytes);
        batches.sort_by_key(|batch| self.leader(batch));
        let (mut shipped, mut rest) = (Ok(()), batches.as_slice());
        while let (Ok(()), Some(first)) = (&shipped, rest.first()) {
            let node = self.leader(first);
            let (of_leader, others) = rest.split_at(rest.partition_point(|batch| self.leader(batch) <= node));
            rest = others;
            let is_known = of_leader.iter().all(|batch| self.added.contains(&(batch.topic, batch.partition)));
            shipped = if is_known { self.post(of_leader, &bytes, wait) } else { self.open(of_leader, &bytes, wait) };
        }
        self.sealed = bytes;
        shipped
    }

    fn leader(&self, batch: &Sealed) -> i32 {
        self.leaders[usize::from(batch.topic)][batch.partition as usize]
    }

    /// Sends batches to the leader of their partitions.
    fn send(&mut self, batches: &[Sealed], bytes: &[u8], wait: &Wait<'_>) -> Result<InFlight, ProducerError> {
        let node = self.leader(&batches[0]);
        let limit = self.options.settings.replication_limit.min(self.options.transaction_timeout);
        let request = Produce {
            transactional_id: &self.options.transactional_id,
            timeout_ms: i32::try_from(limit.as_millis()).unwrap_or(i32::MAX),
            topics: &self.names,
            batches,
            bytes,
        };
        // Version 12 is what tells the leader to add the partition.
        let newest = if self.is_implicit { 12 } else { 11 };
        let connection = self.brokers.connection(Role::Leader, node, wait)?;
        let sent = connection.send(&request, newest, wait)?;
        let bytes = batches.iter().map(|batch| batch.bytes.len()).sum();
        Ok(InFlight { node, sent, bytes, partitions: batches.len() })
    }

    /// The first batches for a partition in a transaction: the leader tells the coordinator, which may not quite be done with the transaction
    /// before, or with another partition. What came behind them meanwhile would then be out of order, so nothing does. Batches that were taken
    /// along with some that were not are sent twice, and the broker knows them by their sequence.
    fn open(&mut self, batches: &[Sealed], bytes: &[u8], wait: &Wait<'_>) -> Result<(), ProducerError> {
        self.settle(wait)?;
        loop {
            let sent = self.send(batches, bytes, wait)?;
            match self.answered(&sent, wait) {
                Err(error) if error.code() == ErrorCode::CONCURRENT_TRANSACTIONS => wait.pause(NOT_YET, "first records")?,
                Err(error) => return Err(error),
                Ok(()) => {
                    self.added.extend(batches.iter().map(|batch| (batch.topic, batch.partition)));
                    self.is_open = true;
                    return Ok(());
                }
            }
        }
    }

    /// Further batches for partitions that are part of the transaction, which are not waited for yet.
    fn post(&mut self, batches: &[Sealed], bytes: &[u8], wait: &Wait<'_>) -> Result<(), ProducerError> {
        while self.bytes_in_flight >= WINDOW || self.in_flight.len() >= WINDOW_REQUESTS {
            self.settle_oldest(wait)?;
        }
        let sent = self.send(batches, bytes, wait)?;
        self.bytes_in_flight += sent.bytes;
        self.in_flight.push_back(sent);
        Ok(())
    }

    /// Waits until all that was sent is answered.
    pub(super) fn settle(&mut self, wait: &Wait<'_>) -> Result<(), ProducerError> {
        while !self.in_flight.is_empty() {
            self.settle_oldest(wait)?;
        }
        Ok(())
    }

    fn settle_oldest(&mut self, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let Some(oldest) = self.in_flight.pop_front() else { return Ok(()) };
        self.bytes_in_flight -= oldest.bytes;
        self.answered(&oldest, wait)
    }

    /// The answer to batches that are the oldest of their connection.
    fn answered(&mut self, of: &InFlight, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let limited = wait.at_most(self.options.settings.answer_limit);
        let produced = self.brokers.connection(Role::Leader, of.node, wait)?.receive::<Produce<'_>>(of.sent, &limited)?;
        // One that can't be mended says more than those that fail with it; "not yet" says least.
        let rank = |code: ErrorCode| (!code.is_final(), code == ErrorCode::CONCURRENT_TRANSACTIONS);
        if let Some(refused) = produced.refused.iter().min_by_key(|refused| rank(refused.code)) {
            let what = format!("a record of {}-{}", refused.topic, refused.partition);
            // The leader may have moved, or the topic be gone: a new producer finds out.
            if refused.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                return Err(ProducerError::Unreachable(format!("{what}: {}", refused.code)));
            }
            let why = refused.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            return check(&format!("{what}{why}"), refused.code);
        }
        if produced.partitions != of.partitions {
            let why = format!("{} batches sent, {} answered", of.partitions, produced.partitions);
            return Err(ProducerError::Unreachable(why));
        }
        Ok(())
    }

    /// Tells the coordinator which partitions are about to be written to.
    fn add_partitions(&mut self, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let new: Vec<(u16, u32)> = self.unsent.waiting().iter().copied().filter(|partition| !self.added.contains(partition)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let (names, id) = (self.names.clone(), self.options.transactional_id.clone());
        let of_topics = new.chunk_by(|(a, _), (b, _)| a == b);
        let topics: Vec<(&str, Vec<u32>)> = of_topics
            .map(|partitions| (names[usize::from(partitions[0].0)].as_str(), partitions.iter().map(|(_, partition)| *partition).collect()))
            .collect();
        let request = AddPartitions { transactional_id: &id, producer: self.identity, topics: &topics };
        self.until_ready("partitions", wait, |producer| {
            let refused = producer.brokers.connection(Role::Coordinator, producer.coordinator, wait)?.ask(&request, wait)?;
            refused.map_or(Ok(()), |(code, topic, partition)| check(&format!("{topic}-{partition}"), code))
        })?;
        self.added.extend(new);
        self.is_open = true;
        Ok(())
    }
}
