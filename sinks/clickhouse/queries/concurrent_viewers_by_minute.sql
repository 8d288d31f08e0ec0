-- Plays and profiles at a time, by minute, from {from:DateTime('UTC')} to {to:DateTime('UTC')}.
SELECT
    minute,
    uniqCombined64Merge(plays) AS concurrent_plays,
    uniqCombined64Merge(viewers) AS concurrent_viewers
FROM concurrent_viewers_minute
WHERE minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY minute
ORDER BY minute
