//! What must be in ClickHouse once a data folder has been written to it, whatever happened meanwhile.

use serde_json::Value;

use super::engine::Engine;
use crate::support::Folder;

/// What a folder's topics say.
pub(super) struct Expected {
    events: u64,
    sessions: u64,
}

impl Expected {
    /// Of a folder that was simulated without poison.
    pub(super) fn of(folder: &Folder) -> Self {
        let totals = std::fs::read_dir(folder.data().join("truth")).unwrap().map(|entry| entry.unwrap().path());
        let totals =
            totals.filter(|path| path.to_str().unwrap().ends_with(".totals.ndjson")).map(|path| std::fs::read_to_string(path).unwrap());
        let totals: Vec<Value> = totals.map(|text| serde_json::from_str(&text).unwrap()).collect();
        let sum = |key: &str| totals.iter().map(|totals| totals[key].as_u64().unwrap()).sum();
        Self { events: sum("distinct_events"), sessions: sum("sessions_in_log") }
    }

    /// Every event once, every session once, and everything derived equal to a recomputation.
    pub(super) fn assert_stored(&self, engine: &Engine, context: &str) {
        let events = self.events.to_string();
        let stored = engine.rows(
            "SELECT count(), uniqExact(topic_id, topic_partition, topic_offset), uniqExact(session_id, event_id) FROM playback_events",
        );
        assert_eq!(stored, [[events.clone(), events.clone(), events]], "{context}: rows, places and events");
        let sessions = self.sessions.to_string();
        let stored = engine.rows("SELECT count(), uniqExact(session_id, opened_at) FROM qos_sessions_current");
        assert_eq!(stored, [[sessions.clone(), sessions.clone()]], "{context}");
        assert_eq!(engine.rows("SELECT sum(sessions) FROM content_metrics_daily"), [[sessions]], "{context}");
        let pending = engine.rows("SELECT count() FROM recompute_pending FINAL WHERE is_done = 0");
        assert_eq!(pending, [["0"]], "{context}: all that was marked has been looked after");
        engine.assert_same(
            "SELECT minute, country, device_type, cdn, player, sum(m.events), sum(m.hash_sum), sum(m.play_requests), sum(m.first_frames), sum(m.ends), \
               sum(m.errors), sum(m.fatal_errors), sum(m.stalls), sum(m.stalled_ms), sum(m.startups_measured), sum(m.startup_ms_sum), \
               quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms), sum(m.bitrates_known), sum(m.bitrate_bps_sum) \
             FROM qos_minute AS m GROUP BY minute, country, device_type, cdn, player ORDER BY minute, country, device_type, cdn, player",
            "SELECT toStartOfMinute(toDateTime(effective_time, 'UTC')) AS minute, country, device_type, cdn, player, count(), sum(content_hash), \
               countIf(type = 'SESSION_START'), countIf(type = 'STARTUP'), countIf(type = 'END'), countIf(type = 'ERROR'), \
               countIf(type = 'ERROR' AND error_fatal), countIf(type = 'BUFFERING_END' AND isNotNull(duration_ms)), \
               sumIf(ifNull(duration_ms, 0), type = 'BUFFERING_END'), countIf(type = 'STARTUP' AND isNotNull(duration_ms)), \
               sumIf(ifNull(duration_ms, 0), type = 'STARTUP'), quantilesBFloat16If(0.5, 0.95)(ifNull(duration_ms, 0), type = 'STARTUP' AND isNotNull(duration_ms)), \
               countIf(type = 'HEARTBEAT' AND isNotNull(bitrate_bps)), sumIf(ifNull(bitrate_bps, 0), type = 'HEARTBEAT') \
             FROM playback_events GROUP BY minute, country, device_type, cdn, player ORDER BY minute, country, device_type, cdn, player",
            context,
        );
        engine.assert_same(
            "SELECT minute, title_id, country, concurrent_plays, concurrent_viewers FROM concurrent_viewers ORDER BY minute, title_id, country",
            "SELECT toStartOfMinute(toDateTime(effective_time, 'UTC')) AS minute, title_id, country, uniqExact(session_id), uniqExact(profile_id) \
             FROM playback_events WHERE type IN ('STARTUP', 'PLAY', 'HEARTBEAT') GROUP BY minute, title_id, country ORDER BY minute, title_id, country",
            context,
        );
        engine.assert_same(
            "SELECT day, title_id, sum(sessions), sum(watch_ms), sum(rebuffering_ms) FROM content_metrics_daily GROUP BY day, title_id ORDER BY day, title_id",
            "SELECT opened_date, title_id, count(), sum(playing_ms), sum(rebuffering_ms) FROM qos_sessions_current GROUP BY opened_date, title_id \
             ORDER BY opened_date, title_id",
            context,
        );
    }
}
