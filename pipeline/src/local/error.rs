//! What can go wrong with the local log's file.

use std::path::PathBuf;

use crate::LogError;

use super::block::Damage;

/// Why the local log could not be opened, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum LocalLogError {
    /// Another process, or another handle of this one, has the file open.
    #[error("{path} is in use by another process: a local log has one owner at a time")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read as a database: another kind of file, or a damaged one.
    #[error("{path} cannot be opened as a local log: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the storage engine said.
        cause: Box<redb::Error>,
    },
    /// A database, but not one of ours.
    #[error("the file holds tables, but no local log")]
    NotALog,
    /// Written by a newer program.
    #[error("the log has format version {found}, this program knows versions up to {known}: use a newer program")]
    NewerFormat {
        /// Version in the file.
        found: u64,
        /// Newest version that this program reads.
        known: u64,
    },
    /// The topic exists with another number of partitions.
    #[error("topic {topic} has {existing} partitions, not {asked}: its keys would part")]
    PartitionCount {
        /// Topic name.
        topic: String,
        /// Partitions that it has.
        existing: u32,
        /// Partitions asked for.
        asked: u32,
    },
    /// No topic of that name.
    #[error("there is no topic {0}")]
    NoSuchTopic(String),
    /// The topic has fewer partitions.
    #[error("topic {topic} has {partitions} partitions, there is no partition {partition}")]
    NoSuchPartition {
        /// Topic name.
        topic: String,
        /// The partition asked for.
        partition: u32,
        /// Partitions that it has.
        partitions: u32,
    },
    /// The offset is no longer, or not yet, held.
    #[error("position {position} of {topic}-{partition} lies outside the log, which holds {first}..{end}")]
    OutOfRange {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: u32,
        /// The position asked for.
        position: i64,
        /// First offset held.
        first: i64,
        /// Offset after the last record.
        end: i64,
    },
    /// Stored bytes that no writer wrote.
    #[error("the block of {topic}-{partition} at offset {offset} is damaged: {damage}")]
    Corrupt {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: u32,
        /// Offset of the block's first record.
        offset: i64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The storage engine failed: disk full, disk broken.
    #[error("the log's storage failed: {0}")]
    Storage(Box<redb::Error>),
    /// The writer's thread could not be started.
    #[error("the log's writer could not be started: {0}")]
    Writer(std::io::Error),
}

impl LocalLogError {
    pub(super) fn storage(cause: impl Into<redb::Error>) -> Self {
        Self::Storage(Box::new(cause.into()))
    }
}

impl From<LocalLogError> for LogError {
    fn from(error: LocalLogError) -> Self {
        match error {
            LocalLogError::OutOfRange { topic, partition, position, first, end } => {
                Self::OutOfRange { topic, partition, position, first, end }
            }
            other => Self::Fatal(other.to_string()),
        }
    }
}
