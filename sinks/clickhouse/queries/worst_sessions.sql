-- Sessions that stalled longest, opened from {from_day:Date} to {to_day:Date}.
SELECT session_id, opened_at, title_id, country, device_type, cdn, outcome, startup_ms, rebuffering_ms, rebuffer_count, playing_ms
FROM qos_sessions_current
WHERE opened_date BETWEEN {from_day:Date} AND {to_day:Date}
ORDER BY rebuffering_ms DESC, session_id
LIMIT 50
