//! What is made from other tables is made again where it was marked.
//!
//! A **day** of `content_metrics_daily` is marked with every block of sessions that touches it, and made from the newest versions. An **hour**
//! of the tables by minute is marked where a block may have reached them twice or not at all; it is made again only where count and sum of
//! hashes show that it has. Both go into a staging table, and from there in one step into the place of the old ones. A mark is gone once what
//! it stands for has been read after it was read: marks that come meanwhile stay.
//!
//! One owner at a time, by a lease ([`lease`]). Nothing may be written to `playback_events` while an hour is made again: sinks look for the
//! hold before each insert, what is under way is waited for, and at the end counts and hashes of all hours that were put in place are compared
//! again: those that differ are marked.

mod days;
mod hours;
mod lease;

use std::collections::BTreeSet;
use std::time::Duration;

use lease::Lease;
use pipeline::Shutdown;

use crate::{Client, QueryError};

/// How long a lease lasts without being renewed.
const LEASE: Duration = Duration::from_mins(5);
/// What only one may do at a time.
const OWNER: &str = "recompute_lease";
/// While it is there nothing is written to `playback_events`.
const HOLD: &str = "recompute_hold";
/// How often what looks wrong is looked at again.
const LOOKS: usize = 2;
/// Marks that are taken at a time.
const MARKS: usize = 10_000;

/// What a run made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    /// Days of `content_metrics_daily`.
    pub days: usize,
    /// Hours that were marked, and were as they must be.
    pub hours_right: usize,
    /// Hours of a table by minute that were made again.
    pub hours: usize,
    /// Marks that were taken away.
    pub marks: usize,
}

/// Makes again what is marked.
#[derive(Clone, Debug)]
pub struct Recomputer {
    client: Client,
    name: String,
}

/// A mark as it was read.
struct Marked {
    id: String,
    is_day: bool,
    /// Seconds since 1970 UTC.
    start_s: i64,
    /// When it was made, seconds since 1970 UTC.
    marked_s: i64,
}

impl Recomputer {
    /// `name` tells who holds the lease: the same after a restart, and another in each process.
    #[must_use]
    pub fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.to_owned() }
    }

    /// Makes again what is marked now; what is marked meanwhile waits for the next run, and the rest does where a stop is asked for. None where
    /// another is at it.
    ///
    /// # Errors
    /// Where ClickHouse does not do it: the marks are still there.
    pub fn run(&self, shutdown: &Shutdown) -> Result<Option<Recomputed>, QueryError> {
        // Of a run that was killed: what it was at may be done, but inserts still wait.
        lease::clear(&self.client, HOLD, &self.name)?;
        if self.marks()?.is_empty() {
            return Ok(Some(Recomputed::default()));
        }
        let Some(lease) = lease::take(&self.client, OWNER, &self.name, LEASE)? else { return Ok(None) };
        let recomputed = self.run_owned(&lease, shutdown);
        // Where it can't be given back it ends by itself.
        let returned = lease.give_back();
        let recomputed = recomputed?;
        returned?;
        Ok(Some(recomputed))
    }

    fn run_owned(&self, lease: &Lease<'_>, shutdown: &Shutdown) -> Result<Recomputed, QueryError> {
        let mut recomputed = Recomputed::default();
        while !shutdown.is_requested() {
            // Read under the lease: what the owner before has done is not done again.
            let marks = self.marks()?;
            let starts = |is_day| marks.iter().filter(|mark| mark.is_day == is_day).map(|mark| mark.start_s).collect::<BTreeSet<i64>>();
            let (days, hours) = (starts(true), starts(false));
            let is_all = marks.len() < MARKS;
            let (of_days, of_hours): (Vec<Marked>, Vec<Marked>) = marks.into_iter().partition(|mark| mark.is_day);
            // Neither hangs on the other: what can't be made of one is no reason to leave the other.
            let made_again = hours::recompute(&self.client, lease, &self.name, &hours);
            if let Ok(made_again) = made_again {
                recomputed.hours += made_again.hours;
                recomputed.hours_right += made_again.hours_right;
                self.take_away(&of_hours)?;
                recomputed.marks += of_hours.len();
            }
            let days_made = days::recompute(&self.client, lease, &days, shutdown)?;
            recomputed.days += days_made;
            let is_whole = days_made == days.len();
            if is_whole {
                self.take_away(&of_days)?;
                recomputed.marks += of_days.len();
            }
            made_again?;
            if is_all || !is_whole {
                break;
            }
        }
        self.forget_done()?;
        Ok(recomputed)
    }

    fn marks(&self) -> Result<Vec<Marked>, QueryError> {
        let statement = format!(
            "SELECT id, unit = 'day', toInt64(toUnixTimestamp(starts_at)), toInt64(toUnixTimestamp(marked_at)) FROM recompute_pending FINAL WHERE is_done = 0 LIMIT {MARKS}"
        );
        let rows = self.client.rows(&statement)?;
        let mark = |row: Vec<String>| {
            let [id, is_day, start_s, marked_s] = <[String; 4]>::try_from(row).ok()?;
            Some(Marked { id, is_day: is_day == "1", start_s: start_s.parse().ok()?, marked_s: marked_s.parse().ok()? })
        };
        Ok(rows.into_iter().filter_map(mark).collect())
    }

    /// Nothing is deleted, so nothing that came meanwhile can go with it: a later line says that the mark is done.
    fn take_away(&self, marks: &[Marked]) -> Result<(), QueryError> {
        if marks.is_empty() {
            return Ok(());
        }
        let line = |mark: &Marked| {
            let unit = if mark.is_day { "day" } else { "hour" };
            format!("('{}', '{unit}', {}, 1, {})", mark.id, mark.start_s, mark.marked_s)
        };
        let lines: Vec<String> = marks.iter().map(line).collect();
        let lines = lines.join(", ");
        self.client.query(&format!("INSERT INTO recompute_pending (id, unit, starts_at, is_done, marked_at) VALUES {lines}")).map(drop)
    }

    /// Drops the days of marks of which each is done. A mark and what says that it is done lie in the partition of the day on which it was made,
    /// so neither outlives the other; and none comes into a day before yesterday.
    fn forget_done(&self) -> Result<(), QueryError> {
        let days = self.client.rows(
            "SELECT toYYYYMMDD(marked_at) AS day FROM recompute_pending FINAL WHERE marked_at < toStartOfDay(now('UTC')) - INTERVAL 1 DAY \
             GROUP BY day HAVING min(is_done) = 1",
        )?;
        for day in days.iter().flatten() {
            self.client.query(&format!("ALTER TABLE recompute_pending DROP PARTITION {day}"))?;
        }
        Ok(())
    }
}

/// Whether nothing may be written to `playback_events`.
pub(crate) fn is_held(client: &Client) -> Result<bool, QueryError> {
    Ok(lease::holder(client, HOLD)?.is_some())
}

/// Tables by minute and hours, by their starts in seconds since 1970 UTC, that are not what `playback_events` says and are not marked. Events and
/// minutes of a block do not appear at one moment, so what is wrong is looked at again after `wait`, and only what stays wrong is told.
pub(crate) fn wrong_hours(client: &Client, mut wait: impl FnMut()) -> Result<Vec<(&'static str, i64)>, QueryError> {
    let mut wrong = hours::all_wrong(client)?;
    for _ in 0..LOOKS {
        if !wrong.is_empty() {
            wait();
            wrong = hours::still_wrong(client, &wrong)?;
        }
    }
    let marked = marked(client, "hour")?;
    Ok(wrong.into_iter().filter(|(_, hour)| !marked.contains(hour)).collect())
}

/// Days, by their starts in seconds since 1970 UTC, of which `content_metrics_daily` is not what the sessions say and that are not marked. A day
/// is marked once its sessions are there, so one that looks wrong is looked at again after `wait`.
pub(crate) fn wrong_days(client: &Client, mut wait: impl FnMut()) -> Result<Vec<i64>, QueryError> {
    let look = || {
        let wrong = days::all_wrong(client)?;
        let marked = marked(client, "day")?;
        Ok(wrong.into_iter().filter(|day| !marked.contains(day)).collect::<BTreeSet<i64>>())
    };
    let mut wrong = look()?;
    for _ in 0..LOOKS {
        if !wrong.is_empty() {
            wait();
            let again = look()?;
            wrong.retain(|day| again.contains(day));
        }
    }
    Ok(wrong.into_iter().collect())
}

/// What is marked of a unit, by starts in seconds since 1970 UTC.
fn marked(client: &Client, unit: &str) -> Result<BTreeSet<i64>, QueryError> {
    let marked = client
        .rows(&format!("SELECT toInt64(toUnixTimestamp(starts_at)) FROM recompute_pending FINAL WHERE is_done = 0 AND unit = '{unit}'"))?;
    Ok(marked.into_iter().flatten().filter_map(|start| start.parse().ok()).collect())
}

/// Makes a staging table of the lease's own. Those of owners before are dropped, so that one that goes on without knowing that it is none any
/// more has nothing to put in place.
fn stage(client: &Client, lease: &Lease<'_>, table: &str) -> Result<String, QueryError> {
    let left = client
        .rows(&format!("SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '{table}_staging')"))?;
    lease.keep()?;
    for name in left.iter().flatten() {
        client.query(&format!("DROP TABLE IF EXISTS {name} SYNC"))?;
    }
    let staging = format!("{table}_staging_{}", lease.id());
    client.query(&format!("CREATE TABLE {staging} AS {table}"))?;
    Ok(staging)
}

/// Puts days of a staging table into the place of those of the table, unless one of the leases has been lost meanwhile. A day is `YYYYMMDD`.
fn replace(
    client: &Client,
    leases: &[&Lease<'_>],
    table: &str,
    staging: &str,
    days: impl Iterator<Item = String>,
) -> Result<(), QueryError> {
    let made = client.rows(&format!(
        "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = '{staging}' AND active"
    ))?;
    let made: BTreeSet<String> = made.into_iter().flatten().collect();
    for day in days {
        leases.iter().try_for_each(|lease| lease.keep())?;
        if made.contains(&day) {
            client.query(&format!("ALTER TABLE {table} REPLACE PARTITION {day} FROM {staging}"))?;
        } else {
            client.query(&format!("ALTER TABLE {table} DROP PARTITION {day}"))?;
        }
    }
    client.query(&format!("DROP TABLE {staging} SYNC")).map(drop)
}

/// `YYYYMMDD` of a time in seconds since 1970 UTC (proleptic Gregorian calendar; Howard Hinnant's days_from_civil, the other way round).
fn partition_of(time_s: i64) -> String {
    let days = time_s.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}

/// Numbers, with commas between.
pub(crate) fn listed(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::partition_of;

    #[test]
    fn days_of_the_calendar() {
        let cases = [
            (0, "19700101"),
            (951_782_400, "20000229"),
            (1_767_225_600, "20260101"),
            (1_767_225_599, "20251231"),
            (4_107_542_399, "21000228"),
        ];
        for (time_s, day) in cases {
            assert_eq!(partition_of(time_s), day);
        }
    }
}
