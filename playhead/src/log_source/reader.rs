//! Partitions read by offset and time, on the local log or on Kafka.

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use kafka::{Admin, KafkaError, Reader};
use pipeline::local::{LocalLog, LocalLogError};
use pipeline::{Committed, Record, TopicId};

use crate::cluster_trouble;
use crate::config::KafkaSettings;

/// How long a cluster that does not answer is asked, and a transaction that is open is waited for. Stages' own are over after 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A log that is read. Only what is committed is seen.
pub(crate) enum LogReader {
    /// The local log.
    Local(LocalLog),
    /// A cluster.
    Kafka(Box<OnKafka>),
}

/// A cluster, and whoever is asked about it.
pub(crate) struct OnKafka {
    admin: Admin,
    reader: Reader,
    brokers: String,
    /// Before the names of topics.
    prefix: String,
}

impl LogReader {
    pub(crate) fn local(log: &LocalLog) -> Self {
        Self::Local(log.clone())
    }

    /// # Errors
    /// Where no cluster is set, or a setting of it is wrong.
    pub(crate) fn kafka(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let (brokers, prefix) = (settings.brokers().to_owned(), settings.prefix().to_owned());
        Ok(Self::Kafka(Box::new(OnKafka {
            admin: settings.admin()?,
            reader: Reader::new(&settings.cluster()?, PATIENCE)?,
            brokers,
            prefix,
        })))
    }

    /// What the log itself calls a topic: on a cluster the prefix of the deployment stands before it.
    pub(crate) fn full_name(&self, topic: &str) -> String {
        match self {
            Self::Local(_) => topic.to_owned(),
            Self::Kafka(on) => format!("{}{topic}", on.prefix),
        }
    }

    /// A topic as topics.yaml calls it, by that name or by the log's own.
    pub(crate) fn our_name<'n>(&self, topic: &'n str) -> &'n str {
        match self {
            Self::Local(_) => topic,
            Self::Kafka(on) => topic.strip_prefix(on.prefix.as_str()).unwrap_or(topic),
        }
    }

    /// Why a topic that should be there can't be read.
    pub(crate) fn missing(&self, topic: &str) -> anyhow::Error {
        match self {
            Self::Local(_) => anyhow::anyhow!("there is no topic {topic} in the folder's log"),
            Self::Kafka(on) => cluster_trouble::no_topic(&self.full_name(topic), &on.brokers),
        }
    }

    /// Identity and number of partitions of a topic; none where there is no such topic.
    ///
    /// # Errors
    /// Where the log cannot be asked.
    pub(crate) fn topic(&self, name: &str) -> anyhow::Result<Option<(TopicId, u32)>> {
        match self {
            Self::Local(log) => match log.topic(name) {
                Ok(found) => Ok(Some(found)),
                Err(LocalLogError::NoSuchTopic(_)) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Kafka(on) => match on.admin.describe(name) {
                Ok(found) => Ok(Some((found.id, found.partitions))),
                Err(KafkaError::NoTopic(_)) => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// As [`LogReader::topic`], of a topic that must be there.
    ///
    /// # Errors
    /// Where it is not, or the log cannot be asked.
    pub(crate) fn required_topic(&self, name: &str) -> anyhow::Result<(TopicId, u32)> {
        self.topic(name)?.ok_or_else(|| self.missing(name))
    }

    /// The first offset held, and the offset after the last committed record. Offsets have gaps on Kafka: the difference is no count.
    ///
    /// # Errors
    /// Where there is no such partition, or the log cannot be asked.
    pub(crate) fn bounds(&self, topic: &str, partition: u32) -> anyhow::Result<(i64, i64)> {
        match self {
            Self::Local(log) => Ok(log.bounds(topic, partition)?),
            Self::Kafka(on) => Ok(on.reader.bounds(topic, partition)?),
        }
    }

    /// As [`LogReader::bounds`], of several partitions, with the records of transactions that are open now, whose ends are waited for.
    ///
    /// # Errors
    /// As there, and where one stays open.
    pub(crate) fn settled_bounds(&self, places: &[(&str, u32)]) -> anyhow::Result<Vec<(i64, i64)>> {
        match self {
            Self::Local(log) => Ok(places.iter().map(|(topic, partition)| log.bounds(topic, *partition)).collect::<Result<_, _>>()?),
            Self::Kafka(on) => Ok(on.reader.settled_bounds(places)?),
        }
    }

    /// The offset of the first record whose timestamp is at or after `timestamp_ms`; the end where there is none.
    ///
    /// # Errors
    /// Where there is no such partition, or the log cannot be asked.
    pub(crate) fn offset_for_time(&mut self, topic: &str, partition: u32, timestamp_ms: i64) -> anyhow::Result<i64> {
        match self {
            Self::Local(log) => Ok(log.offset_for_time(topic, partition, timestamp_ms)?),
            Self::Kafka(on) => Ok(on.reader.offset_for_time(topic, partition, timestamp_ms)?),
        }
    }

    /// Reads the records of a range of offsets, until `each` breaks off. A read that goes on where the last one broke off costs nothing extra.
    ///
    /// # Errors
    /// Where the range is not held, or the log fails.
    pub(crate) fn read(
        &mut self,
        topic: &str,
        partition: u32,
        range: Range<i64>,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Local(log) => {
                Ok(log
                    .read_partition(topic, partition, range.start, range.end, &mut |batch| batch.records.iter().try_for_each(&mut *each))?)
            }
            Self::Kafka(on) => Ok(on.reader.read(topic, partition, range.start, range.end, each)?),
        }
    }

    /// What a group has committed, by partition of a topic that must be there.
    ///
    /// # Errors
    /// Where it is not, or the log cannot be asked.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> anyhow::Result<Vec<Option<Committed>>> {
        match self {
            Self::Local(log) => {
                let (_, partitions) = log.topic(topic)?;
                Ok((0..partitions).map(|partition| log.committed(group, topic, partition)).collect::<Result<_, _>>()?)
            }
            Self::Kafka(on) => Ok(on.admin.committed(group, topic)?),
        }
    }
}
