-- Every distinct event, once. An unknown text is ''; an unknown number is null.
--
-- topic_* say where the sink read the row: what an insert must have brought can be read back. source_* say where the event came from: the
-- books (bucket = source topic, partition, 5 min of received_time; count and sum of content_hash) are kept by them.
CREATE TABLE IF NOT EXISTS playback_events
(
    event_date Date DEFAULT toDate(effective_time) COMMENT 'Day on which it happened, UTC.',
    received_date Date DEFAULT toDate(received_time) COMMENT 'Day on which it was received, UTC.',
    title_id LowCardinality(String),
    session_id String CODEC(ZSTD(1)),
    effective_time DateTime64(6, 'UTC') COMMENT 'When it happened.' CODEC(Delta, ZSTD(1)),
    event_time DateTime64(6, 'UTC') COMMENT 'The client''s clock, as sent.' CODEC(Delta, ZSTD(1)),
    received_time DateTime64(6, 'UTC') COMMENT 'The gateway''s clock.' CODEC(Delta, ZSTD(1)),
    clock_shift_ms Nullable(Int64) CODEC(T64, ZSTD(1)),
    type Enum8('SESSION_START' = 0, 'STARTUP' = 1, 'PLAY' = 2, 'PAUSE' = 3, 'SEEK_START' = 4, 'SEEK_END' = 5, 'BUFFERING_START' = 6, 'BUFFERING_END' = 7, 'BITRATE_CHANGE' = 8, 'RATE_CHANGE' = 9, 'AD_START' = 10, 'AD_END' = 11, 'BACKGROUND' = 12, 'FOREGROUND' = 13, 'HEARTBEAT' = 14, 'ERROR' = 15, 'END' = 16, 'UNKNOWN' = 17),
    late Bool,
    event_id UUID CODEC(LZ4),
    sequence Nullable(Int64) CODEC(T64, ZSTD(1)),
    profile_id String CODEC(ZSTD(1)),
    account_id String CODEC(ZSTD(1)),
    episode_id LowCardinality(String),
    position_ms Nullable(Int64) CODEC(T64, ZSTD(1)),
    runtime_ms Nullable(Int64) CODEC(T64, ZSTD(1)),
    duration_ms Nullable(Int64) CODEC(T64, ZSTD(1)),
    bitrate_bps Nullable(Int64) CODEC(T64, ZSTD(1)),
    playback_rate Nullable(Float32) CODEC(ZSTD(1)),
    error_code LowCardinality(String),
    error_fatal Nullable(Bool),
    preview Nullable(Bool),
    device_id String CODEC(ZSTD(1)),
    device_type LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    cdn LowCardinality(String),
    player LowCardinality(String),
    app_version LowCardinality(String),
    attributes Map(String, String),
    content_hash UInt64 COMMENT 'xxh3-64 of the raw Avro body.' CODEC(NONE),
    source_topic_id UUID CODEC(LZ4),
    source_partition UInt32 CODEC(LZ4),
    source_offset Int64 CODEC(Delta, ZSTD(1)),
    topic_id UUID CODEC(LZ4),
    topic_partition UInt32 CODEC(LZ4),
    topic_offset Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_date)
ORDER BY (event_date, title_id, session_id, effective_time)
TTL received_date + INTERVAL 90 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
