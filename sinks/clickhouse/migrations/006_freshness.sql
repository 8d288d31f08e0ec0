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

-- A partition that stands still grows older until its heartbeats go, and is not left out: the age is that of the newest of all, the delays are
-- those of the last 15 minutes.
CREATE VIEW IF NOT EXISTS freshness AS
SELECT
    topic,
    topic_partition,
    max(sent_at) AS newest_sent_at,
    dateDiff('millisecond', newest_sent_at, now64(3, 'UTC')) AS age_ms,
    quantileExactIf(0.5)(dateDiff('millisecond', sent_at, stored_at), stored_at >= now64(3, 'UTC') - INTERVAL 15 MINUTE) AS delay_p50_ms,
    quantileExactIf(0.95)(dateDiff('millisecond', sent_at, stored_at), stored_at >= now64(3, 'UTC') - INTERVAL 15 MINUTE) AS delay_p95_ms
FROM pipeline_freshness
GROUP BY topic, topic_partition;
