-- Errors by code, device and CDN, from {from:DateTime('UTC')} to {to:DateTime('UTC')}.
SELECT
    error_code,
    device_type,
    cdn,
    count() AS errors,
    countIf(error_fatal = true) AS fatal_errors,
    uniqExact(session_id) AS sessions
FROM playback_events
WHERE event_date BETWEEN toDate({from:DateTime('UTC')}, 'UTC') AND toDate({to:DateTime('UTC')}, 'UTC')
    AND effective_time >= {from:DateTime('UTC')} AND effective_time < {to:DateTime('UTC')}
    AND type = 'ERROR'
GROUP BY error_code, device_type, cdn
ORDER BY errors DESC, error_code, device_type, cdn
LIMIT 100
