//! Quality of service of one session. The eleven durations add up to the time from started_at to ended_at before each is rounded down to whole milliseconds.

use crate::{EndedBy, Outcome};

avro_record! {
    /// Quality of service of one session. The eleven durations add up to the time from started_at to ended_at before each is rounded down to whole milliseconds.
    QosSessionSummary {
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
        /// Effective time of the first event (microseconds since 1970 UTC).
        started_at: i64,
        /// Effective time of the last event (microseconds since 1970 UTC).
        ended_at: i64,
        /// First SESSION_START to first STARTUP without ads, or as the client measured it, ms.
        startup_ms: Option<i64>,
        /// Time before the first frame, ms.
        starting_ms: i64,
        /// Time playing, ms.
        playing_ms: i64,
        /// Time paused, ms.
        paused_ms: i64,
        /// Time seeking, ms.
        seeking_ms: i64,
        /// Time stalled by a seek, ms.
        seek_buffering_ms: i64,
        /// Time stalled while playing, ms.
        rebuffering_ms: i64,
        /// Time in ads, ms.
        ad_ms: i64,
        /// Time stalled in ads, ms.
        ad_rebuffering_ms: i64,
        /// Time in the background, ms.
        background_ms: i64,
        /// Time after an end, ms.
        ended_ms: i64,
        /// Time of which nothing is known, ms.
        unknown_ms: i64,
        /// Media played: playing time times rate, ms.
        media_ms: i64,
        /// Stalls shown as rebuffering.
        rebuffer_count: i64,
        /// Stalls of less than 250 ms, not shown.
        micro_stall_count: i64,
        /// Seeks; scrubbing is one.
        seek_count: i64,
        /// Pauses that were opened.
        pause_count: i64,
        /// Ads.
        ad_count: i64,
        /// Errors, fatal or not.
        error_count: i64,
        /// Switches to a higher bitrate after startup.
        bitrate_up_count: i64,
        /// Switches to a lower bitrate after startup.
        bitrate_down_count: i64,
        /// Mean bitrate over the media played with a known bitrate (CTA-2066), bit/s.
        avg_bitrate_bps: Option<i64>,
        /// Lowest bitrate over the same time, bit/s.
        min_bitrate_bps: Option<i64>,
        /// Highest bitrate over the same time, bit/s.
        max_bitrate_bps: Option<i64>,
        /// Bitrate known at STARTUP, bit/s.
        startup_bitrate_bps: Option<i64>,
        /// Content delivery network with most playing time.
        cdn: Option<&'a str>,
        /// How it came out; null while the session is open and has not started.
        outcome: Option<Outcome>,
        /// Whether the viewer left in a shown stall.
        ended_in_rebuffer: bool,
        /// Code of the first error that has one.
        first_error_code: Option<&'a str>,
        /// Numbers missing between the lowest and the highest sequence.
        lost_events: i64,
        /// Events that contradict the others.
        anomalies: i64,
        /// rebuffering / (starting + playing + rebuffering + seeking + seek_buffering) (CTA-2066).
        rebuffer_ratio_cta2066: Option<f64>,
        /// As CTA-2066, starting only where startup_ms is known (androidx.media3 PlaybackStats).
        rebuffer_ratio_media3: Option<f64>,
        /// rebuffering / all but paused, background, ended and unknown (mux-embed).
        rebuffer_ratio_mux: Option<f64>,
        /// rebuffering / (rebuffering + playing): stalls by seeks excluded.
        connection_induced_rebuffer_ratio: Option<f64>,
    }
}
