//! A viewing as far as resuming goes, and which of two is the later one.

use std::cmp::Ordering;

use schemas::ViewingProgress;

/// Below this much media a viewing is no full view.
pub const FULL_VIEW_MEDIA_MS: i64 = 120_000;

/// What is kept of the viewing that a profile resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    effective_end_us: i64,
    /// A missing sequence comes first.
    sequence: Option<i64>,
    position_ms: i64,
    session_id: Box<str>,
    runtime_ms: Option<i64>,
    media_ms: Option<i64>,
    /// Log time until which it is kept, ms.
    pub(super) kept_until_ms: i64,
}

impl View {
    pub(super) fn of(progress: &ViewingProgress<'_>, kept_until_ms: i64) -> Self {
        Self {
            effective_end_us: progress.at,
            sequence: progress.sequence,
            position_ms: progress.position_ms,
            session_id: progress.session_id.into(),
            runtime_ms: progress.runtime_ms,
            media_ms: progress.media_ms,
            kept_until_ms,
        }
    }

    /// Whether `progress` takes the place of this view: the largest effective end wins; ties: the fold's order within a session, the larger
    /// position, the session id. The same place in the same session said again replaces what was said of it before.
    pub(super) fn is_replaced_by(&self, progress: &ViewingProgress<'_>) -> bool {
        let ours = (self.effective_end_us, self.sequence, self.position_ms, &*self.session_id);
        match (progress.at, progress.sequence, progress.position_ms, progress.session_id).cmp(&ours) {
            Ordering::Greater => true,
            Ordering::Equal => (progress.runtime_ms, progress.media_ms) != (self.runtime_ms, self.media_ms),
            Ordering::Less => false,
        }
    }
}

/// Whether a viewing counts as a full view: not flagged as a preview, and at least 2 min of media.
pub(super) fn is_full(progress: &ViewingProgress<'_>) -> bool {
    !progress.preview && progress.media_ms.is_some_and(|media_ms| media_ms >= FULL_VIEW_MEDIA_MS)
}
