-- Time to the first frame as the clients measured it, by minute and device, from {from:DateTime('UTC')} to {to:DateTime('UTC')}.
SELECT
    minute,
    device_type,
    sum(first_frames) AS first_frames,
    quantilesBFloat16Merge(0.5, 0.95)(startup_ms)[1] AS startup_p50_ms,
    quantilesBFloat16Merge(0.5, 0.95)(startup_ms)[2] AS startup_p95_ms
FROM qos_minute
WHERE minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
GROUP BY minute, device_type
ORDER BY minute, device_type
