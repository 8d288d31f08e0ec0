//! How a producer begins: it learns who leads and who coordinates, and takes its name over.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::brokers::{Brokers, Role};
use super::connection::Connection;
use super::error::{ProducerError, Wait, check};
use super::unsent::Unsent;
use super::{ClientSettings, NOT_YET, Producer, ProducerOptions, is_not_yet};
use crate::wire::{
    Broker, Compressor, CoordinatorOf, ErrorCode, FindCoordinator, InitProducerId, ListOffsets, Metadata, Produce, Request as _,
};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// Pause between tries.
const PAUSE: Duration = Duration::from_millis(100);
/// The level of `transaction.version` from which on brokers add to a transaction what is written in it.
const IMPLICIT: i16 = 2;

impl Producer {
    /// Takes the transactional id over: whoever had it is fenced, and what was open under it is aborted. Tries until it succeeds or the time
    /// is over.
    ///
    /// # Errors
    /// Then, and where the cluster refuses it for good.
    pub(crate) fn start(options: &ProducerOptions, wait: &Wait<'_>) -> Result<Self, ProducerError> {
        let mut turn = 0;
        loop {
            let is_unknown = |error: &ProducerError| error.code() == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            match Self::try_start(options, turn, &wait.at_most(TRY)) {
                // A broker that has just begun may not have heard of a topic.
                Err(error) if (is_unknown(&error) || !error.is_final()) && wait.left() > PAUSE => wait.pause(PAUSE, "new producer")?,
                started => return started,
            }
            turn += 1;
        }
    }

    fn try_start(options: &ProducerOptions, turn: usize, wait: &Wait<'_>) -> Result<Self, ProducerError> {
        let mut brokers = Brokers::new(Arc::clone(&options.settings));
        let mut asked = brokers.any(turn, wait)?;
        let names: Vec<String> = options.topics.iter().map(|topic| topic.name.clone()).collect();
        let leaders = leaders(options, &names, &mut asked, &mut brokers, wait)?;
        check_leaders(&names, &leaders, &mut brokers, wait)?;
        let id = &options.transactional_id;
        let coordinator = find(&mut asked, CoordinatorOf::Transactions(id), wait)?;
        let node = coordinator.node;
        brokers.learn(coordinator);
        let timeout_ms = i32::try_from(options.transaction_timeout.as_millis()).unwrap_or(i32::MAX);
        let coordinator = brokers.connection(Role::Coordinator, node, wait)?;
        // A broker that knows level 2 knows the requests for it; one of another version may still be among the others.
        let versions = coordinator.versions();
        let is_implicit = versions.transactions >= IMPLICIT && versions.of(Produce::API) == Some(Produce::API.versions.1);
        let identity = loop {
            let (code, identity) = coordinator.ask(&InitProducerId { transactional_id: id, timeout_ms }, wait)?;
            if code == ErrorCode::CONCURRENT_TRANSACTIONS {
                wait.pause(NOT_YET * 4, "new producer")?;
                continue;
            }
            check("new producer", code)?;
            break identity;
        };
        Ok(Self {
            names,
            brokers,
            leaders,
            coordinator: node,
            group_coordinator: None,
            identity,
            is_implicit,
            compressor: Compressor::new(options.settings.compression),
            unsent: Unsent::new(options.topics.iter().map(|topic| (topic.partitions, topic.batch_bytes)), options.settings.linger),
            sealed: Vec::new(),
            in_flight: VecDeque::new(),
            bytes_in_flight: 0,
            added: BTreeSet::new(),
            has_records: false,
            is_open: false,
            options: options.clone(),
        })
    }

    /// Who keeps the positions of our group.
    pub(super) fn group_coordinator(&mut self, group: &str, wait: &Wait<'_>) -> Result<i32, ProducerError> {
        if let Some(node) = self.group_coordinator {
            return Ok(node);
        }
        let asked = self.brokers.connection(Role::Coordinator, self.coordinator, wait)?;
        let coordinator = find(asked, CoordinatorOf::Group(group), wait)?;
        let node = *self.group_coordinator.insert(coordinator.node);
        self.brokers.learn(coordinator);
        Ok(node)
    }
}

/// Asks any broker who the others are, as a producer does first: connected, encrypted and with a password proven.
pub(crate) fn look(settings: &Arc<ClientSettings>, wait: &Wait<'_>) -> Result<(), ProducerError> {
    Brokers::new(Arc::clone(settings)).any(0, wait)?.ask(&Metadata { topics: &[] }, wait).map(drop)
}

/// By topic and partition: the node that leads it.
fn leaders(
    options: &ProducerOptions,
    names: &[String],
    asked: &mut Connection,
    brokers: &mut Brokers,
    wait: &Wait<'_>,
) -> Result<Vec<Vec<i32>>, ProducerError> {
    let (known, topics) = asked.ask(&Metadata { topics: names }, wait)?;
    known.into_iter().for_each(|broker| brokers.learn(broker));
    let mut leaders = Vec::with_capacity(options.topics.len());
    for topic in &options.topics {
        let nobody = || ProducerError::Unreachable(format!("topic {}: not all of its partitions have a leader", topic.name));
        let found = topics.iter().find(|found| found.name == topic.name).ok_or_else(nobody)?;
        check(&format!("topic {}", topic.name), found.code)?;
        let mut of_topic = vec![-1; topic.partitions as usize];
        for &(code, partition, leader) in &found.leaders {
            if let Some(place) = of_topic.get_mut(partition as usize)
                && code != ErrorCode::LEADER_NOT_AVAILABLE
            {
                *place = leader;
            }
        }
        if of_topic.contains(&-1) {
            return Err(nobody());
        }
        leaders.push(of_topic);
    }
    Ok(leaders)
}

/// Sees to it that the leaders know that they are. A record that one does not take loses its transaction.
fn check_leaders(names: &[String], leaders: &[Vec<i32>], brokers: &mut Brokers, wait: &Wait<'_>) -> Result<(), ProducerError> {
    for node in leaders.iter().flatten().copied().collect::<BTreeSet<i32>>() {
        let led =
            |of_topic: &[i32]| (0u32..).zip(of_topic).filter(|(_, leader)| **leader == node).map(|(partition, _)| partition).collect();
        let topics: Vec<(&str, Vec<u32>)> = names.iter().zip(leaders).map(|(name, of_topic)| (name.as_str(), led(of_topic))).collect();
        let refused = brokers.connection(Role::Leader, node, wait)?.ask(&ListOffsets { topics: &topics }, wait)?;
        if let Some((code, topic, partition)) = refused {
            check(&format!("the leader of {topic}-{partition}"), code)?;
        }
    }
    Ok(())
}

fn find(asked: &mut Connection, of: CoordinatorOf<'_>, wait: &Wait<'_>) -> Result<Broker, ProducerError> {
    loop {
        let (code, broker) = asked.ask(&FindCoordinator(of), wait)?;
        if !is_not_yet(code) {
            return check(&format!("coordinator of {of:?}"), code).map(|()| broker);
        }
        wait.pause(PAUSE, "coordinator")?;
    }
}
