-- Plays at a time of title {title:String}, by minute and country, from {from:DateTime('UTC')} to {to:DateTime('UTC')}.
SELECT
    minute,
    country,
    uniqCombined64Merge(plays) AS concurrent_plays,
    uniqCombined64Merge(viewers) AS concurrent_viewers
FROM concurrent_viewers_minute
WHERE minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')} AND title_id = {title:String}
GROUP BY minute, country
ORDER BY minute, country
