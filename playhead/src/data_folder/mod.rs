//! The data folder: log, serving store, schemas, and the lock by which one process owns them.

mod backup;
mod lock;
mod owner_file;
mod registry_file;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use pipeline::local::{LocalLog, TopicOptions};
use schemas::topics;
use sink_local::{LocalStore, OpenError};

pub(crate) use lock::{InUse, Lock};
pub(crate) use owner_file::OwnerFile;
pub(crate) use registry_file::RegistryFile;

/// An opened data folder, owned by this process.
pub(crate) struct DataFolder {
    pub(crate) path: PathBuf,
    pub(crate) log: LocalLog,
    pub(crate) store: LocalStore,
    pub(crate) registry: Arc<RegistryFile>,
    /// Held until the files above are closed: fields are dropped in order.
    _lock: Lock,
}

impl DataFolder {
    /// Opens the folder for a command that writes, making it where there is none.
    ///
    /// # Errors
    /// Where another process owns it, or its files can't be used.
    pub(crate) fn open_or_create(path: &Path) -> anyhow::Result<Self> {
        check_no_file(path)?;
        std::fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        Self::open_locked(path)
    }

    /// Opens the folder for a command that reads.
    ///
    /// # Errors
    /// Where there is none, another process owns it, or its files can't be used.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        check_no_file(path)?;
        if !path.join("log.redb").exists() {
            bail!("there is no data in {}: import or ingest something first, or name another folder with --data", path.display());
        }
        Self::open_locked(path)
    }

    fn open_locked(path: &Path) -> anyhow::Result<Self> {
        let lock = Lock::take(path)?;
        let log = LocalLog::open(&path.join("log.redb"))
            .map_err(|error| anyhow::anyhow!("{error}; where it is damaged, restore a copy: the log is the truth and cannot be rebuilt"))?;
        let serving = path.join("serving.redb");
        let store = LocalStore::open(&serving).map_err(|error| match error {
            newer @ OpenError::NewerFormat { .. } => anyhow::Error::from(newer),
            error => anyhow::anyhow!(
                "{error}; where it is damaged, delete {} and run the command again: it is filled from the log",
                serving.display()
            ),
        })?;
        let schemas = path.join("schemas.json");
        if !schemas.exists() && holds_records(&log)? {
            bail!("{} is missing: without it the records of the log cannot be read, so put it back from a copy", schemas.display());
        }
        let registry = Arc::new(RegistryFile::open(&schemas)?);
        for topic in &topics::builtin() {
            let max_future_ms = topic.timestamps.and_then(|timestamps| i64::try_from(timestamps.after_max_ms).ok());
            log.create_topic(&topic.name, TopicOptions { partitions: topic.dev_partitions, max_future_ms })?;
        }
        Ok(Self { path: path.to_owned(), log, store, registry, _lock: lock })
    }

    /// Number of partitions of one of our topics.
    pub(crate) fn partitions(&self, topic: &str) -> anyhow::Result<u32> {
        Ok(self.log.topic(topic)?.1)
    }
}

fn check_no_file(path: &Path) -> anyhow::Result<()> {
    if path.is_file() {
        bail!("{} is a file: the data folder (--data) must be a folder", path.display());
    }
    Ok(())
}

/// Ids of schemas stand in the records, so a registry must never begin anew beside a log that has some.
fn holds_records(log: &LocalLog) -> anyhow::Result<bool> {
    for topic in log.topics() {
        for partition in 0..topic.partitions {
            if log.bounds(&topic.name, partition)?.1 > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
