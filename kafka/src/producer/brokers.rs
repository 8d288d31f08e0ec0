//! The brokers of a cluster, and connections to them. Who answers questions about transactions and groups gets a connection of its own, so
//! that such an answer does not wait for records that are being replicated.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::connection::Connection;
use super::error::{ProducerError, Wait};
use super::settings::{Address, ClientSettings};
use crate::wire::Broker;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Leader,
    Coordinator,
}

/// Addresses by node, and what is open.
pub(super) struct Brokers {
    settings: Arc<ClientSettings>,
    known: BTreeMap<i32, Address>,
    open: BTreeMap<(Role, i32), Connection>,
}

impl Brokers {
    pub(super) const fn new(settings: Arc<ClientSettings>) -> Self {
        Self { settings, known: BTreeMap::new(), open: BTreeMap::new() }
    }

    /// A connection to any broker, the `turn`th of those that the user named first.
    pub(super) fn any(&self, turn: usize, wait: &Wait<'_>) -> Result<Connection, ProducerError> {
        let named = &self.settings.brokers;
        let mut last = ProducerError::Unreachable("no broker is named".to_owned());
        for address in (0..named.len()).map(|index| &named[(turn + index) % named.len()]) {
            match Connection::open(address, &self.settings, wait) {
                Ok(connection) => return Ok(connection),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) fn learn(&mut self, broker: Broker) {
        self.known.insert(broker.node, Address { host: broker.host, port: broker.port });
    }

    pub(super) fn connection(&mut self, role: Role, node: i32, wait: &Wait<'_>) -> Result<&mut Connection, ProducerError> {
        Ok(match self.open.entry((role, node)) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => {
                let unknown = || ProducerError::Unreachable(format!("broker {node} is not there"));
                none.insert(Connection::open(self.known.get(&node).ok_or_else(unknown)?, &self.settings, wait)?)
            }
        })
    }

    /// Closes what a new transaction could not rely on; it is opened again when it is needed. Nothing is under way.
    pub(super) fn close_stale(&mut self) {
        self.open.retain(|_, connection| connection.is_fresh());
    }
}
