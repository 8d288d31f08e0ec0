//! One row of viewing history: a session as far as it is known.

use crate::{EndedBy, Outcome};

avro_record! {
    /// One row of viewing history: a session as far as it is known.
    PlaybackSession {
        /// The session.
        session_id: &'a str,
        /// (2 x distinct events + final) x 256 + revision of the folding rules: of one row the largest version is the most complete.
        version: i64,
        /// Effective time of the first event of the row in log order. The row is (session_id, opened_at) (microseconds since 1970 UTC).
        opened_at: i64,
        /// Distinct events.
        event_count: i64,
        /// Whether the row is closed: ended_by is not open.
        is_final ("final"): bool,
        /// Why the row is closed.
        ended_by: EndedBy,
        /// Profile of the event that opened the row.
        profile_id: Option<&'a str>,
        /// Account of the event that opened the row.
        account_id: Option<&'a str>,
        /// Title of the event that opened the row.
        title_id: &'a str,
        /// Episode of the event that opened the row.
        episode_id: Option<&'a str>,
        /// Whether the event that opened the row was flagged as a preview.
        preview: bool,
        /// Effective time of the first event (microseconds since 1970 UTC).
        started_at: i64,
        /// Effective time of the last event (microseconds since 1970 UTC).
        ended_at: i64,
        /// Last known position, ms.
        last_position_ms: Option<i64>,
        /// Length of the content, ms.
        runtime_ms: Option<i64>,
        /// Media played: playing time times rate, ms.
        media_ms: i64,
        /// Time spent playing, ms.
        playing_ms: i64,
        /// At least 95% of the runtime, or in the last 2 min of a runtime over 20 min.
        completed: bool,
        /// How it came out; null while the session is open and has not started.
        outcome: Option<Outcome>,
        /// Device, pseudonymous: the first that is known.
        device_id: Option<&'a str>,
        /// Kind of device, such as tv or phone: the first that is known.
        device_type: Option<&'a str>,
        /// ISO 3166-1 alpha-2: the first that is known.
        country: Option<&'a str>,
        /// Region within the country: the first that is known.
        region: Option<&'a str>,
        /// Player library: the first that is known.
        player: Option<&'a str>,
        /// Version of the app: the first that is known.
        app_version: Option<&'a str>,
    }
}
