//! Every row as it stands in the file: what an audit holds against the log.

use redb::{ReadableDatabase, ReadableTable};
use serving::{HistoryKind, StoreError};

use crate::LocalStore;
use crate::read::ReadError;
use crate::tables::{PLAYBACK_SESSIONS, QOS_SESSION_SUMMARY, RESUME_STATE, VIEWING, VIEWING_PREVIEWS};

/// Which of the two rows of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionTable {
    /// `playback_sessions`.
    Sessions,
    /// `qos_session_summary`.
    Summaries,
}

/// A session's row, or its summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion<'a> {
    /// The session.
    pub session_id: &'a str,
    /// When the row was opened, microseconds since 1970 UTC.
    pub opened_at: i64,
    /// The version under which it is filed.
    pub version: i64,
    /// The record as it lay in its topic, framing and all.
    pub record: &'a [u8],
}

/// A resume position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredResume<'a> {
    /// Profile.
    pub profile_id: &'a str,
    /// What is watched.
    pub content_id: &'a str,
    /// Effective end of the latest full view, microseconds since 1970 UTC.
    pub last_full_view_at: Option<i64>,
    /// Offset of the record in its partition of `resume_state`.
    pub offset: i64,
    /// The record as it lay in its topic, framing and all.
    pub record: &'a [u8],
}

/// A session's place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filed<'a> {
    /// In which history.
    pub kind: HistoryKind,
    /// Profile.
    pub profile_id: &'a str,
    /// When the row was opened, microseconds since 1970 UTC.
    pub opened_at: i64,
    /// The session.
    pub session_id: &'a str,
}

impl LocalStore {
    /// Every row of a table, by session and opening.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn stored_versions(&self, table: SessionTable, each: &mut dyn FnMut(&StoredVersion<'_>)) -> Result<(), StoreError> {
        let visit = || -> Result<(), ReadError> {
            for entry in self.shared.database.begin_read()?.open_table(table.definition())?.iter()? {
                let (key, value) = entry?;
                let ((session_id, opened_at), (version, record)) = (key.value(), value.value());
                each(&StoredVersion { session_id, opened_at, version, record });
            }
            Ok(())
        };
        visit_all(visit)
    }

    /// Every resume position, by profile and content.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn stored_positions(&self, each: &mut dyn FnMut(&StoredResume<'_>)) -> Result<(), StoreError> {
        let visit = || -> Result<(), ReadError> {
            for entry in self.shared.database.begin_read()?.open_table(RESUME_STATE)?.iter()? {
                let (key, value) = entry?;
                let ((profile_id, content_id), (last_full_view_at, offset, record)) = (key.value(), value.value());
                each(&StoredResume { profile_id, content_id, last_full_view_at, offset, record });
            }
            Ok(())
        };
        visit_all(visit)
    }

    /// Every session's place in the histories.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn stored_history(&self, each: &mut dyn FnMut(&Filed<'_>)) -> Result<(), StoreError> {
        let visit = || -> Result<(), ReadError> {
            let read = self.shared.database.begin_read()?;
            for (kind, table) in [(HistoryKind::FullPlays, VIEWING), (HistoryKind::Previews, VIEWING_PREVIEWS)] {
                for entry in read.open_table(table)?.iter()? {
                    let (key, _) = entry?;
                    let (profile_id, opened_at, session_id) = key.value();
                    each(&Filed { kind, profile_id, opened_at, session_id });
                }
            }
            Ok(())
        };
        visit_all(visit)
    }
}

impl SessionTable {
    const fn definition(self) -> redb::TableDefinition<'static, (&'static str, i64), crate::tables::Versioned<'static>> {
        match self {
            Self::Sessions => PLAYBACK_SESSIONS,
            Self::Summaries => QOS_SESSION_SUMMARY,
        }
    }
}

fn visit_all<T>(mut visit: impl FnMut() -> Result<T, ReadError>) -> Result<T, StoreError> {
    visit().map_err(|error| error.0)
}
