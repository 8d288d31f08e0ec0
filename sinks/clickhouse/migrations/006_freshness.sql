-- Heartbeats as they came through: when one was sent, and when all that came before it on its partition was in the tables.
CREATE TABLE IF NOT EXISTS pipeline_freshness
(
    topic LowCardinality(String),
    topic_partition UInt32,
    sent_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stored_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (topic, topic_partition, sent_at)
TTL toDate(stored_at) + INTERVAL 30 DAY
SETTINGS
    fsync_after_insert = 0;

CREATE VIEW IF NOT EXISTS freshness AS
SELECT
    topic,
    topic_partition,
    max(sent_at) AS newest_sent_at,
    dateDiff('millisecond', newest_sent_at, now64(3, 'UTC')) AS age_ms,
    quantileExact(0.5)(dateDiff('millisecond', sent_at, stored_at)) AS delay_p50_ms,
    quantileExact(0.95)(dateDiff('millisecond', sent_at, stored_at)) AS delay_p95_ms
FROM pipeline_freshness
WHERE stored_at >= now64(3, 'UTC') - INTERVAL 15 MINUTE
GROUP BY topic, topic_partition;
