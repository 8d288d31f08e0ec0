-- Plays and profiles at a time, by minute, from {from:DateTime} to {to:DateTime}.
SELECT
    minute,
    uniqCombined64Merge(plays) AS concurrent_plays,
    uniqCombined64Merge(viewers) AS concurrent_viewers
FROM concurrent_viewers_minute
WHERE minute >= {from:DateTime} AND minute < {to:DateTime}
GROUP BY minute
ORDER BY minute
