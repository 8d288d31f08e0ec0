//! What the output topics of a stage must hold, record by record and in order, and how what they do hold differs from it.
//!
//! Records are kept as hashes, so that millions of them fit. What comes from one partition of the input keeps its order in each partition of
//! an output; how the records of several partitions of the input take turns is nobody's promise.

use std::collections::BTreeMap;
use std::fmt;

use pipeline::{Headers, OutputRecord, OutputTopic, Record};
use xxhash_rust::xxh3::Xxh3;

/// Differences that are told of one partition.
const TOLD: usize = 5;

/// See the module's documentation.
pub struct Books {
    /// Names of the stage's output topics, by which it numbers them.
    topics: Vec<String>,
    /// By output topic and partition: the hashes of the records from each partition of the input.
    expected: BTreeMap<(String, u32), Vec<Vec<u64>>>,
}

/// A record that is not where it should be, or should not be where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Output topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// What is wrong.
    pub what: Wrong,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// So many records of one source are missing before one that is there, or come later than they should.
    Missing {
        /// Partition of the input; of a second stage, counted behind those of the first.
        source: u32,
        /// Number of records.
        records: usize,
    },
    /// A record is there once more, or too late.
    Again {
        /// Its offset.
        offset: i64,
    },
    /// A record that never should have come.
    Foreign {
        /// Its offset.
        offset: i64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, what } = self;
        match what {
            Wrong::Missing { source, records } => {
                write!(f, "{topic}-{partition}: {records} records of source {source} are missing, or come too late")
            }
            Wrong::Again { offset } => write!(f, "{topic}-{partition}: the record at offset {offset} was there before, or comes too late"),
            Wrong::Foreign { offset } => write!(f, "{topic}-{partition}: nothing makes the record at offset {offset}"),
        }
    }
}

impl Books {
    /// Of a stage with these outputs and so many partitions of its input.
    #[must_use]
    pub fn new(topics: &[OutputTopic], sources: u32) -> Self {
        let places = topics.iter().flat_map(|topic| (0..topic.partitions).map(|partition| (topic.name.clone(), partition)));
        Self {
            topics: topics.iter().map(|topic| topic.name.clone()).collect(),
            expected: places.map(|place| (place, vec![Vec::new(); sources as usize])).collect(),
        }
    }

    /// Notes a record that must come of a partition of the input.
    pub fn expect(&mut self, source: u32, record: &OutputRecord<'_>) {
        let hash = hash(record.timestamp_ms, record.key, record.value, record.headers);
        let topic = self.topics[usize::from(record.topic)].clone();
        let place = self.expected.get_mut(&(topic, record.partition)).expect("stages write to partitions that there are");
        place[source as usize].push(hash);
    }

    /// Takes those of another stage in: a topic that both write to holds what comes of either.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (place, sources) in other.expected {
            self.expected.entry(place).or_default().extend(sources);
        }
        self
    }

    /// The output partitions: the name of the topic, and the number of the partition.
    pub fn places(&self) -> impl Iterator<Item = (&str, u32)> {
        self.expected.keys().map(|(topic, partition)| (topic.as_str(), *partition))
    }

    /// Records that must be there.
    #[must_use]
    pub fn records(&self) -> usize {
        self.expected.values().flatten().map(Vec::len).sum()
    }

    /// Holds a partition to them: the hashes of its records with their offsets, in order. The first few differences.
    #[must_use]
    pub fn check(&self, topic: &str, partition: u32, found: impl Iterator<Item = (i64, u64)>) -> Vec<Difference> {
        let sources = &self.expected[&(topic.to_owned(), partition)];
        let mut next = vec![0; sources.len()];
        let mut differences = Vec::new();
        let mut tell = |what| {
            if differences.len() < TOLD {
                differences.push(Difference { topic: topic.to_owned(), partition, what });
            }
        };
        for (offset, hash) in found {
            if let Some(source) = (0..sources.len()).find(|&source| sources[source].get(next[source]) == Some(&hash)) {
                next[source] += 1;
                continue;
            }
            let later = sources.iter().zip(&next).map(|(hashes, &next)| hashes[next..].iter().position(|&other| other == hash));
            if let Some((source, ahead)) = (0u32..).zip(later).find_map(|(source, ahead)| Some((source, ahead?))) {
                tell(Wrong::Missing { source, records: ahead });
                next[source as usize] += ahead + 1;
            } else if sources.iter().zip(&next).any(|(hashes, &next)| hashes[..next].contains(&hash)) {
                tell(Wrong::Again { offset });
            } else {
                tell(Wrong::Foreign { offset });
            }
        }
        for (source, (hashes, &next)) in (0..).zip(sources.iter().zip(&next)) {
            if next < hashes.len() {
                tell(Wrong::Missing { source, records: hashes.len() - next });
            }
        }
        differences
    }
}

/// The hash of a record that was read.
#[must_use]
pub fn record_hash(record: &Record<'_>) -> u64 {
    hash(record.timestamp_ms, record.key, record.value, record.headers)
}

fn hash(timestamp_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers<'_>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&timestamp_ms.to_le_bytes());
    for part in [key, value, Some(headers.as_encoded())] {
        hash.update(&part.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.digest()
}
