-- Every version of a session's quality of service; the largest one counts, and is what qos_sessions_current shows. No materialized view hangs
-- on it: it would count a session once a version.
CREATE TABLE IF NOT EXISTS qos_sessions
(
    opened_date Date DEFAULT toDate(opened_at) COMMENT 'Day on which it was opened, UTC.',
    session_id String CODEC(ZSTD(1)),
    opened_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    version Int64 CODEC(T64, ZSTD(1)),
    event_count Int64 CODEC(T64, ZSTD(1)),
    final Bool,
    ended_by Enum8('end' = 0, 'error' = 1, 'timeout' = 2, 'cut' = 3, 'open' = 4),
    profile_id String CODEC(ZSTD(1)),
    account_id String CODEC(ZSTD(1)),
    title_id LowCardinality(String),
    episode_id LowCardinality(String),
    device_type LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    player LowCardinality(String),
    app_version LowCardinality(String),
    started_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    startup_ms Nullable(Int64) CODEC(T64, ZSTD(1)),
    starting_ms Int64 CODEC(T64, ZSTD(1)),
    playing_ms Int64 CODEC(T64, ZSTD(1)),
    paused_ms Int64 CODEC(T64, ZSTD(1)),
    seeking_ms Int64 CODEC(T64, ZSTD(1)),
    seek_buffering_ms Int64 CODEC(T64, ZSTD(1)),
    rebuffering_ms Int64 CODEC(T64, ZSTD(1)),
    ad_ms Int64 CODEC(T64, ZSTD(1)),
    ad_rebuffering_ms Int64 CODEC(T64, ZSTD(1)),
    background_ms Int64 CODEC(T64, ZSTD(1)),
    ended_ms Int64 CODEC(T64, ZSTD(1)),
    unknown_ms Int64 CODEC(T64, ZSTD(1)),
    media_ms Int64 CODEC(T64, ZSTD(1)),
    rebuffer_count Int64 CODEC(T64, ZSTD(1)),
    micro_stall_count Int64 CODEC(T64, ZSTD(1)),
    seek_count Int64 CODEC(T64, ZSTD(1)),
    pause_count Int64 CODEC(T64, ZSTD(1)),
    ad_count Int64 CODEC(T64, ZSTD(1)),
    error_count Int64 CODEC(T64, ZSTD(1)),
    bitrate_up_count Int64 CODEC(T64, ZSTD(1)),
    bitrate_down_count Int64 CODEC(T64, ZSTD(1)),
    avg_bitrate_bps Nullable(Int64) CODEC(T64, ZSTD(1)),
    min_bitrate_bps Nullable(Int64) CODEC(T64, ZSTD(1)),
    max_bitrate_bps Nullable(Int64) CODEC(T64, ZSTD(1)),
    startup_bitrate_bps Nullable(Int64) CODEC(T64, ZSTD(1)),
    cdn LowCardinality(String),
    outcome Nullable(Enum8('start_failure' = 0, 'exit_before_start' = 1, 'play_failure' = 2, 'played' = 3)),
    ended_in_rebuffer Bool,
    first_error_code LowCardinality(String),
    lost_events Int64 CODEC(T64, ZSTD(1)),
    anomalies Int64 CODEC(T64, ZSTD(1)),
    rebuffer_ratio_cta2066 Nullable(Float64) CODEC(ZSTD(1)),
    rebuffer_ratio_media3 Nullable(Float64) CODEC(ZSTD(1)),
    rebuffer_ratio_mux Nullable(Float64) CODEC(ZSTD(1)),
    connection_induced_rebuffer_ratio Nullable(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(opened_date)
ORDER BY (opened_date, session_id, opened_at)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- A session's versions are of one month: its partition is that of opened_at.
CREATE VIEW IF NOT EXISTS qos_sessions_current AS
SELECT * FROM qos_sessions FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
