//! `[clickhouse]`: the engine that `clickhouse server` runs.

use std::path::PathBuf;

use super::setting::Values;

/// `[clickhouse]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClickhouseSettings {
    /// libchdb's file; none: where `make setup` puts it, or PLAYHEAD_CHDB.
    pub(crate) library: Option<PathBuf>,
}

impl ClickhouseSettings {
    pub(super) fn of(values: &Values) -> Self {
        let library = values.text("clickhouse.library");
        Self { library: (!library.is_empty()).then(|| PathBuf::from(library)) }
    }
}
