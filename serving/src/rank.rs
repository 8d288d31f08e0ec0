//! Which of two views of a content is the latest.

use schemas::ResumeState;

/// Orders the views of one (profile, content): the largest stands. The order of the fields is the rule: the effective end; where that is
/// equal the client's counter (none first), then the larger position, then session_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewRank<'a> {
    /// Effective end of the view, microseconds since 1970 UTC.
    pub updated_at: i64,
    /// The client's counter at the position.
    pub sequence: Option<i64>,
    /// Last known position, ms.
    pub position_ms: i64,
    /// The session.
    pub session_id: &'a str,
}

impl<'a> ViewRank<'a> {
    /// The rank of the view that a record tells of.
    #[must_use]
    pub fn of(record: &ResumeState<'a>) -> Self {
        Self { updated_at: record.updated_at, sequence: record.sequence, position_ms: record.position_ms, session_id: record.session_id }
    }
}
