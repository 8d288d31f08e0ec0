//! What a cluster says of itself and of the groups that read from it.

use std::collections::BTreeMap;

use crate::{Admin, KafkaError};

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// `HOST:PORT`, as clients are told.
    pub address: String,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `Stable`, `Empty`, `Dead`, `PreparingRebalance` and so on, as Kafka says it.
    pub state: String,
    /// Its members.
    pub members: usize,
    /// Offset of the next record to read, by topic as we call it and partition.
    pub positions: BTreeMap<(String, u32), i64>,
}

impl Admin {
    /// The brokers of the cluster.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn brokers(&self) -> Result<Vec<Broker>, KafkaError> {
        let nodes = self.ask(|timeout| Ok(self.client().brokers(timeout)))?;
        Ok(nodes.into_iter().map(|node| Broker { id: node.id, address: node.address }).collect())
    }

    /// All settings of a broker by Kafka's names; secrets are empty.
    ///
    /// # Errors
    /// Where the cluster cannot be asked, or does not tell whoever asks.
    pub fn broker_settings(&self, id: i32) -> Result<BTreeMap<String, String>, KafkaError> {
        let settings = self.ask(|timeout| self.client().broker_settings(id, timeout))?;
        Ok(settings.into_values().next().unwrap_or_default())
    }

    /// The group of a stage, as we call it. One that has never been is dead, and has no positions.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn group(&self, group: &str) -> Result<Group, KafkaError> {
        let prefix = &self.cluster().prefix;
        let name = format!("{prefix}{group}");
        let described = self.ask(|timeout| self.client().group(&name, timeout))?;
        let committed = self.ask(|timeout| self.client().group_positions(&name, timeout))?;
        let ours = |entry: crate::raw::Partition| {
            let topic = entry.topic.strip_prefix(prefix.as_str())?.to_owned();
            (entry.offset >= 0).then_some(((topic, entry.partition), entry.offset))
        };
        Ok(Group { state: described.state, members: described.members, positions: committed.iter().filter_map(ours).collect() })
    }
}
