//! What the stores must come to: one line for each session, for each content that a profile resumes, and for the whole run.
//!
//! Names, units and meaning are those of the Avro schemas (`PlaybackSession`, `QosSessionSummary`, `ResumeState`); times are RFC 3339 in UTC
//! with microseconds, as everywhere in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::settings::Rate;

/// What a session comes to. Of a figure that the events which were lost have made unknowable nothing is said: it is null, and `unprovable`
/// names it. Every other null is one that the stores must have too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTruth {
    /// The session.
    pub session_id: String,
    /// Effective time of its first event in log order; the row is (session_id, opened_at). Microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub opened_at: i64,
    /// Distinct events that come to the log and are accepted.
    pub event_count: i64,
    /// Events that never come, but lie between others that do.
    pub lost_events: i64,
    /// Whether the session is closed: always, once the run's last heartbeats are there.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// `end`, `error` or `timeout`.
    pub ended_by: String,
    /// Profile.
    pub profile_id: String,
    /// Account.
    pub account_id: String,
    /// Title.
    pub title_id: String,
    /// Episode of a series.
    pub episode_id: Option<String>,
    /// Whether it is flagged as a preview.
    pub preview: bool,
    /// Kind of device.
    pub device_type: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Effective time of its first event, microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub started_at: i64,
    /// Effective time of its last event, microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub ended_at: i64,
    /// Last known position, ms.
    pub last_position_ms: Option<i64>,
    /// Length of the content, ms.
    pub runtime_ms: i64,
    /// At least 95% of the runtime, or in the last 2 min of a runtime over 20 min.
    pub completed: bool,
    /// `start_failure`, `exit_before_start`, `play_failure` or `played`.
    pub outcome: Option<String>,
    /// From the wish to play to the first frame, without ads; or as the player measured it, ms.
    pub startup_ms: Option<i64>,
    /// Time before the first frame, ms.
    pub starting_ms: Option<i64>,
    /// Time playing, stalls of less than 250 ms included, ms.
    pub playing_ms: Option<i64>,
    /// Time paused, ms.
    pub paused_ms: Option<i64>,
    /// Time seeking, ms.
    pub seeking_ms: Option<i64>,
    /// Time stalled by a seek, ms.
    pub seek_buffering_ms: Option<i64>,
    /// Time stalled while playing, ms.
    pub rebuffering_ms: Option<i64>,
    /// Time in ads, ms.
    pub ad_ms: Option<i64>,
    /// Time stalled in ads, ms.
    pub ad_rebuffering_ms: Option<i64>,
    /// Time in the background without playing, ms.
    pub background_ms: Option<i64>,
    /// Time after the end, ms.
    pub ended_ms: Option<i64>,
    /// Time of which nothing is known, ms.
    pub unknown_ms: Option<i64>,
    /// Playing time times rate, ms.
    pub media_ms: Option<i64>,
    /// Stalls of at least 250 ms.
    pub rebuffer_count: Option<i64>,
    /// Shorter stalls.
    pub micro_stall_count: Option<i64>,
    /// Seeks; scrubbing is one.
    pub seek_count: Option<i64>,
    /// Pauses.
    pub pause_count: Option<i64>,
    /// Ads.
    pub ad_count: Option<i64>,
    /// Errors, fatal or not.
    pub error_count: Option<i64>,
    /// Switches to a higher bitrate.
    pub bitrate_up_count: Option<i64>,
    /// Switches to a lower bitrate.
    pub bitrate_down_count: Option<i64>,
    /// Mean bitrate over the media played, bit/s.
    pub avg_bitrate_bps: Option<i64>,
    /// Lowest bitrate played, bit/s.
    pub min_bitrate_bps: Option<i64>,
    /// Highest bitrate played, bit/s.
    pub max_bitrate_bps: Option<i64>,
    /// Bitrate of the first frame, bit/s.
    pub startup_bitrate_bps: Option<i64>,
    /// Content delivery network with most playing time.
    pub cdn: Option<String>,
    /// Whether the session ended in a stall.
    pub ended_in_rebuffer: Option<bool>,
    /// Code of the first error.
    pub first_error_code: Option<String>,
    /// Events that contradict others: players here never do.
    pub anomalies: Option<i64>,
    /// Names of the figures above that nobody can know, since events were lost.
    pub unprovable: Vec<String>,
}

/// Where a profile resumes a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeTruth {
    /// Profile.
    pub profile_id: String,
    /// Title.
    pub title_id: String,
    /// Episode of a series.
    pub episode_id: Option<String>,
    /// Session of the latest viewing.
    pub session_id: String,
    /// When its row was opened, microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub opened_at: i64,
    /// The client's counter at the position.
    pub sequence: i64,
    /// Where to resume, ms.
    pub position_ms: i64,
    /// Length of the content, ms.
    pub runtime_ms: i64,
    /// At least 95% of the runtime, or in the last 2 min of a runtime over 20 min.
    pub completed: bool,
    /// Whether that viewing is flagged as a preview.
    pub preview: bool,
    /// Effective end of that viewing, microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub updated_at: i64,
}

/// What a run comes to as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// The run's name, by which its files begin.
    pub run: String,
    /// What it was made from.
    pub seed: u64,
    /// When the first viewer could begin, microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub start: i64,
    /// Sessions asked for.
    pub sessions: u64,
    /// Those of which at least one event came to the log: each has a row.
    pub sessions_in_log: u64,
    /// Profiles.
    pub profiles: u64,
    /// (profile, content) pairs with a resume position.
    pub resume_positions: u64,
    /// Events that players made.
    pub events: u64,
    /// Records on `playback_events`, heartbeats apart: distinct events, duplicates and poison.
    pub raw_records: u64,
    /// Distinct events in the log that are accepted.
    pub distinct_events: u64,
    /// Records that say again what was said before.
    pub duplicates: u64,
    /// Events that came after a younger one of their session, held up on the way.
    pub disordered: u64,
    /// Events that came after their session had closed.
    pub late: u64,
    /// Events that never came.
    pub lost: u64,
    /// Records that must be refused.
    pub poison: u64,
    /// The same by the reason that their dead letter gives.
    pub dead_letters: BTreeMap<String, u64>,
    /// Heartbeats with which the run ends.
    pub heartbeats: u64,
    /// When the last record was received, microseconds since 1970 UTC.
    #[serde(with = "time_text")]
    pub last_received_at: i64,
    /// Share of the events that are delivered again.
    pub duplicates_rate: Rate,
    /// Share of the events that are held up.
    pub disorder_rate: Rate,
    /// Share of the events that come late.
    pub late_rate: Rate,
    /// Share of the events that are lost.
    pub lost_rate: Rate,
    /// Poison as a share of the events.
    pub poison_rate: Rate,
}

/// Microseconds since 1970 as RFC 3339 in UTC with six digits.
mod time_text {
    use chrono::{DateTime, SecondsFormat};
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time_us: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        let time = DateTime::from_timestamp_micros(*time_us).ok_or_else(|| S::Error::custom("a time beyond any calendar"))?;
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_micros()).map_err(D::Error::custom)
    }
}
