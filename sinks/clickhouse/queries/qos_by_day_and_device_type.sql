-- Startup, failures and the four rebuffering ratios by day and device_type, from {from_day:Date} to {to_day:Date}: ratios of sums.
SELECT
    day,
    device_type,
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
    sum(m.error_count) AS errors
FROM content_metrics_daily AS m
WHERE day BETWEEN {from_day:Date} AND {to_day:Date}
GROUP BY day, device_type
ORDER BY day, device_type
