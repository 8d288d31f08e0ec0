-- Titles and profiles as they are now, for people who look things up by their names; nothing is derived by them. Made again by each `migrate`:
-- they hold the user and password by which a server reads its own tables, which change. {credentials} is empty where the server has no such user.
CREATE OR REPLACE DICTIONARY titles
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
SOURCE(CLICKHOUSE(QUERY 'SELECT title_id, name, toString(kind), series_id, ifNull(season, 0), ifNull(episode, 0), ifNull(runtime_ms, 0), ifNull(release_year, 0) FROM (SELECT *, maxIf(topic_offset + 1, is_deleted) OVER (PARTITION BY title_id) AS since_offset FROM {database}.title_versions FINAL) WHERE NOT is_deleted AND topic_offset >= since_offset ORDER BY title_id, valid_from DESC LIMIT 1 BY title_id'{credentials}))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 30 MAX 90);

CREATE OR REPLACE DICTIONARY profiles
(
    profile_id String,
    account_id String,
    kind String,
    language String,
    country String
)
PRIMARY KEY profile_id
SOURCE(CLICKHOUSE(QUERY 'SELECT profile_id, account_id, toString(kind), language, country FROM (SELECT *, maxIf(topic_offset + 1, is_deleted) OVER (PARTITION BY profile_id) AS since_offset FROM {database}.profile_versions FINAL) WHERE NOT is_deleted AND topic_offset >= since_offset ORDER BY profile_id, valid_from DESC LIMIT 1 BY profile_id'{credentials}))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 30 MAX 90);
