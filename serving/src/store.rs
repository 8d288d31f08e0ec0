//! What every serving store answers.

use crate::{HistoryPage, HistoryQuery, ResumeRow, SessionRow};

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Down, slow or overloaded: asking again later may help.
    #[error("the serving store is not available: {0}")]
    Unavailable(String),
    /// What it holds can't be read.
    #[error("the serving store holds something that can't be read: {0}")]
    Corrupt(String),
}

/// A store of resume positions, history and sessions.
pub trait ServingStore {
    /// All resume rows of a profile, in no particular order.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn resume_rows(&self, profile_id: &str) -> Result<Vec<ResumeRow>, StoreError>;

    /// The resume row of one content.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn resume_row(&self, profile_id: &str, content_id: &str) -> Result<Option<ResumeRow>, StoreError>;

    /// A profile's history, newest first. Sessions without a profile are in no history.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn history(&self, profile_id: &str, query: &HistoryQuery) -> Result<HistoryPage, StoreError>;

    /// The rows of a session by rising opened_at: mostly one, more where it was cut or came back after its state was gone.
    ///
    /// # Errors
    /// Where the store does not answer.
    fn session(&self, session_id: &str) -> Result<Vec<SessionRow>, StoreError>;
}
