//! Days of `content_metrics_daily`, from the newest version of each session.

use std::collections::BTreeSet;

use pipeline::Shutdown;

use super::lease::Lease;
use super::{listed, partition_of, replace, stage};
use crate::{Client, QueryError};

const TABLE: &str = "content_metrics_daily";

/// Days that are made in one go: each is a partition, and is written for itself.
const AT_ONCE: usize = 200;

/// Makes days again, by their starts in seconds since 1970 UTC, and says how many: not all where a stop is asked for.
pub(super) fn recompute(client: &Client, lease: &Lease<'_>, days: &BTreeSet<i64>, shutdown: &Shutdown) -> Result<usize, QueryError> {
    let days: Vec<i64> = days.iter().copied().collect();
    let mut made = 0;
    for days in days.chunks(AT_ONCE) {
        if shutdown.is_requested() {
            break;
        }
        let staging = stage(client, lease, TABLE)?;
        client.query(&statement(&staging, days))?;
        replace(client, &[lease], TABLE, &staging, days.iter().map(|&day| partition_of(day)))?;
        made += days.len();
    }
    Ok(made)
}

/// Every day whose sessions, or the sums of what they watched and of how they stalled, are not those of the sessions.
pub(super) fn all_wrong(client: &Client) -> Result<BTreeSet<i64>, QueryError> {
    let rows = client.rows(&format!(
        "SELECT day FROM (\
           SELECT toInt64(d.day) * 86400 AS day, toInt64(sum(d.sessions)) AS sessions, toInt64(sum(d.watch_ms)) AS watch_ms, \
             toInt64(sum(d.media_ms)) AS media_ms, toInt64(sum(d.error_count)) AS errors \
           FROM {TABLE} AS d GROUP BY day \
           UNION ALL \
           SELECT toInt64(opened_date) * 86400 AS day, -toInt64(count()), -sum(playing_ms), -sum(s.media_ms), -sum(error_count) \
           FROM qos_sessions_current AS s GROUP BY day\
         ) GROUP BY day HAVING sum(sessions) != 0 OR sum(watch_ms) != 0 OR sum(media_ms) != 0 OR sum(errors) != 0"
    ))?;
    Ok(rows.iter().filter_map(|row| row.first()?.parse().ok()).collect())
}

/// A session is measured unless all that is known of it is a startup of exactly 0 ms, as of an import: a player that measures names itself, a
/// bitrate or a stall, and then 0 ms are what it measured.
fn statement(staging: &str, days: &[i64]) -> String {
    let days = listed(days.iter().map(|day| day.div_euclid(86_400)));
    format!(
        "INSERT INTO {staging} \
         WITH ifNull(startup_ms, 1) != 0 OR rebuffer_count > 0 OR avg_bitrate_bps IS NOT NULL OR player != '' AS is_measured, \
           outcome IN ('played', 'play_failure') AS is_view \
         SELECT opened_date AS day, country, device_type, cdn, title_id, \
           count() AS sessions, \
           countIf(is_view) AS views, \
           uniqCombined64StateIf(profile_id, is_view AND profile_id != '') AS viewers, \
           countIf(outcome = 'start_failure') AS start_failures, \
           countIf(outcome = 'exit_before_start') AS exits_before_start, \
           countIf(outcome = 'play_failure') AS play_failures, \
           countIf(ended_in_rebuffer) AS ended_in_rebuffer_sessions, \
           sum(playing_ms) AS watch_ms, \
           sum(media_ms) AS all_media_ms, \
           sumIf(least(media_ms, runtime), is_view AND runtime > 0) AS media_ms_of_known_runtime, \
           sumIf(runtime, is_view AND runtime > 0) AS runtime_ms, \
           countIf(is_measured) AS measured_sessions, \
           countIf(is_measured AND startup_ms IS NOT NULL) AS startups, \
           sumIf(ifNull(startup_ms, 0), is_measured) AS startup_ms_sum, \
           quantilesBFloat16StateIf(0.5, 0.95)(ifNull(startup_ms, 0), is_measured AND startup_ms IS NOT NULL) AS startup_ms_state, \
           sumIf(starting_ms, is_measured) AS all_starting_ms, \
           sumIf(starting_ms, is_measured AND startup_ms IS NOT NULL) AS starting_ms_of_startups, \
           sumIf(playing_ms, is_measured) AS measured_playing_ms, \
           sumIf(seeking_ms, is_measured) AS all_seeking_ms, \
           sumIf(seek_buffering_ms, is_measured) AS all_seek_buffering_ms, \
           sumIf(rebuffering_ms, is_measured) AS all_rebuffering_ms, \
           sumIf(ad_ms, is_measured) AS all_ad_ms, \
           sumIf(ad_rebuffering_ms, is_measured) AS all_ad_rebuffering_ms, \
           sumIf(rebuffer_count, is_measured) AS all_rebuffer_count, \
           sum(error_count) AS all_error_count, \
           sum(toUInt128(ifNull(avg_bitrate_bps, 0)) * toUInt128(media_ms)) AS bitrate_bps_media_ms, \
           sumIf(media_ms, avg_bitrate_bps IS NOT NULL) AS media_ms_of_known_bitrate \
         FROM qos_sessions_current \
         LEFT JOIN (SELECT title_id AS viewed_id, argMax(ifNull(runtime_ms, 0), (valid_from, topic_offset)) AS runtime FROM title_versions \
           WHERE NOT is_deleted GROUP BY viewed_id) AS viewed \
         ON viewed.viewed_id = if(episode_id = '', toString(title_id), toString(episode_id)) \
         WHERE opened_date IN (SELECT toDate(arrayJoin([{days}]))) \
         GROUP BY day, country, device_type, cdn, title_id"
    )
}
