//! The topics that a redrive reads and writes.

use pipeline::{OutputTopic, Spread, TopicPartition};
use schemas::topics::{self, Topic};

/// The topic of the letters.
pub const DEAD_LETTERS: &str = "dead_letters";
/// The topic of the marks.
pub const LEDGER: &str = "ledger";

/// What a record costs beside key, value and headers, at most; and a header.
const RECORD_OVERHEAD: usize = 70;
const HEADER_OVERHEAD: usize = 10;

/// Index of `dead_letters` among the inputs; the sources follow.
pub(super) const LETTERS_INPUT: u16 = 0;

/// The topics whose records may have been refused, with the letters and the ledger.
#[derive(Clone, Debug)]
pub struct Sources {
    sources: Vec<Source>,
    pub(super) letters_partitions: u32,
    ledger_partitions: u32,
}

/// A topic whose records may have been refused.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) partitions: u32,
    /// Its largest record, bytes.
    max_bytes: usize,
    /// Whether heartbeats of writers belong there.
    pub(super) is_raw: bool,
}

impl Sources {
    /// The topics from which topics.yaml says that dead letters come. `describe` says how many partitions a topic has, and how large its
    /// records may be, bytes.
    ///
    /// # Errors
    /// Those of `describe`.
    ///
    /// # Panics
    /// Never: topics.yaml has `dead_letters`.
    pub fn describe<E>(mut describe: impl FnMut(&Topic) -> Result<(u32, usize), E>) -> Result<Self, E> {
        let all = topics::builtin();
        let of =
            |name: &str| all.get(name).expect("topics.yaml names the topics of redrives, and every topic that it derives another from");
        let mut sources = Vec::new();
        for name in &of(DEAD_LETTERS).derived_from {
            let topic = of(name);
            let (partitions, max_bytes) = describe(topic)?;
            sources.push(Source { name: name.clone(), partitions, max_bytes, is_raw: topic.is_raw() });
        }
        let (letters_partitions, _) = describe(of(DEAD_LETTERS))?;
        let (ledger_partitions, _) = describe(of(LEDGER))?;
        Ok(Self { sources, letters_partitions, ledger_partitions })
    }

    /// The topics read, in the order in which the log must number them.
    #[must_use]
    pub fn inputs(&self) -> Vec<&str> {
        std::iter::once(DEAD_LETTERS).chain(self.sources.iter().map(|source| source.name.as_str())).collect()
    }

    /// The topics written, in the order in which the log must number them.
    #[must_use]
    pub fn outputs(&self) -> Vec<OutputTopic> {
        let output = |name: &str, partitions| OutputTopic { name: name.to_owned(), partitions, spread: Spread::Unmarked };
        let sources = self.sources.iter().map(|source| output(&source.name, source.partitions));
        sources.chain([output(LEDGER, self.ledger_partitions)]).collect()
    }

    /// Index of the ledger among the outputs.
    pub(super) fn ledger_output(&self) -> u16 {
        u16::try_from(self.sources.len()).expect("topics are counted in tens")
    }

    /// Number of the ledger's partitions.
    pub(super) const fn ledger_partitions(&self) -> u32 {
        self.ledger_partitions
    }

    /// The source at an index among the outputs.
    pub(super) fn get(&self, output: u16) -> &Source {
        &self.sources[usize::from(output)]
    }

    /// Every source with its index among the outputs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &Source)> {
        (0..).zip(&self.sources)
    }

    /// The source of this name: its index among the outputs.
    pub(super) fn find(&self, name: &str) -> Option<u16> {
        self.iter().find(|(_, source)| source.name == name).map(|(output, _)| output)
    }

    /// A partition of a source, as an input.
    pub(super) fn input(output: u16, partition: u32) -> TopicPartition {
        TopicPartition { topic: output + 1, partition }
    }
}

impl Source {
    /// What a record lacks in room, bytes; none where the topic takes it.
    pub(super) fn excess_bytes<'h>(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Option<usize> {
        // As much as the list of headers takes in memory: each part and its length.
        let headers: usize = headers.map(|(name, value)| name.len() + value.len() + 8 + HEADER_OVERHEAD).sum();
        let bytes = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers + RECORD_OVERHEAD;
        bytes.checked_sub(self.max_bytes).filter(|excess| *excess > 0)
    }
}
