//! A viewing as far as resuming goes, and whether another takes its place.

use std::cmp::Ordering;

use pipeline::NotAState;
use schemas::{ViewRank, ViewingProgress};

use crate::saved::{Reader, Writer};

/// What is kept of the viewing that a profile resumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    effective_end_us: i64,
    sequence: Option<i64>,
    position_ms: i64,
    session_id: Box<str>,
    runtime_ms: Option<i64>,
    media_ms: Option<i64>,
    device_type: Option<Box<str>>,
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
            device_type: progress.device_type.map(Into::into),
            kept_until_ms,
        }
    }

    pub(super) fn save(&self, out: &mut Writer<'_>) {
        out.i64(self.effective_end_us);
        out.optional(self.sequence);
        out.i64(self.position_ms);
        out.bytes(self.session_id.as_bytes());
        out.optional(self.runtime_ms);
        out.optional(self.media_ms);
        out.optional_text(self.device_type.as_deref());
        out.i64(self.kept_until_ms);
    }

    pub(super) fn load(saved: &mut Reader<'_>) -> Result<Self, NotAState> {
        Ok(Self {
            effective_end_us: saved.i64()?,
            sequence: saved.optional()?,
            position_ms: saved.i64()?,
            session_id: saved.text()?.into(),
            runtime_ms: saved.optional()?,
            media_ms: saved.optional()?,
            device_type: saved.optional_text()?.map(Into::into),
            kept_until_ms: saved.i64()?,
        })
    }

    /// Whether `progress` takes the place of this view: the largest rank wins. The same place in the same session said again replaces what
    /// was said of it before.
    pub(super) fn is_replaced_by(&self, progress: &ViewingProgress<'_>) -> bool {
        match ViewRank::from(progress).cmp(&self.rank()) {
            Ordering::Greater => true,
            Ordering::Equal => {
                (progress.runtime_ms, progress.media_ms, progress.device_type)
                    != (self.runtime_ms, self.media_ms, self.device_type.as_deref())
            }
            Ordering::Less => false,
        }
    }

    fn rank(&self) -> ViewRank<'_> {
        ViewRank { ended_at: self.effective_end_us, sequence: self.sequence, position_ms: self.position_ms, session_id: &self.session_id }
    }
}
