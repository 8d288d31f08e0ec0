-- Stalls, errors and plays that ended, by minute and CDN, from {from:DateTime('UTC')} to {to:DateTime('UTC')}.
SELECT
    minute,
    cdn,
    sum(m.play_requests) AS play_requests,
    sum(m.first_frames) AS first_frames,
    sum(m.stalls) AS stalls,
    sum(m.stalled_ms) AS stalled_ms,
    sum(m.errors) AS errors,
    sum(m.fatal_errors) AS fatal_errors,
    sum(m.bitrate_bps_sum) / nullIf(sum(m.bitrates_known), 0) AS mean_bitrate_bps
FROM qos_minute AS m
WHERE minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY minute, cdn
ORDER BY minute, cdn
