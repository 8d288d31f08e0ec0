-- Errors by code, device and CDN, from {from:DateTime} to {to:DateTime}.
SELECT
    error_code,
    device_type,
    cdn,
    count() AS errors,
    countIf(error_fatal = true) AS fatal_errors,
    uniqExact(session_id) AS sessions
FROM playback_events
WHERE event_date BETWEEN toDate({from:DateTime}) AND toDate({to:DateTime})
    AND effective_time >= {from:DateTime} AND effective_time < {to:DateTime}
    AND type = 'ERROR'
GROUP BY error_code, device_type, cdn
ORDER BY errors DESC, error_code, device_type, cdn
LIMIT 100
