//! A transactional producer on the lane's own thread: records go from [`pipeline::Outputs`] into batches as the log keeps them, and these
//! over blocking connections to the brokers that lead their partitions.
//!
//! It knows no second chance: whatever fails, the transaction is lost and the producer with it. The next one takes the transactional id
//! over, which ends what this one left open. So no request is ever sent twice, but for those that a broker has answered with "not yet".
//! What a broker says that knows level 2 of `transaction.version` (KIP-890) is relied on: each transaction has an epoch of its own, so that
//! nothing of it can arrive after its end; older brokers are told the partitions of a transaction before they are written to.

mod brokers;
mod connection;
mod error;
mod scram;
mod settings;
mod ship;
mod start;
mod stream;
mod tls;
mod unsent;

pub(crate) use error::{ProducerError, Wait};
pub(crate) use settings::ClientSettings;
pub(crate) use start::look;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pipeline::OutputRecord;

use crate::wire::{self, AddOffsets, CommitOffsets, Compressor, EndTransaction, ErrorCode, GroupPositions};
use brokers::{Brokers, Role};
use error::check;
use ship::InFlight;
use unsent::Unsent;

/// Pause before what a broker was not ready for is asked again.
const NOT_YET: Duration = Duration::from_millis(5);

/// An output topic, as a producer needs to know it.
#[derive(Clone, Debug)]
pub(crate) struct ProducedTopic {
    pub(crate) name: String,
    pub(crate) partitions: u32,
    /// How large a batch may be.
    pub(crate) batch_bytes: usize,
}

/// What a producer is made of.
#[derive(Clone)]
pub(crate) struct ProducerOptions {
    pub(crate) settings: Arc<ClientSettings>,
    pub(crate) transactional_id: String,
    /// After this long the broker gives a transaction up.
    pub(crate) transaction_timeout: Duration,
    pub(crate) topics: Vec<ProducedTopic>,
}

/// A producer, from its first transaction to the first that is lost.
pub(crate) struct Producer {
    options: ProducerOptions,
    /// Of the topics.
    names: Vec<String>,
    brokers: Brokers,
    /// By topic and partition: the node that leads it.
    leaders: Vec<Vec<i32>>,
    /// The node that keeps the state of our transactions.
    coordinator: i32,
    /// The node that keeps the positions of the group, once it is known.
    group_coordinator: Option<i32>,
    identity: wire::Producer,
    /// Brokers add to a transaction what is written in it (KIP-890), and each transaction has an epoch of its own.
    is_implicit: bool,
    compressor: Compressor,
    unsent: Unsent,
    /// The bytes of the batches that are being sent.
    sealed: Vec<u8>,
    in_flight: VecDeque<InFlight>,
    bytes_in_flight: usize,
    /// What the coordinator knows to be part of this transaction.
    added: BTreeSet<(u16, u32)>,
    /// A record was taken since the last commit.
    has_records: bool,
    /// The coordinator knows of this transaction.
    is_open: bool,
}

impl Producer {
    /// Takes a record into the open transaction; its bytes are copied. Topic and partition are among those of the options.
    pub(crate) fn push(&mut self, record: &OutputRecord<'_>, wait: &Wait<'_>) -> Result<(), ProducerError> {
        if !self.has_records {
            self.brokers.close_stale();
            self.has_records = true;
        }
        if self.unsent.is_full_for(record) {
            self.ship(wait)?;
        }
        self.unsent.push(record);
        Ok(())
    }

    /// Sends what has waited long enough.
    pub(crate) fn ship_due(&mut self, wait: &Wait<'_>) -> Result<(), ProducerError> {
        if self.unsent.is_due() { self.ship(wait) } else { Ok(()) }
    }

    /// Whether there is anything to commit but positions.
    pub(crate) const fn has_records(&self) -> bool {
        self.has_records
    }

    /// Commits all records taken since the last commit, with these positions by topic.
    pub(crate) fn commit(&mut self, positions: Option<&GroupPositions>, wait: &Wait<'_>) -> Result<(), ProducerError> {
        if !self.has_records {
            self.brokers.close_stale();
        }
        self.ship(wait)?;
        self.settle(wait)?;
        if let Some(positions) = positions {
            self.commit_positions(positions, wait)?;
        }
        if self.is_open {
            self.end(wait)?;
        }
        self.has_records = false;
        Ok(())
    }

    fn commit_positions(&mut self, positions: &GroupPositions, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let (identity, transactional_id) = (self.identity, self.options.transactional_id.clone());
        if !self.is_implicit {
            let request = AddOffsets { transactional_id: &transactional_id, producer: identity, group: &positions.member.group };
            self.until_ready("positions", wait, |producer| {
                let code = producer.brokers.connection(Role::Coordinator, producer.coordinator, wait)?.ask(&request, wait)?;
                check("positions", code)
            })?;
            self.is_open = true;
        }
        // From version 5 on the group's coordinator adds itself.
        let newest = if self.is_implicit { 5 } else { 4 };
        let request = CommitOffsets { transactional_id: &transactional_id, producer: identity, positions };
        self.until_ready("positions", wait, |producer| {
            let node = producer.group_coordinator(&positions.member.group, wait)?;
            let refused = producer.brokers.connection(Role::Coordinator, node, wait)?.ask_up_to(newest, &request, wait)?;
            let Some((code, topic, partition)) = refused else { return Ok(()) };
            // It has moved: nothing is lost by asking where to.
            let has_moved = code == ErrorCode::NOT_COORDINATOR;
            if has_moved {
                producer.group_coordinator = None;
            }
            let code = if has_moved { ErrorCode::COORDINATOR_NOT_AVAILABLE } else { code };
            check(&format!("the position of {topic}-{partition}"), code)
        })?;
        self.is_open = true;
        Ok(())
    }

    fn end(&mut self, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let transactional_id = self.options.transactional_id.clone();
        let request = EndTransaction { transactional_id: &transactional_id, producer: self.identity };
        let newest = if self.is_implicit { 5 } else { 4 };
        let mut next = None;
        self.until_ready("commit", wait, |producer| {
            let connection = producer.brokers.connection(Role::Coordinator, producer.coordinator, wait)?;
            let (code, identity) = connection.ask_up_to(newest, &request, wait)?;
            next = identity;
            check("commit", code)
        })?;
        if let Some(next) = next {
            self.identity = next;
            self.unsent.reset_sequences();
        }
        self.added.clear();
        self.is_open = false;
        Ok(())
    }

    /// Asks again while the broker says that it is not ready, which is no failure: nothing was done.
    fn until_ready(
        &mut self,
        what: &str,
        wait: &Wait<'_>,
        mut ask: impl FnMut(&mut Self) -> Result<(), ProducerError>,
    ) -> Result<(), ProducerError> {
        loop {
            match ask(self) {
                Err(error) if is_not_yet(error.code()) => wait.pause(NOT_YET, what)?,
                asked => return asked,
            }
        }
    }
}

/// The transaction before is not quite over, or a coordinator has just begun to be one.
const fn is_not_yet(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::CONCURRENT_TRANSACTIONS | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS | ErrorCode::COORDINATOR_NOT_AVAILABLE)
}

#[cfg(test)]
mod tests;
