//! A log to be read from outside of any stage, and the schemas of its values: a data folder's, or a cluster's with its registry.
//!
//! Topics go by their names in topics.yaml on both.

mod reader;

use std::sync::Arc;

use schemas::SchemaSource;

use crate::config::Config;
use crate::data_folder::DataFolder;

pub(crate) use reader::LogReader;

/// A log, and what its values are read by.
pub(crate) struct LogSource {
    pub(crate) log: LogReader,
    pub(crate) schemas: Arc<dyn SchemaSource>,
}

impl LogSource {
    /// Those of an opened folder.
    pub(crate) fn of_folder(folder: &DataFolder) -> Self {
        Self { log: LogReader::local(&folder.log), schemas: Arc::clone(&folder.registry) as _ }
    }

    /// Those of the cluster and the registry that are set. Nothing is asked yet.
    ///
    /// # Errors
    /// Where one of them is not set, or a setting is wrong.
    pub(crate) fn of_cluster(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { log: LogReader::kafka(&config.kafka)?, schemas: Arc::new(config.registry.reading_client()?) })
    }
}
