//! The topics of a log as they are held in memory: by name, with the end of every partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable};

use crate::TopicId;

use super::error::LocalLogError;
use super::format::{ENDS, TOPICS};
use super::store::Place;

/// How a topic is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicOptions {
    /// Number of partitions, at least one.
    pub partitions: u32,
    /// How far a record's timestamp may be ahead of the clock, in ms; none: as far as it likes.
    pub max_future_ms: Option<i64>,
}

/// What a topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// Name.
    pub name: Arc<str>,
    /// Identity.
    pub id: TopicId,
    /// Number of partitions.
    pub partitions: u32,
    /// How far a record's timestamp may be ahead of the clock, in ms.
    pub max_future_ms: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) info: TopicInfo,
    /// Offset after the last record, by partition.
    pub(super) ends: Vec<i64>,
}

/// All topics; a topic's number is its index.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) topics: Vec<Topic>,
    by_name: BTreeMap<Arc<str>, u32>,
}

impl Catalogue {
    pub(super) fn load(database: &Database) -> Result<Self, LocalLogError> {
        let transaction = database.begin_read().map_err(LocalLogError::storage)?;
        let topics = transaction.open_table(TOPICS).map_err(LocalLogError::storage)?;
        let ends = transaction.open_table(ENDS).map_err(LocalLogError::storage)?;
        let mut found = BTreeMap::new();
        for entry in topics.iter().map_err(LocalLogError::storage)? {
            let (name, topic) = entry.map_err(LocalLogError::storage)?;
            let (number, partitions, id, max_future_ms) = topic.value();
            found.insert(number, TopicInfo { name: name.value().into(), id: TopicId(id), partitions, max_future_ms });
        }
        let mut catalogue = Self::default();
        for (number, info) in found {
            let mut topic_ends = Vec::new();
            for partition in 0..info.partitions {
                let end = ends.get((number, partition)).map_err(LocalLogError::storage)?.map_or(0, |end| end.value());
                topic_ends.push(end.cast_signed());
            }
            let known = catalogue.put(number, info);
            known.ends = topic_ends;
        }
        Ok(catalogue)
    }

    /// Adds a topic, or changes what may change of one. Numbers are given in order, without gaps.
    pub(super) fn put(&mut self, number: u32, info: TopicInfo) -> &mut Topic {
        let index = number as usize;
        if index == self.topics.len() {
            self.by_name.insert(Arc::clone(&info.name), number);
            self.topics.push(Topic { ends: vec![0; info.partitions as usize], info });
        } else {
            self.topics[index].info = info;
        }
        &mut self.topics[index]
    }

    pub(super) fn end(&self, place: Place) -> i64 {
        self.topics[place.topic as usize].ends[place.partition as usize]
    }

    pub(super) fn end_mut(&mut self, place: Place) -> &mut i64 {
        &mut self.topics[place.topic as usize].ends[place.partition as usize]
    }

    /// The number and description of a topic.
    pub(super) fn find(&self, name: &str) -> Result<(u32, &Topic), LocalLogError> {
        let number = *self.by_name.get(name).ok_or_else(|| LocalLogError::NoSuchTopic(name.to_owned()))?;
        Ok((number, &self.topics[number as usize]))
    }

    /// A partition by the topic's name.
    pub(super) fn place(&self, name: &str, partition: u32) -> Result<(Place, &Topic), LocalLogError> {
        let (number, topic) = self.find(name)?;
        if partition >= topic.info.partitions {
            let partitions = topic.info.partitions;
            return Err(LocalLogError::NoSuchPartition { topic: name.to_owned(), partition, partitions });
        }
        Ok((Place { topic: number, partition }, topic))
    }
}
