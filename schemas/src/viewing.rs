//! What all who handle viewings must agree on, processors and stores alike: which of two is the latest, and which is a full view.

use crate::{ResumeState, ViewingProgress};

/// Media from which on a view is a full one, ms.
pub const FULL_VIEW_MEDIA_MS: i64 = 120_000;

/// Whether a view is a full one: not flagged as a preview, and at least 2 min of media. Media that is not known yet does not count.
#[must_use]
pub fn is_full_view(preview: bool, media_ms: Option<i64>) -> bool {
    !preview && media_ms.is_some_and(|media_ms| media_ms >= FULL_VIEW_MEDIA_MS)
}

/// Orders the views of one (profile, content): the largest stands. The order of the fields is the rule: the effective end; where that is
/// equal the fold's order within a session, which is the client's counter (none first), then the larger position, then session_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewRank<'a> {
    /// Effective end of the view, microseconds since 1970 UTC.
    pub ended_at: i64,
    /// The client's counter at the position.
    pub sequence: Option<i64>,
    /// Last known position, ms.
    pub position_ms: i64,
    /// The session.
    pub session_id: &'a str,
}

impl<'a> From<&ViewingProgress<'a>> for ViewRank<'a> {
    fn from(record: &ViewingProgress<'a>) -> Self {
        Self { ended_at: record.at, sequence: record.sequence, position_ms: record.position_ms, session_id: record.session_id }
    }
}

impl<'a> From<&ResumeState<'a>> for ViewRank<'a> {
    fn from(record: &ResumeState<'a>) -> Self {
        Self { ended_at: record.updated_at, sequence: record.sequence, position_ms: record.position_ms, session_id: record.session_id }
    }
}
