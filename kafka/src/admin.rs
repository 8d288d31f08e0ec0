//! Topics: made, described, deleted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{Committed, TopicId};

use crate::KafkaError;
use crate::input::committed_of;
use crate::options::Cluster;
use crate::patience::Patience;
use crate::raw::{self, Client, Code, Failure, Kind, OffsetOf, Partitions, Request};

/// Pause between two looks for a topic that was just made.
const PAUSE: Duration = Duration::from_millis(20);

/// A topic to be made.
#[derive(Clone, Debug)]
pub struct NewTopic<'t> {
    /// Its name.
    pub name: &'t str,
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of each partition; none: the cluster's default.
    pub replicas: Option<u16>,
    /// Settings of the topic by Kafka's names.
    pub settings: Vec<(&'t str, &'t str)>,
}

/// A topic that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name, as it was asked for.
    pub name: String,
    /// Its identity: one made again under the same name has another.
    pub id: TopicId,
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of the partition that has the fewest.
    pub replicas: u16,
    /// All of its settings by Kafka's names.
    pub settings: BTreeMap<String, String>,
}

/// Where a partition ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: u32,
    /// Offset after the last record that readers of what is committed see: the last stable offset.
    pub committed: i64,
    /// Offset after the last record: the high watermark. Beyond `committed` while a transaction is open.
    pub all: i64,
}

/// Asks a cluster for its topics, and changes them.
pub struct Admin {
    client: Arc<Client>,
    cluster: Cluster,
    patience: Duration,
}

impl Admin {
    /// Asks for up to `patience` where the cluster does not answer.
    ///
    /// # Errors
    /// Where the settings are wrong.
    pub fn new(cluster: &Cluster, patience: Duration) -> Result<Self, KafkaError> {
        let client = Arc::new(Client::new(Kind::Asking, &cluster.admin_settings()?, cluster.on_log)?);
        Ok(Self { client, cluster: cluster.clone(), patience })
    }

    /// Makes topics, and returns when they can be used.
    ///
    /// # Errors
    /// Where one is there already, or the cluster refuses it.
    pub fn create(&self, topics: &[NewTopic<'_>]) -> Result<(), KafkaError> {
        let names = self.names(topics.iter().map(|topic| topic.name));
        let new: Vec<raw::NewTopic<'_>> = topics
            .iter()
            .zip(&names)
            .map(|(topic, name)| raw::NewTopic { name, partitions: topic.partitions, replicas: topic.replicas, settings: &topic.settings })
            .collect();
        let is_made = || topics.iter().all(|topic| self.describe(topic.name).is_ok_and(|found| found.partitions == topic.partitions));
        self.change(|timeout| self.client.create(&new, timeout), is_made)?;
        // Made, but the broker that is asked next may not have heard of it.
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let started = Instant::now();
        loop {
            match describe(&self.client, &names, &Patience { limit: self.patience, alive: &|| {} }) {
                Err(KafkaError::NoTopic(_)) if started.elapsed() < self.patience => thread::sleep(PAUSE),
                described => return described.map(drop),
            }
        }
    }

    /// Gives a topic more partitions: so many in all.
    ///
    /// # Errors
    /// Where it has as many already, or the cluster refuses it.
    pub fn grow(&self, topic: &str, partitions: u32) -> Result<(), KafkaError> {
        let has_grown = || self.describe(topic).is_ok_and(|found| found.partitions == partitions);
        let name = self.cluster.topic(topic);
        self.change(|timeout| self.client.grow(&name, partitions, timeout), has_grown)
    }

    /// Sets settings of a topic by Kafka's names. Its others stay.
    ///
    /// # Errors
    /// Where there is no such topic or setting, or the cluster refuses a value.
    pub fn set(&self, topic: &str, settings: &[(&str, &str)]) -> Result<(), KafkaError> {
        let topic = self.cluster.topic(topic);
        self.ask(|timeout| self.client.set(&topic, settings, timeout))
    }

    /// Deletes topics with all their records.
    ///
    /// # Errors
    /// Where one is not there, or the cluster refuses it.
    pub fn delete(&self, topics: &[&str]) -> Result<(), KafkaError> {
        let names = self.names(topics.iter().copied());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let is_gone = || topics.iter().all(|topic| matches!(self.describe(topic), Err(KafkaError::NoTopic(_))));
        self.change(|timeout| self.client.delete(&names, timeout), is_gone)
    }

    /// Deletes the records of a partition before an offset, as retention does.
    ///
    /// # Errors
    /// Where the cluster refuses it.
    pub fn delete_before(&self, topic: &str, partition: u32, offset: i64) -> Result<(), KafkaError> {
        let topic = self.cluster.topic(topic);
        self.ask(|timeout| self.client.delete_before(&topic, partition, offset, timeout))
    }

    /// Describes a topic.
    ///
    /// # Errors
    /// [`KafkaError::NoTopic`] where it is not there.
    pub fn describe(&self, topic: &str) -> Result<TopicInfo, KafkaError> {
        let patience = Patience { limit: self.patience, alive: &|| {} };
        let mut all = describe(&self.client, &[&self.cluster.topic(topic)], &patience)?;
        Ok(TopicInfo { name: topic.to_owned(), ..all.remove(0) })
    }

    /// The first offset held, and the offset after the last committed record.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn bounds(&self, topic: &str, partition: u32) -> Result<(i64, i64), KafkaError> {
        let topic = self.cluster.topic(topic);
        let offset = |of| -> Result<i64, KafkaError> {
            let offsets = self.ask(|timeout| self.client.offsets(of, [(topic.as_str(), partition)], timeout))?;
            Ok(offsets.values().next().copied().unwrap_or(0))
        };
        Ok((offset(OffsetOf::First)?, offset(OffsetOf::CommittedEnd)?))
    }

    /// What a group has committed, by partition of a topic; none where it has committed nothing, or only for another topic of that name. The
    /// ends of transactions are waited for that hold positions of it.
    ///
    /// # Errors
    /// [`KafkaError::NoTopic`], or where the cluster cannot be asked.
    pub fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>, KafkaError> {
        let TopicInfo { id, partitions, .. } = self.describe(topic)?;
        let mut list = Partitions::new();
        for partition in 0..partitions {
            list.push(&self.cluster.topic(topic), partition, 0, "")?;
        }
        let group = format!("{}{group}", self.cluster.prefix);
        let found = self.ask(|timeout| self.client.committed(&group, &list, timeout))?;
        let mut committed = vec![None; partitions as usize];
        for entry in found.iter() {
            if let Some(place) = committed.get_mut(entry.partition as usize) {
                *place = committed_of(id, &entry);
            }
        }
        Ok(committed)
    }

    /// The offset after the last record, that of an open transaction included: where it is not the committed end, one is open.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn end(&self, topic: &str, partition: u32) -> Result<i64, KafkaError> {
        let topic = self.cluster.topic(topic);
        let offsets = self.ask(|timeout| self.client.offsets(OffsetOf::End, [(topic.as_str(), partition)], timeout))?;
        Ok(offsets.values().next().copied().unwrap_or(0))
    }

    fn names<'t>(&self, topics: impl Iterator<Item = &'t str>) -> Vec<String> {
        topics.map(|topic| self.cluster.topic(topic)).collect()
    }

    /// Where these partitions end, for readers of what is committed and for all others. One of which nobody knows it, as while it has no
    /// leader, is left out.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn ends(&self, partitions: &[(&str, u32)]) -> Result<Vec<Ends>, KafkaError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.names(partitions.iter().map(|(topic, _)| *topic));
        let named = || names.iter().map(String::as_str).zip(partitions.iter().map(|(_, partition)| *partition));
        let ask = |of| self.ask(|timeout| self.client.known_offsets(of, named(), timeout));
        // In this order: a transaction that ends in between looks committed, and not as if it hung.
        let (all, committed) = (ask(OffsetOf::End)?, ask(OffsetOf::CommittedEnd)?);
        let ends = partitions.iter().zip(&names).filter_map(|(&(topic, partition), name)| {
            let place = (name.clone(), partition);
            let committed = *committed.get(&place)?;
            Some(Ends { topic: topic.to_owned(), partition, committed, all: committed.max(*all.get(&place)?) })
        });
        Ok(ends.collect())
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Makes a change. A request that had to be sent again may be refused since the first one took effect, and only its answer was lost: then
    /// it is looked whether it is done.
    fn change(
        &self,
        mut request: impl FnMut(Duration) -> Result<Request<()>, Failure>,
        is_done: impl Fn() -> bool,
    ) -> Result<(), KafkaError> {
        let mut tries = 0_u32;
        let changed = self.ask(|timeout| {
            tries += 1;
            request(timeout)
        });
        match changed {
            Err(KafkaError::Failed(_)) if tries > 1 && is_done() => Ok(()),
            changed => changed,
        }
    }

    pub(crate) fn ask<T>(&self, request: impl FnMut(Duration) -> Result<Request<T>, Failure>) -> Result<T, KafkaError> {
        Ok(Patience { limit: self.patience, alive: &|| {} }.ask(request)?)
    }
}

/// Describes topics, in the order of their names given.
pub(crate) fn describe(client: &Arc<Client>, topics: &[&str], patience: &Patience<'_>) -> Result<Vec<TopicInfo>, KafkaError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    // The broker that is asked for settings may be another one, which has not heard of a new topic yet.
    let failed = |failure: Failure| match failure.code {
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => {
            let named = topics.iter().find(|topic| failure.message.contains(&format!(" {topic}: ")));
            KafkaError::NoTopic(named.unwrap_or(&topics[0]).to_string())
        }
        _ => failure.into(),
    };
    let described = patience.ask(|timeout| client.describe(topics.iter().copied(), timeout)).map_err(failed)?;
    let mut settings = patience.ask(|timeout| client.topic_settings(topics.iter().copied(), timeout)).map_err(failed)?;
    topics
        .iter()
        .map(|&name| {
            let found = described.iter().find(|topic| topic.name == name).ok_or_else(|| KafkaError::NoTopic(name.to_owned()))?;
            let settings = settings.remove(name).unwrap_or_default();
            Ok(TopicInfo { name: name.to_owned(), id: found.id, partitions: found.partitions, replicas: found.replicas, settings })
        })
        .collect()
}
