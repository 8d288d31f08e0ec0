//! Resume positions: the latest view of each content, and whether it counts.

use schemas::{ResumeState, is_full_view};
use serde::Serialize;

use crate::time;

/// One viewing of a content, as far as resuming is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Title: a film or a series.
    pub title_id: String,
    /// Episode of a series.
    pub episode_id: Option<String>,
    /// Session of the viewing.
    pub session_id: String,
    /// When the session's row was opened, microseconds since 1970 UTC.
    pub opened_at: i64,
    /// Last known position, ms.
    pub position_ms: i64,
    /// Length of the content, ms.
    pub runtime_ms: Option<i64>,
    /// Media played, ms; none before the session's first fold.
    pub media_ms: Option<i64>,
    /// Watched to its end, or nearly.
    pub completed: bool,
    /// Effective end, microseconds since 1970 UTC.
    pub updated_at: i64,
    /// Kind of device.
    pub device_type: Option<String>,
    /// Flagged as a preview.
    pub preview: bool,
}

impl View {
    /// What is watched: the episode, else the title.
    #[must_use]
    pub fn content_id(&self) -> &str {
        self.episode_id.as_deref().unwrap_or(&self.title_id)
    }
}

impl From<&ResumeState<'_>> for View {
    fn from(record: &ResumeState<'_>) -> Self {
        Self {
            title_id: record.title_id.to_owned(),
            episode_id: record.episode_id.map(str::to_owned),
            session_id: record.session_id.to_owned(),
            opened_at: record.opened_at,
            position_ms: record.position_ms,
            runtime_ms: record.runtime_ms,
            media_ms: record.media_ms,
            completed: record.completed,
            updated_at: record.updated_at,
            device_type: record.device_type.map(str::to_owned),
            preview: record.preview,
        }
    }
}

/// What a store holds of one (profile, content).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeRow {
    /// Profile.
    pub profile_id: String,
    /// The view with the largest [`schemas::ViewRank`].
    pub latest: View,
    /// Effective end of the latest full view, microseconds since 1970 UTC; none before there is one.
    pub last_full_view_at: Option<i64>,
}

impl ResumeRow {
    /// Whether what stands here is a preview: flagged so, or below 2 min of media while the content has no full view. (A short look at
    /// something that was watched before is no preview: its position is where the viewer wants to go on.)
    #[must_use]
    pub fn is_preview(&self) -> bool {
        self.latest.preview || (self.last_full_view_at.is_none() && !is_full_view(false, self.latest.media_ms))
    }
}

/// Where a profile resumes a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResumeEntry {
    /// Profile.
    pub profile_id: String,
    /// Title: a film or a series.
    pub title_id: String,
    /// Episode of a series.
    pub episode_id: Option<String>,
    /// Where to resume, ms.
    pub position_ms: i64,
    /// Length of the content, ms.
    pub runtime_ms: Option<i64>,
    /// Watched to its end, or nearly.
    pub completed: bool,
    /// See [`ResumeRow::is_preview`].
    pub preview: bool,
    /// Effective end of the latest view, microseconds since 1970 UTC.
    #[serde(serialize_with = "time::serialize")]
    pub updated_at: i64,
    /// Effective end of the latest full view, microseconds since 1970 UTC.
    #[serde(serialize_with = "time::serialize_optional")]
    pub last_full_view_at: Option<i64>,
}

impl From<ResumeRow> for ResumeEntry {
    fn from(row: ResumeRow) -> Self {
        let preview = row.is_preview();
        Self {
            profile_id: row.profile_id,
            title_id: row.latest.title_id,
            episode_id: row.latest.episode_id,
            position_ms: row.latest.position_ms,
            runtime_ms: row.latest.runtime_ms,
            completed: row.latest.completed,
            preview,
            updated_at: row.latest.updated_at,
            last_full_view_at: row.last_full_view_at,
        }
    }
}

/// All of a profile's resume positions, previews flagged, newest first; equal times by title and episode.
#[must_use]
pub fn resume_list(rows: Vec<ResumeRow>) -> Vec<ResumeEntry> {
    let mut entries: Vec<ResumeEntry> = rows.into_iter().map(ResumeEntry::from).collect();
    sort_newest_first(&mut entries);
    entries
}

pub(crate) fn sort_newest_first(entries: &mut [ResumeEntry]) {
    entries.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then_with(|| (&a.title_id, &a.episode_id).cmp(&(&b.title_id, &b.episode_id))));
}
