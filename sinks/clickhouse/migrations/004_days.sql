-- Sums over the newest version of each session, by the day on which it was opened: ratios are ratios of sums. Recomputed for each touched day.
CREATE TABLE IF NOT EXISTS content_metrics_daily
(
    day Date,
    country LowCardinality(String),
    device_type LowCardinality(String),
    cdn LowCardinality(String),
    title_id LowCardinality(String),
    sessions UInt64,
    views UInt64 COMMENT 'Sessions that started to play.',
    viewers AggregateFunction(uniqCombined64, String) COMMENT 'Their profiles.',
    start_failures UInt64 COMMENT 'Fatal error before the first frame (VSF).',
    exits_before_start UInt64 COMMENT 'Left before the first frame (EBVS).',
    play_failures UInt64 COMMENT 'Fatal error after the first frame (VPF).',
    ended_in_rebuffer UInt64,
    watch_ms UInt64 COMMENT 'Time playing.',
    media_ms UInt64 COMMENT 'Media played.',
    media_ms_of_known_runtime UInt64 COMMENT 'Media played of titles whose runtime the catalogue knows, at most that runtime a view.',
    runtime_ms UInt64 COMMENT 'Runtime of what was viewed, where the catalogue knows it: completion = media_ms_of_known_runtime / runtime_ms.',
    measured_sessions UInt64 COMMENT 'Sessions whose player measured anything. An import is none, of which nothing is known but a startup of 0 ms: it counts in nothing below.',
    startups UInt64 COMMENT 'Sessions with a startup time.',
    startup_ms_sum UInt64,
    startup_ms AggregateFunction(quantilesBFloat16(0.5, 0.95), Int64) COMMENT 'Their quantiles, at most 0.8% low.',
    starting_ms UInt64,
    starting_ms_of_startups UInt64 COMMENT 'starting_ms of sessions with a startup time: what media3 counts.',
    playing_ms UInt64,
    seeking_ms UInt64,
    seek_buffering_ms UInt64,
    rebuffering_ms UInt64,
    ad_ms UInt64,
    ad_rebuffering_ms UInt64,
    rebuffer_count UInt64,
    error_count UInt64,
    bitrate_bps_media_ms UInt128 COMMENT 'avg_bitrate_bps x media_ms, where the bitrate is known: an approximation, as media_ms is also what was played while no bitrate was known.',
    media_ms_of_known_bitrate UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(day)
ORDER BY (day, country, device_type, cdn, title_id)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What has to be made again: days of content_metrics_daily that sessions were written to, and hours of the tables by minute whose blocks may
-- have come twice or not at all. Each mark has an id of its own; it is gone once a line with is_done says so.
-- Both lie in the partition of the day on which it was made, which is dropped once all its marks are done.
CREATE TABLE IF NOT EXISTS recompute_pending
(
    id UUID,
    unit Enum8('day' = 0, 'hour' = 1),
    starts_at DateTime('UTC') COMMENT 'Start of the day or hour.',
    is_done UInt8,
    marked_at DateTime('UTC') DEFAULT now('UTC') COMMENT 'When the mark was made, in both lines.'
)
ENGINE = ReplacingMergeTree(is_done)
PARTITION BY toYYYYMMDD(marked_at)
ORDER BY id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;
