SELECT
    formatDateTime(minute, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS minute,
    toUInt32(max(concurrent_plays)) AS plays,
    toUInt32(sum(first_frames)) AS startups,
    if(max(startup_p50) >= 0, max(startup_p50), NULL) AS startup_p50_ms,
    if(max(startup_p95) >= 0, max(startup_p95), NULL) AS startup_p95_ms,
    toUInt32(sum(stall_count)) AS stalls,
    toUInt32(sum(error_count)) AS errors
FROM
(
    SELECT minute, uniqCombined64Merge(plays) AS concurrent_plays,
        0 AS first_frames, -1. AS startup_p50, -1. AS startup_p95, 0 AS stall_count, 0 AS error_count
    FROM concurrent_viewers_minute
    WHERE minute >= now('UTC') - INTERVAL 90 MINUTE
    GROUP BY minute
    UNION ALL
    SELECT minute, 0 AS concurrent_plays,
        sum(m.first_frames) AS first_frames,
        quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms)[1] AS startup_p50,
        quantilesBFloat16Merge(0.5, 0.95)(m.startup_ms)[2] AS startup_p95,
        sum(m.stalls) AS stall_count,
        sum(m.errors) AS error_count
    FROM qos_minute AS m
    WHERE minute >= now('UTC') - INTERVAL 90 MINUTE
    GROUP BY minute
)
GROUP BY minute
ORDER BY minute DESC
FORMAT JSONEachRow
