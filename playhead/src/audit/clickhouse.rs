//! ClickHouse against the topics that it is filled from: every event once and with its hash, by five minutes of received_time; the newest version
//! of every session; and the tables by minute and by day against the events and sessions that they were made of.
//!
//! Judged is what lies before the sink's committed position: behind it is pending. What was received so long ago that ClickHouse does not keep
//! it is left out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pipeline::heartbeat;
use schemas::{CleanPlaybackEvent, QosSessionSummary};
use serde::Serialize;
use sink_clickhouse::Client;
use sink_clickhouse::books::{self, BUCKET_S, Place};

use super::passed_on::CLEAN;
use super::reading::{Reading, Values};
use super::report::{Fault, Findings};
use crate::topology::Stage;

const SUMMARIES: &str = "qos_session_summary";
/// What was received before may be gone: two days less than `playback_events` keeps it.
const KEPT_S: i64 = 88 * 86_400;
/// How long a block is on its way from the events to the tables by minute, generously.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const DAY_US: i64 = 86_400_000_000;

/// What ClickHouse holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ClickHouseReport {
    /// The database.
    pub(crate) database: String,
    /// Events that it must have.
    pub(crate) events: u64,
    /// Events that it has of them.
    pub(crate) stored: u64,
    /// Sessions that it must have.
    pub(crate) sessions: u64,
    /// Sessions with versions that it may have taken or not, which are pending: what it has of them is not judged.
    pub(crate) not_judged: u64,
    /// Records that it has not taken yet.
    pub(crate) pending: u64,
    /// What is wrong.
    pub(crate) findings: Findings,
}

/// See the module's documentation.
pub(super) fn audit(reading: &mut Reading, client: &Client) -> anyhow::Result<ClickHouseReport> {
    let mut report = ClickHouseReport { database: client.database().to_owned(), ..ClickHouseReport::default() };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed());
    let positions = reading.committed(Stage::ClickHouse.name(), CLEAN)?;
    for (partition, next_offset) in (0..).zip(positions) {
        let range = reading.view.range(CLEAN, partition);
        let judged = next_offset.unwrap_or(range.start).clamp(range.start, range.end);
        let place = Place { topic_id: reading.view.id(CLEAN), partition, offsets: range.start..judged };
        audit_events(reading, client, &place, now_s - KEPT_S, &mut report)?;
    }
    audit_sessions(reading, client, &mut report)?;
    for (table, hour_s) in books::wrong_hours(client, || std::thread::sleep(LOOK_AGAIN))? {
        let hour = serving::rfc3339(hour_s * 1_000_000);
        report.findings.add(Fault::Different, format!("{table} {hour}"), "the hour is not what playback_events says");
    }
    for day_s in books::wrong_days(client, || std::thread::sleep(LOOK_AGAIN))? {
        let day = serving::rfc3339(day_s * 1_000_000);
        report.findings.add(
            Fault::Different,
            format!("content_metrics_daily {}", &day[..10]),
            "the day is not what qos_sessions_current says",
        );
    }
    Ok(report)
}

/// One event: its offset and its hash.
type Event = (i64, u64);

fn audit_events(
    reading: &mut Reading,
    client: &Client,
    place: &Place,
    kept_since_s: i64,
    report: &mut ClickHouseReport,
) -> anyhow::Result<()> {
    let mut values = Values::of::<CleanPlaybackEvent<'static>>(&reading.schemas);
    let mut expected: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
    let mut pending = 0;
    reading.partition(CLEAN, place.partition, &mut |record| {
        if heartbeat::is_heartbeat(record) {
            return Ok(());
        }
        if record.offset >= place.offsets.end {
            pending += 1;
            return Ok(());
        }
        // What is no event is told of where the books are kept.
        if let Ok(CleanPlaybackEvent { prefix, event }) = values.decode::<CleanPlaybackEvent<'_>>(record.value)? {
            let bucket_s = event.received_time.div_euclid(BUCKET_S * 1_000_000) * BUCKET_S;
            if bucket_s >= kept_since_s {
                expected.entry(bucket_s).or_default().push((record.offset, prefix.content_hash));
            }
        }
        Ok(())
    })?;
    report.pending += pending;
    let mut stored = books::buckets(client, place)?;
    stored.retain(|bucket_s, _| *bucket_s >= kept_since_s);
    report.events += expected.values().map(|events| events.len() as u64).sum::<u64>();
    report.stored += stored.values().map(|(count, _)| count).sum::<u64>();
    let buckets: Vec<i64> = expected.keys().chain(stored.keys().filter(|bucket| !expected.contains_key(bucket))).copied().collect();
    for bucket_s in buckets {
        let events = expected.get(&bucket_s).map_or(&[][..], Vec::as_slice);
        let sums = events.iter().fold((0_u64, 0_u64), |(count, sum), (_, hash)| (count + 1, sum.wrapping_add(*hash)));
        if stored.get(&bucket_s).copied().unwrap_or_default() != sums {
            let rows = books::rows_of_bucket(client, place, bucket_s)?;
            name_differences(place.partition, events, &rows, &mut report.findings);
        }
    }
    Ok(())
}

/// Both by rising offset.
fn name_differences(partition: u32, events: &[Event], rows: &[Event], findings: &mut Findings) {
    let place = |offset: i64| format!("ClickHouse's playback_events, {CLEAN}-{partition} offset {offset}");
    for (offset, hash) in events {
        match rows.iter().filter(|(row, _)| row == offset).collect::<Vec<_>>().as_slice() {
            [] => findings.add_with(Fault::Missing, || (place(*offset), "there is no such row".to_owned())),
            [(_, found)] if found == hash => {}
            [_] => findings.add_with(Fault::Altered, || (place(*offset), "it states another content hash than the topic".to_owned())),
            more => findings.add_with(Fault::Doubled, || (place(*offset), format!("it is there {} times", more.len()))),
        }
    }
    for (offset, _) in rows.iter().filter(|(offset, _)| events.binary_search_by_key(offset, |event| event.0).is_err()) {
        findings.add_with(Fault::NeverSent, || (place(*offset), "the topic has no such event".to_owned()));
    }
}

/// A session by its id and when it was opened, microseconds since 1970 UTC.
type Session = (String, i64);

fn audit_sessions(reading: &mut Reading, client: &Client, report: &mut ClickHouseReport) -> anyhow::Result<()> {
    let positions = reading.committed(Stage::ClickHouse.name(), SUMMARIES)?;
    let mut values = Values::of::<QosSessionSummary<'static>>(&reading.schemas);
    // Newest versions before the position, and whether there is one behind it, which ClickHouse may have by now.
    let mut newest: BTreeMap<Session, (i64, bool)> = BTreeMap::new();
    let (mut pending, mut has_expired) = (0, false);
    for (partition, next_offset) in (0..).zip(positions) {
        let range: Range<i64> = reading.view.range(SUMMARIES, partition);
        let judged = next_offset.unwrap_or(range.start);
        has_expired |= range.start > 0;
        reading.partition(SUMMARIES, partition, &mut |record| {
            if heartbeat::is_heartbeat(record) {
                return Ok(());
            }
            let is_pending = record.offset >= judged;
            pending += u64::from(is_pending);
            if let Ok(summary) = values.decode::<QosSessionSummary<'_>>(record.value)? {
                let (version, moves) = newest.entry((summary.session_id.to_owned(), summary.opened_at)).or_default();
                *moves |= is_pending;
                *version = summary.version.max(*version);
            }
            Ok(())
        })?;
    }
    report.pending += pending;
    report.not_judged = newest.values().filter(|(_, moves)| *moves).count() as u64;
    report.sessions = newest.len() as u64 - report.not_judged;
    let mut days: BTreeMap<i64, BTreeMap<&Session, (i64, bool)>> = BTreeMap::new();
    for (session, version) in &newest {
        days.entry(session.1.div_euclid(DAY_US) * (DAY_US / 1_000_000)).or_default().insert(session, *version);
    }
    let stored = books::sessions_by_day(client)?;
    let all: Vec<i64> = days.keys().chain(stored.keys().filter(|day| !days.contains_key(day))).copied().collect();
    for day_s in all {
        let expected = days.remove(&day_s).unwrap_or_default();
        let is = stored.get(&day_s).copied().unwrap_or_default();
        let sums = expected.values().fold((0_u64, 0_i64), |(count, sum), (version, _)| (count + 1, sum.wrapping_add(*version)));
        // Of a day that nothing is on its way to the sums tell; else each session does.
        if is != sums {
            let found = books::sessions_of_day(client, day_s, is.0)?;
            name_sessions(&expected, found, has_expired, &mut report.findings);
        }
    }
    Ok(())
}

/// What the log has held once and holds no longer may stand in ClickHouse as a session that it does not know, or as a newer version.
fn name_sessions(
    expected: &BTreeMap<&Session, (i64, bool)>,
    found: Vec<books::SessionVersion>,
    has_expired: bool,
    findings: &mut Findings,
) {
    let found: BTreeMap<Session, i64> = found.into_iter().collect();
    let place = |(id, opened_at): &Session| format!("ClickHouse's qos_sessions_current, {id} opened at {}", serving::rfc3339(*opened_at));
    for (session, (must, _)) in expected.iter().filter(|(_, (_, moves))| !moves) {
        match found.get(*session) {
            None => findings.add_with(Fault::Missing, || (place(session), "there is no such session".to_owned())),
            Some(is) if is == must || (is > must && has_expired) => {}
            Some(is) => findings.add_with(Fault::Different, || (place(session), format!("version {is}, must be {must}"))),
        }
    }
    for session in found.keys().filter(|session| !has_expired && !expected.contains_key(session)) {
        findings.add_with(Fault::NeverSent, || (place(session), "the topic has no such session".to_owned()));
    }
}
