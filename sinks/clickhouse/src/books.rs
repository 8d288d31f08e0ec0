//! The books of the store: what an audit holds against the log.

use std::collections::BTreeMap;
use std::ops::Range;

use pipeline::TopicId;
use uuid::Uuid;

use crate::{Client, QueryError, recompute};

/// Rows of one topic's partition, by the offsets at which the sink read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: u32,
    /// The offsets.
    pub offsets: Range<i64>,
}

impl Place {
    fn condition(&self) -> String {
        let Self { topic_id, partition, offsets } = self;
        let id = Uuid::from_bytes(topic_id.0);
        let Range { start, end } = offsets;
        format!("topic_id = '{id}' AND topic_partition = {partition} AND topic_offset >= {start} AND topic_offset < {end}")
    }
}

/// How long a bucket of the books is, seconds of received_time.
pub const BUCKET_S: i64 = 300;

/// Rows of `playback_events` by bucket (its start, seconds since 1970 UTC): how many, and the sum of their hashes modulo 2^64.
///
/// # Errors
/// Where ClickHouse does not answer.
pub fn buckets(client: &Client, place: &Place) -> Result<BTreeMap<i64, (u64, u64)>, QueryError> {
    let statement = format!(
        "SELECT intDiv(toUnixTimestamp64Micro(received_time), {}) * {BUCKET_S} AS bucket, count(), sum(content_hash) FROM playback_events \
         WHERE {} GROUP BY bucket",
        BUCKET_S * 1_000_000,
        place.condition()
    );
    let rows = client.rows(&statement)?;
    let bucket = |row: &Vec<String>| match row.as_slice() {
        [start, count, sum] => Some((start.parse().ok()?, (count.parse().ok()?, sum.parse().ok()?))),
        _ => None,
    };
    rows.iter().map(|row| bucket(row).ok_or_else(unreadable)).collect()
}

/// Offset and hash of each row of a bucket, in rising order; one that stands twice is there twice.
///
/// # Errors
/// Where ClickHouse does not answer.
pub fn rows_of_bucket(client: &Client, place: &Place, bucket_s: i64) -> Result<Vec<(i64, u64)>, QueryError> {
    let statement = format!(
        "SELECT topic_offset, content_hash FROM playback_events WHERE {} AND toUnixTimestamp64Micro(received_time) >= {} \
         AND toUnixTimestamp64Micro(received_time) < {} ORDER BY topic_offset, content_hash",
        place.condition(),
        bucket_s * 1_000_000,
        (bucket_s + BUCKET_S) * 1_000_000
    );
    let rows = client.rows(&statement)?;
    let event = |row: &Vec<String>| match row.as_slice() {
        [offset, hash] => Some((offset.parse().ok()?, hash.parse().ok()?)),
        _ => None,
    };
    rows.iter().map(|row| event(row).ok_or_else(unreadable)).collect()
}

/// Sessions by the day on which they were opened (its start, seconds since 1970 UTC): how many, and the sum of their newest versions.
///
/// # Errors
/// Where ClickHouse does not answer.
pub fn sessions_by_day(client: &Client) -> Result<BTreeMap<i64, (u64, i64)>, QueryError> {
    let statement = "SELECT toInt64(opened_date) * 86400 AS day, count(), sum(version) FROM qos_sessions_current GROUP BY day";
    let rows = client.rows(statement)?;
    let day = |row: &Vec<String>| match row.as_slice() {
        [day, count, sum] => Some((day.parse().ok()?, (count.parse().ok()?, sum.parse().ok()?))),
        _ => None,
    };
    rows.iter().map(|row| day(row).ok_or_else(unreadable)).collect()
}

/// A session by its id and when it was opened (microseconds since 1970 UTC), and its newest version.
pub type SessionVersion = ((String, i64), i64);

/// The sessions that were opened on a day (its start, seconds since 1970 UTC), of `count` of them.
///
/// # Errors
/// Where ClickHouse does not answer.
pub fn sessions_of_day(client: &Client, day_s: i64, count: u64) -> Result<Vec<SessionVersion>, QueryError> {
    let day = day_s.div_euclid(86_400);
    // An answer holds so many.
    let shares = count / 50_000 + 1;
    let mut sessions = Vec::new();
    for share in 0..shares {
        let rows = client.rows(&format!(
            "SELECT session_id, toUnixTimestamp64Micro(opened_at), version FROM qos_sessions_current \
             WHERE opened_date = toDate({day}) AND cityHash64(session_id) % {shares} = {share}"
        ))?;
        let session = |row: Vec<String>| {
            let [id, opened_at, version] = <[String; 3]>::try_from(row).ok()?;
            Some(((id, opened_at.parse().ok()?), version.parse().ok()?))
        };
        let read: Option<Vec<SessionVersion>> = rows.into_iter().map(session).collect();
        sessions.extend(read.ok_or_else(unreadable)?);
    }
    Ok(sessions)
}

/// Days (their starts, seconds since 1970 UTC) of which `content_metrics_daily` is not what `qos_sessions_current` says; those aside that are
/// marked to be made again. What looks wrong may be about to be marked, and is looked at again, each time after `wait`.
///
/// # Errors
/// Where ClickHouse does not answer.
pub fn wrong_days(client: &Client, wait: impl FnMut()) -> Result<Vec<i64>, QueryError> {
    recompute::wrong_days(client, wait)
}

/// Hours (their starts, seconds since 1970 UTC) in which a table by minute is not what `playback_events` says, and the table; those aside that
/// are marked to be looked after. What looks wrong may be a block on its way, and is looked at again, each time after `wait`.
///
/// # Errors
/// Where ClickHouse does not answer.
pub fn wrong_hours(client: &Client, wait: impl FnMut()) -> Result<Vec<(&'static str, i64)>, QueryError> {
    recompute::wrong_hours(client, wait)
}

fn unreadable() -> QueryError {
    QueryError::NoAnswer("an answer that is none".to_owned())
}
