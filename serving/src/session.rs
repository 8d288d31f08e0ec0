//! A session's row.

use schemas::{EndedBy, Outcome, PlaybackSession, is_full_view};
use serde::{Serialize, Serializer};

use crate::{HistoryKind, time};

/// One row (session_id, opened_at) in its newest version. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// The session.
    pub session_id: String,
    /// Grows with what is known of the session: the largest stands.
    pub version: i64,
    /// Effective time of the row's first event in log order.
    #[serde(serialize_with = "time::serialize")]
    pub opened_at: i64,
    /// Distinct events.
    pub event_count: i64,
    /// Whether the row is closed.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Why it is closed.
    #[serde(serialize_with = "ended_by")]
    pub ended_by: EndedBy,
    /// Profile.
    pub profile_id: Option<String>,
    /// Account.
    pub account_id: Option<String>,
    /// Title: a film or a series.
    pub title_id: String,
    /// Episode of a series.
    pub episode_id: Option<String>,
    /// Flagged as a preview.
    pub preview: bool,
    /// Effective time of the first event.
    #[serde(serialize_with = "time::serialize")]
    pub started_at: i64,
    /// Effective time of the last event.
    #[serde(serialize_with = "time::serialize")]
    pub ended_at: i64,
    /// Last known position, ms.
    pub last_position_ms: Option<i64>,
    /// Length of the content, ms.
    pub runtime_ms: Option<i64>,
    /// Media played, ms.
    pub media_ms: i64,
    /// Time spent playing, ms.
    pub playing_ms: i64,
    /// Watched to its end, or nearly.
    pub completed: bool,
    /// How it came out; none while it is open and has not started.
    #[serde(serialize_with = "outcome")]
    pub outcome: Option<Outcome>,
    /// Device.
    pub device_id: Option<String>,
    /// Kind of device.
    pub device_type: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Region within the country.
    pub region: Option<String>,
    /// Player library.
    pub player: Option<String>,
    /// Version of the app.
    pub app_version: Option<String>,
}

impl From<&PlaybackSession<'_>> for SessionRow {
    fn from(record: &PlaybackSession<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            session_id: record.session_id.to_owned(),
            version: record.version,
            opened_at: record.opened_at,
            event_count: record.event_count,
            is_final: record.is_final,
            ended_by: record.ended_by,
            profile_id: owned(record.profile_id),
            account_id: owned(record.account_id),
            title_id: record.title_id.to_owned(),
            episode_id: owned(record.episode_id),
            preview: record.preview,
            started_at: record.started_at,
            ended_at: record.ended_at,
            last_position_ms: record.last_position_ms,
            runtime_ms: record.runtime_ms,
            media_ms: record.media_ms,
            playing_ms: record.playing_ms,
            completed: record.completed,
            outcome: record.outcome,
            device_id: owned(record.device_id),
            device_type: owned(record.device_type),
            country: owned(record.country),
            region: owned(record.region),
            player: owned(record.player),
            app_version: owned(record.app_version),
        }
    }
}

/// Where a session is filed: sessions below 2 min of media or flagged as previews lie apart from full plays.
#[must_use]
pub fn history_kind(record: &PlaybackSession<'_>) -> HistoryKind {
    if is_full_view(record.preview, Some(record.media_ms)) { HistoryKind::FullPlays } else { HistoryKind::Previews }
}

fn ended_by<S: Serializer>(ended_by: &EndedBy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(ended_by.as_str())
}

fn outcome<S: Serializer>(outcome: &Option<Outcome>, serializer: S) -> Result<S::Ok, S::Error> {
    match outcome {
        Some(outcome) => serializer.serialize_some(outcome.as_str()),
        None => serializer.serialize_none(),
    }
}
