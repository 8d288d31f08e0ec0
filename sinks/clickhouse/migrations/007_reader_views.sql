-- What people look at. Ratios are ratios of sums; over other groups they are made again from the sums of content_metrics_daily in the same way
-- (see queries/).
CREATE VIEW IF NOT EXISTS qos_by_day AS
SELECT
    day,
    country,
    device_type,
    cdn,
    title_id,
    sum(m.sessions) AS sessions,
    sum(m.views) AS views,
    uniqCombined64Merge(m.viewers) AS unique_viewers,
    sum(m.watch_ms) AS watch_ms,
    sum(m.media_ms_of_known_runtime) / nullIf(sum(m.runtime_ms), 0) AS completion,
    quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms)[1] AS startup_p50_ms,
    quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms)[2] AS startup_p95_ms,
    sum(m.start_failures) / nullIf(sum(m.sessions), 0) AS video_start_failure_ratio,
    sum(m.exits_before_start) / nullIf(sum(m.sessions), 0) AS exit_before_start_ratio,
    sum(m.play_failures) / nullIf(sum(m.views), 0) AS play_failure_ratio,
    sum(m.rebuffering_ms) / nullIf(sum(m.starting_ms) + sum(m.playing_ms) + sum(m.rebuffering_ms) + sum(m.seeking_ms) + sum(m.seek_buffering_ms), 0) AS rebuffer_ratio_cta2066,
    sum(m.rebuffering_ms) / nullIf(sum(m.playing_ms) + sum(m.starting_ms_of_startups) + sum(m.rebuffering_ms) + sum(m.seeking_ms) + sum(m.seek_buffering_ms), 0) AS rebuffer_ratio_media3,
    sum(m.rebuffering_ms) / nullIf(sum(m.starting_ms) + sum(m.playing_ms) + sum(m.seeking_ms) + sum(m.seek_buffering_ms) + sum(m.rebuffering_ms) + sum(m.ad_ms) + sum(m.ad_rebuffering_ms), 0) AS rebuffer_ratio_mux,
    sum(m.rebuffering_ms) / nullIf(sum(m.rebuffering_ms) + sum(m.playing_ms), 0) AS connection_induced_rebuffer_ratio,
    sum(m.error_count) AS errors,
    sum(m.bitrate_bps_media_ms) / nullIf(sum(m.media_ms_of_known_bitrate), 0) AS avg_bitrate_bps
FROM content_metrics_daily AS m
GROUP BY day, country, device_type, cdn, title_id
COMMENT 'avg_bitrate_bps is an approximation: each session''s own is weighted by all the media that it played, also by what it played while no bitrate was known.';

CREATE VIEW IF NOT EXISTS qos_by_minute AS
SELECT
    minute,
    country,
    device_type,
    cdn,
    player,
    sum(m.events) AS events,
    sum(m.play_requests) AS play_requests,
    sum(m.first_frames) AS first_frames,
    sum(m.ends) AS ends,
    sum(m.errors) AS errors,
    sum(m.fatal_errors) AS fatal_errors,
    sum(m.stalls) AS stalls,
    sum(m.stalled_ms) AS stalled_ms,
    quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms)[1] AS startup_p50_ms,
    quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms)[2] AS startup_p95_ms,
    sum(m.bitrate_bps_sum) / nullIf(sum(m.bitrates_known), 0) AS mean_bitrate_bps
FROM qos_minute AS m
GROUP BY minute, country, device_type, cdn, player;

CREATE VIEW IF NOT EXISTS concurrent_viewers AS
SELECT
    minute,
    title_id,
    country,
    uniqCombined64Merge(plays) AS concurrent_plays,
    uniqCombined64Merge(viewers) AS concurrent_viewers
FROM concurrent_viewers_minute
GROUP BY minute, title_id, country;

CREATE VIEW IF NOT EXISTS errors_by_minute AS
SELECT
    toStartOfMinute(toDateTime(effective_time, 'UTC')) AS minute,
    error_code,
    country,
    device_type,
    cdn,
    player,
    count() AS errors,
    countIf(error_fatal = true) AS fatal_errors,
    uniqExact(session_id) AS sessions
FROM playback_events
WHERE type = 'ERROR'
GROUP BY minute, error_code, country, device_type, cdn, player;

-- The books of this store: as those of the log, by partition and five minutes.
CREATE VIEW IF NOT EXISTS audit_books AS
SELECT
    source_topic_id,
    source_partition,
    toStartOfInterval(toDateTime(received_time, 'UTC'), INTERVAL 5 MINUTE) AS bucket_start,
    count() AS clean_count,
    sum(content_hash) AS clean_hash_sum
FROM playback_events
GROUP BY source_topic_id, source_partition, bucket_start;
