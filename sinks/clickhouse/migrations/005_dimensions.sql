-- Titles and profiles as of valid_from; the newest version of each is in the dictionary of that name.
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
    topic_offset Int64 COMMENT 'Of two records with one valid_from the later one counts.'
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
    topic_offset Int64 COMMENT 'Of two records with one valid_from the later one counts.'
)
ENGINE = ReplacingMergeTree(topic_offset)
ORDER BY (profile_id, valid_from)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE DICTIONARY IF NOT EXISTS titles
(
    title_id String,
    name String,
    kind String,
    series_id String,
    season Int64 DEFAULT 0,
    episode Int64 DEFAULT 0,
    runtime_ms Int64 DEFAULT 0,
    release_year Int64 DEFAULT 0
)
PRIMARY KEY title_id
SOURCE(CLICKHOUSE(QUERY 'SELECT title_id, name, toString(kind), series_id, ifNull(season, 0), ifNull(episode, 0), ifNull(runtime_ms, 0), ifNull(release_year, 0) FROM {database}.title_versions FINAL ORDER BY title_id, valid_from DESC LIMIT 1 BY title_id' USER '{user}' PASSWORD '{password}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 30 MAX 90);

CREATE DICTIONARY IF NOT EXISTS profiles
(
    profile_id String,
    account_id String,
    kind String,
    language String,
    country String
)
PRIMARY KEY profile_id
SOURCE(CLICKHOUSE(QUERY 'SELECT profile_id, account_id, toString(kind), language, country FROM {database}.profile_versions FINAL ORDER BY profile_id, valid_from DESC LIMIT 1 BY profile_id' USER '{user}' PASSWORD '{password}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 30 MAX 90);
