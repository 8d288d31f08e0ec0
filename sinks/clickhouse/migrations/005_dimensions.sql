-- Titles and profiles as of valid_from. What a tombstone has ended stays, with the
-- tombstone after it; the dictionaries (dictionaries.sql) have the newest version of what is still there.
CREATE TABLE IF NOT EXISTS title_versions
(
    title_id String,
    valid_from DateTime64(6, 'UTC'),
    name String,
    kind Enum8('movie' = 0, 'series' = 1, 'episode' = 2, 'preview' = 3),
    series_id String,
    season Nullable(Int64),
    episode Nullable(Int64),
    next_episode_id String,
    runtime_ms Nullable(Int64),
    genres Array(String),
    release_year Nullable(Int64),
    languages Array(String),
    topic_offset Int64 COMMENT 'Of two records with one valid_from the later one counts.',
    is_deleted Bool COMMENT 'A tombstone: what came before it, by topic_offset, is no longer.'
)
ENGINE = ReplacingMergeTree(topic_offset)
ORDER BY (title_id, valid_from)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS profile_versions
(
    profile_id String,
    valid_from DateTime64(6, 'UTC'),
    account_id String,
    kind Enum8('adult' = 0, 'kids' = 1),
    language LowCardinality(String),
    country LowCardinality(String),
    created_at Nullable(DateTime64(6, 'UTC')),
    topic_offset Int64 COMMENT 'Of two records with one valid_from the later one counts.',
    is_deleted Bool COMMENT 'A tombstone: what came before it, by topic_offset, is no longer.'
)
ENGINE = ReplacingMergeTree(topic_offset)
ORDER BY (profile_id, valid_from)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
