//! Hours of the tables that are made from `playback_events` by the minute.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::lease::{self, Lease};
use super::{HOLD, listed, partition_of, replace, stage};
use crate::store::mark;
use crate::{Client, Mark, QueryError};

/// How long inserts that are under way are waited for.
const IN_FLIGHT: Duration = Duration::from_secs(60);
/// How long the hold lasts at most.
const HOLD_TIME: Duration = Duration::from_mins(2);
/// How long is waited before it is looked again whether they are through.
const PAUSE: Duration = Duration::from_millis(50);

/// How many days back the tables by minute are held to `playback_events`: two less than that keeps what was received, and what is received
/// happened up to four days before.
const JUDGED_DAYS: i64 = 84;

/// A table by minute, and the view that feeds it.
struct ByMinute {
    table: &'static str,
    view: &'static str,
    /// Which events count in it.
    counted: &'static str,
}

const TABLES: [ByMinute; 2] = [
    ByMinute { table: "qos_minute", view: "qos_minute_from_events", counted: "effective_time >= received_time - INTERVAL 78 HOUR" },
    ByMinute {
        table: "concurrent_viewers_minute",
        view: "concurrent_viewers_minute_from_events",
        counted: "effective_time >= received_time - INTERVAL 78 HOUR AND type IN ('STARTUP', 'PLAY', 'HEARTBEAT')",
    },
];

/// What came of marked hours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MadeAgain {
    pub(super) hours: usize,
    pub(super) hours_right: usize,
}

/// Makes those of the hours again that are not what `playback_events` says, by their starts in seconds since 1970 UTC.
pub(super) fn recompute(client: &Client, lease: &Lease<'_>, owner: &str, hours: &BTreeSet<i64>) -> Result<MadeAgain, QueryError> {
    let mut made = MadeAgain::default();
    // Of what happened before, playback_events has no longer all, and the tables by minute have what stays.
    let since_s = client.rows(&format!("SELECT toInt64(toUnixTimestamp(toStartOfDay(now('UTC')))) - {JUDGED_DAYS} * 86400"))?;
    let since_s: i64 = since_s.into_iter().flatten().next().and_then(|time| time.parse().ok()).unwrap_or(i64::MAX);
    let hours = &hours.iter().copied().filter(|hour| *hour >= since_s).collect::<BTreeSet<i64>>();
    if hours.is_empty() {
        return Ok(made);
    }
    let mut wrong = Vec::new();
    for by_minute in &TABLES {
        let found = by_minute.wrong(client, hours)?;
        made.hours_right += hours.len() - found.len();
        if !found.is_empty() {
            wrong.push((by_minute, found));
        }
    }
    if wrong.is_empty() {
        return Ok(made);
    }
    let Some(hold) = lease::take(client, HOLD, owner, HOLD_TIME)? else {
        return Err(QueryError::NoAnswer("another holds back inserts".to_owned()));
    };
    let rebuilt = rebuild_held(client, &[lease, &hold], &wrong);
    let returned = hold.give_back();
    made.hours += rebuilt?;
    returned?;
    Ok(made)
}

/// Every hour of every table that is wrong, as far as `playback_events` keeps what it was made of.
pub(super) fn all_wrong(client: &Client) -> Result<Vec<(&'static str, i64)>, QueryError> {
    let mut all = Vec::new();
    for by_minute in &TABLES {
        let (of_events, of_minutes) =
            (format!("event_date >= toDate(now('UTC')) - {JUDGED_DAYS}"), format!("toDate(minute) >= toDate(now('UTC')) - {JUDGED_DAYS}"));
        let wrong = by_minute.wrong_where(client, &of_events, &of_minutes)?;
        all.extend(wrong.into_iter().map(|hour| (by_minute.table, hour)));
    }
    Ok(all)
}

/// Those of the tables and hours that are wrong now.
pub(super) fn still_wrong(client: &Client, wrong: &[(&'static str, i64)]) -> Result<Vec<(&'static str, i64)>, QueryError> {
    let mut still = Vec::new();
    for by_minute in &TABLES {
        let hours: BTreeSet<i64> = wrong.iter().filter(|(table, _)| *table == by_minute.table).map(|(_, hour)| *hour).collect();
        if !hours.is_empty() {
            still.extend(by_minute.wrong(client, &hours)?.into_iter().map(|hour| (by_minute.table, hour)));
        }
    }
    Ok(still)
}

fn rebuild_held(client: &Client, leases: &[&Lease<'_>], wrong: &[(&ByMinute, BTreeSet<i64>)]) -> Result<usize, QueryError> {
    wait_for_inserts(client)?;
    let mut rebuilt = 0;
    for (by_minute, hours) in wrong {
        // Some may have looked wrong only because a block was just on its way.
        let still: BTreeSet<i64> = by_minute.wrong(client, hours)?;
        if still.is_empty() {
            continue;
        }
        by_minute.rebuild(client, leases, &still)?;
        // One that had looked for the hold before it was there may have written minutes of these days that are replaced now, whichever hour they
        // are of; and its events may come only after them.
        wait_for_inserts(client)?;
        let of_days = still.iter().flat_map(|hour| (0..24).map(|of_day| (hour.div_euclid(86_400) * 24 + of_day) * 3_600)).collect();
        let unlike = by_minute.wrong(client, &of_days)?;
        let marks = unlike.difference(&still).map(|hour| Mark::Hour(hour * 1_000_000)).collect();
        mark(client, &marks)?;
        leases.iter().try_for_each(|lease| lease.keep())?;
        if !unlike.is_disjoint(&still) {
            // The marks stay, and it is done again.
            return Err(QueryError::NoAnswer(format!("{} was written to while it was rebuilt", by_minute.table)));
        }
        rebuilt += still.len();
    }
    Ok(rebuilt)
}

/// Waits until no insert is under way: those that come look for the hold first.
fn wait_for_inserts(client: &Client) -> Result<(), QueryError> {
    let started = Instant::now();
    loop {
        let inserting = client.query("SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO playback\\_events %'")?;
        if inserting.trim_ascii() == b"0" {
            return Ok(());
        }
        if started.elapsed() > IN_FLIGHT {
            return Err(QueryError::NoAnswer("inserts into playback_events do not come to an end".to_owned()));
        }
        std::thread::sleep(PAUSE);
    }
}

impl ByMinute {
    /// Those of the hours in which count or sum of hashes are not those of `playback_events`.
    fn wrong(&self, client: &Client, hours: &BTreeSet<i64>) -> Result<BTreeSet<i64>, QueryError> {
        let list = listed(hours.iter().copied());
        let days = listed(hours.iter().map(|hour| hour.div_euclid(86_400)).collect::<BTreeSet<i64>>().into_iter());
        let days = format!("IN (SELECT toDate(arrayJoin([{days}])))");
        self.wrong_where(client, &format!("event_date {days} AND hour IN ({list})"), &format!("toDate(minute) {days} AND hour IN ({list})"))
    }

    /// The same of what these conditions leave of the events and of the minutes.
    fn wrong_where(&self, client: &Client, of_events: &str, of_minutes: &str) -> Result<BTreeSet<i64>, QueryError> {
        let (table, counted) = (self.table, self.counted);
        let statement = format!(
            "SELECT hour FROM (\
               SELECT toInt64(toUnixTimestamp(toStartOfHour(toDateTime(effective_time, 'UTC')))) AS hour, toInt64(count()) AS events, \
                 sum(content_hash) AS hashes \
               FROM playback_events WHERE {of_events} AND {counted} GROUP BY hour \
               UNION ALL \
               SELECT toInt64(toUnixTimestamp(toStartOfHour(minute))) AS hour, -toInt64(sum(m.events)) AS events, bitNot(sum(m.hash_sum)) + 1 AS hashes \
               FROM {table} AS m WHERE {of_minutes} GROUP BY hour\
             ) GROUP BY hour HAVING sum(events) != 0 OR sum(hashes) != 0"
        );
        let rows = client.rows(&statement)?;
        Ok(rows.iter().filter_map(|row| row.first()?.parse().ok()).collect())
    }

    /// The other hours of the days are taken as they are; these are made by the view's own statement.
    fn rebuild(&self, client: &Client, leases: &[&Lease<'_>], hours: &BTreeSet<i64>) -> Result<(), QueryError> {
        let (table, view) = (self.table, self.view);
        let staging = stage(client, leases[0], table)?;
        let list = listed(hours.iter().copied());
        let days: BTreeSet<i64> = hours.iter().map(|hour| hour.div_euclid(86_400)).collect();
        let listed_days = listed(days.iter().copied());
        client.query(&format!(
            "INSERT INTO {staging} SELECT * FROM {table} WHERE toDate(minute) IN (SELECT toDate(arrayJoin([{listed_days}]))) \
             AND toUnixTimestamp(toStartOfHour(minute)) NOT IN ({list})"
        ))?;
        let select = client.rows(&format!(
            "SELECT replaceAll(as_select, '\\n', ' ') FROM system.tables WHERE database = currentDatabase() AND name = '{view}'"
        ))?;
        let select = select.into_iter().flatten().next().unwrap_or_default();
        let Some((before, after)) = select.rsplit_once(" WHERE ") else {
            return Err(QueryError::Refused { code: UNKNOWN_TABLE, message: format!("the view {view} is missing, or is not ours") });
        };
        client.query(&format!(
            "INSERT INTO {staging} {before} WHERE event_date IN (SELECT toDate(arrayJoin([{listed_days}]))) \
             AND toUnixTimestamp(toStartOfHour(toDateTime(effective_time, 'UTC'))) IN ({list}) AND {after}"
        ))?;
        replace(client, leases, table, &staging, days.iter().map(|day| partition_of(day * 86_400)))
    }
}

/// ClickHouse's own code for it.
const UNKNOWN_TABLE: u32 = 60;
