-- What the clients measured, by minute, for a live dashboard: fed by each block of playback_events. Views that were imported long after they
-- happened are not live: they count in content_metrics_daily alone.
--
-- events and hash_sum are the count and the sum (modulo 2^64) of content_hash of the rows that a line was made from: a minute is whole where
-- they are those of playback_events.
CREATE TABLE IF NOT EXISTS qos_minute
(
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    country LowCardinality(String),
    device_type LowCardinality(String),
    cdn LowCardinality(String),
    player LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64),
    hash_sum SimpleAggregateFunction(sum, UInt64),
    play_requests SimpleAggregateFunction(sum, UInt64) COMMENT 'SESSION_START',
    first_frames SimpleAggregateFunction(sum, UInt64) COMMENT 'STARTUP',
    ends SimpleAggregateFunction(sum, UInt64) COMMENT 'END',
    errors SimpleAggregateFunction(sum, UInt64) COMMENT 'ERROR',
    fatal_errors SimpleAggregateFunction(sum, UInt64) COMMENT 'ERROR with error_fatal',
    stalls SimpleAggregateFunction(sum, UInt64) COMMENT 'BUFFERING_END with the client''s duration',
    stalled_ms SimpleAggregateFunction(sum, UInt64) COMMENT 'Their durations.',
    startups_measured SimpleAggregateFunction(sum, UInt64) COMMENT 'STARTUP with the client''s duration',
    startup_ms_sum SimpleAggregateFunction(sum, UInt64) COMMENT 'Their durations.',
    startup_ms AggregateFunction(quantilesBFloat16(0.5, 0.95), Int64) COMMENT 'Their quantiles, at most 0.8% low.',
    bitrates_known SimpleAggregateFunction(sum, UInt64) COMMENT 'HEARTBEAT with a bitrate',
    bitrate_bps_sum SimpleAggregateFunction(sum, UInt64) COMMENT 'Their bitrates.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMMDD(minute)
ORDER BY (minute, country, device_type, cdn, player)
TTL toDate(minute) + INTERVAL 400 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS qos_minute_from_events TO qos_minute AS
SELECT
    toStartOfMinute(toDateTime(effective_time, 'UTC')) AS minute,
    country,
    device_type,
    cdn,
    player,
    count() AS events,
    sum(content_hash) AS hash_sum,
    countIf(type = 'SESSION_START') AS play_requests,
    countIf(type = 'STARTUP') AS first_frames,
    countIf(type = 'END') AS ends,
    countIf(type = 'ERROR') AS errors,
    countIf(type = 'ERROR' AND error_fatal = true) AS fatal_errors,
    countIf(type = 'BUFFERING_END' AND duration_ms IS NOT NULL) AS stalls,
    toUInt64(sumIf(ifNull(duration_ms, 0), type = 'BUFFERING_END')) AS stalled_ms,
    countIf(type = 'STARTUP' AND duration_ms IS NOT NULL) AS startups_measured,
    toUInt64(sumIf(ifNull(duration_ms, 0), type = 'STARTUP')) AS startup_ms_sum,
    quantilesBFloat16StateIf(0.5, 0.95)(ifNull(duration_ms, 0), type = 'STARTUP' AND duration_ms IS NOT NULL) AS startup_ms,
    countIf(type = 'HEARTBEAT' AND bitrate_bps IS NOT NULL) AS bitrates_known,
    toUInt64(sumIf(ifNull(bitrate_bps, 0), type = 'HEARTBEAT')) AS bitrate_bps_sum
FROM playback_events
WHERE effective_time >= received_time - INTERVAL 78 HOUR
GROUP BY minute, country, device_type, cdn, player;

-- Who was playing in a minute: sessions, and profiles, with a sign of playing in it (STARTUP, PLAY, HEARTBEAT; players send one each 10 s).
CREATE TABLE IF NOT EXISTS concurrent_viewers_minute
(
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    title_id LowCardinality(String),
    country LowCardinality(String),
    events SimpleAggregateFunction(sum, UInt64),
    hash_sum SimpleAggregateFunction(sum, UInt64),
    plays AggregateFunction(uniqCombined64, String) COMMENT 'Sessions.',
    viewers AggregateFunction(uniqCombined64, String) COMMENT 'Profiles.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMMDD(minute)
ORDER BY (minute, title_id, country)
TTL toDate(minute) + INTERVAL 400 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS concurrent_viewers_minute_from_events TO concurrent_viewers_minute AS
SELECT
    toStartOfMinute(toDateTime(effective_time, 'UTC')) AS minute,
    title_id,
    country,
    count() AS events,
    sum(content_hash) AS hash_sum,
    uniqCombined64State(session_id) AS plays,
    uniqCombined64StateIf(profile_id, profile_id != '') AS viewers
FROM playback_events
WHERE effective_time >= received_time - INTERVAL 78 HOUR AND type IN ('STARTUP', 'PLAY', 'HEARTBEAT')
GROUP BY minute, title_id, country;
