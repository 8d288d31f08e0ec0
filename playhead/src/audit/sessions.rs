//! Sessions: the newest version of each row (session_id, opened_at) in its topic is the row of the store, in every column.

use std::collections::{BTreeMap, BTreeSet};

use pipeline::heartbeat;
use schemas::{PlaybackSession, clean};
use serving::{HistoryKind, history_kind, rfc3339};
use sink_local::{INPUTS, LocalStore, SessionTable, StoredVersion};

use super::StorePositions;
use super::columns;
use super::reading::{Reading, Values};
use super::report::{Fault, Findings, STORE, SessionsReport};
use super::rows::{Identifier, RowKey, TABLES};
use super::versions::{self, Versions};

/// One version of a row, as a topic tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    version: i64,
    hash: u64,
    partition: u32,
    offset: i64,
    /// Whether the store has taken it.
    is_taken: bool,
}

/// Every version of every row.
type Rows = BTreeMap<RowKey, Vec<Told>>;

/// Holds both topics against each other and, where there is a store, its tables against them and the histories against the sessions.
pub(super) fn audit(reading: &mut Reading, positions: &StorePositions) -> anyhow::Result<Vec<SessionsReport>> {
    let (mut reports, mut versions) = (Vec::new(), Vec::new());
    for table in 0..TABLES.len() {
        let (report, of_table) = audit_table(reading, positions, table)?;
        reports.push(report);
        versions.push(of_table);
    }
    versions::audit(reading, &versions, &mut reports)?;
    Ok(reports)
}

fn audit_table(reading: &mut Reading, positions: &StorePositions, table: usize) -> anyhow::Result<(SessionsReport, Vec<Versions>)> {
    let mut report = SessionsReport { topic: INPUTS[table], ..SessionsReport::default() };
    let (rows, versions) = read_topic(reading, positions, table, &mut report)?;
    let mut newest = BTreeMap::new();
    for (key, versions) in rows {
        check_versions(report.topic, &key, &versions, &mut report.findings);
        if let Some(told) = newest_taken(&versions) {
            newest.insert(key, told);
        }
    }
    report.rows = newest.len() as u64;
    if let Some(store) = reading.store.clone() {
        compare_with_store(reading, &store, TABLES[table], newest, &mut report)?;
        if TABLES[table] == SessionTable::Sessions {
            check_history(reading, &store, &mut report.findings)?;
        }
    }
    Ok((report, versions))
}

/// Every version of every row, and the versions of each partition.
fn read_topic(
    reading: &mut Reading,
    positions: &StorePositions,
    table: usize,
    report: &mut SessionsReport,
) -> anyhow::Result<(Rows, Vec<Versions>)> {
    let topic = INPUTS[table];
    let mut identifier = Identifier::new(reading, table);
    let mut rows = Rows::new();
    let mut all_versions = Vec::new();
    for partition in 0..reading.view.partitions(topic) {
        let taken = positions.of(table, partition);
        let mut versions = Versions::of_partition(reading, partition)?;
        reading.partition(topic, partition, &mut |record| {
            if heartbeat::is_heartbeat(record) {
                return Ok(());
            }
            report.versions += 1;
            report.pending += u64::from(record.offset >= taken);
            match identifier.identify(record)? {
                Ok((key, version)) => {
                    versions.add(record.timestamp_ms, &key, version);
                    let hash = clean::content_hash(record.value.unwrap_or_default());
                    let told = Told { version, hash, partition, offset: record.offset, is_taken: record.offset < taken };
                    rows.entry(key).or_default().push(told);
                }
                Err(problem) => report.findings.add(Fault::Unreadable, format!("{topic}-{partition} offset {}", record.offset), problem),
            }
            Ok(())
        })?;
        all_versions.push(versions);
    }
    Ok((rows, all_versions))
}

/// Equal versions of a row must say the same.
fn check_versions(topic: &str, (session_id, opened_at): &RowKey, versions: &[Told], findings: &mut Findings) {
    let mut by_version: BTreeMap<i64, Told> = BTreeMap::new();
    for told in versions {
        let first = by_version.entry(told.version).or_insert(*told);
        if first.hash != told.hash {
            let (one, other) = (place(topic, first), place(topic, told));
            let detail = format!("{one} and {other} both say version {}, and differ", told.version);
            findings.add(Fault::Different, row_name(topic, session_id, *opened_at), detail);
        }
    }
}

/// The largest version that the store has taken; of equal ones it keeps the first.
fn newest_taken(versions: &[Told]) -> Option<Told> {
    let taken = versions.iter().filter(|told| told.is_taken).copied();
    taken.reduce(|newest, told| if told.version > newest.version { told } else { newest })
}

/// Every row of the store is the newest of the topic, and every newest one is there.
fn compare_with_store(
    reading: &mut Reading,
    store: &LocalStore,
    table: SessionTable,
    mut newest: BTreeMap<RowKey, Told>,
    report: &mut SessionsReport,
) -> anyhow::Result<()> {
    let topic = report.topic;
    let findings = &mut report.findings;
    let mut stored = 0;
    let mut outcome = Ok(());
    store.stored_versions(table, &mut |row: &StoredVersion<'_>| {
        stored += 1;
        let name = || format!("{STORE}{}", row_name(topic, row.session_id, row.opened_at));
        match newest.remove(&(row.session_id.into(), row.opened_at)) {
            None => findings.add(Fault::NeverSent, name(), format!("{topic} has no such row")),
            Some(told) if told.version == row.version && told.hash == clean::content_hash(row.record) => {}
            Some(told) => match difference(reading, topic, &told, row) {
                Ok(detail) => findings.add(Fault::Different, name(), detail),
                Err(error) => outcome = Err(error),
            },
        }
    })?;
    outcome?;
    report.stored = Some(stored);
    for ((session_id, opened_at), told) in newest {
        let detail = format!("it is not there; {} says version {}", place(topic, &told), told.version);
        report.findings.add(Fault::Missing, format!("{STORE}{}", row_name(topic, &session_id, opened_at)), detail);
    }
    Ok(())
}

fn difference(reading: &mut Reading, topic: &str, told: &Told, row: &StoredVersion<'_>) -> anyhow::Result<String> {
    let value = reading.value_at(topic, told.partition, told.offset)?.unwrap_or_default();
    let columns = columns::differing_values(reading.schemas.as_ref(), &value, row.record);
    let filed = if told.version == row.version { String::new() } else { format!("filed under version {}; ", row.version) };
    Ok(format!("{filed}{columns}, as {} says", place(topic, told)))
}

/// Every session with a profile is filed in the history that its row asks for, and nothing else is.
fn check_history(reading: &Reading, store: &LocalStore, findings: &mut Findings) -> anyhow::Result<()> {
    let mut values = Values::of::<PlaybackSession<'static>>(&reading.schemas);
    let mut expected: BTreeSet<(bool, String, i64, String)> = BTreeSet::new();
    let mut outcome = Ok(());
    store.stored_versions(SessionTable::Sessions, &mut |row| match values.decode::<PlaybackSession<'_>>(Some(row.record)) {
        Ok(Ok(session)) => {
            if let Some(profile_id) = session.profile_id {
                let is_full = history_kind(&session) == HistoryKind::FullPlays;
                expected.insert((is_full, profile_id.to_owned(), row.opened_at, row.session_id.to_owned()));
            }
        }
        // A row that can't be read differs from its topic's, which has been said.
        Ok(Err(_)) => {}
        Err(error) => outcome = Err(error),
    })?;
    outcome?;
    let name =
        |profile_id: &str, is_full: bool| format!("{STORE}history of {profile_id} ({})", if is_full { "full plays" } else { "previews" });
    store.stored_history(&mut |filed| {
        let is_full = filed.kind == HistoryKind::FullPlays;
        let key = (is_full, filed.profile_id.to_owned(), filed.opened_at, filed.session_id.to_owned());
        if !expected.remove(&key) {
            let row = row_name("session", filed.session_id, filed.opened_at);
            findings.add(Fault::NeverSent, name(filed.profile_id, is_full), format!("{row} does not belong there"));
        }
    })?;
    for (is_full, profile_id, opened_at, session_id) in expected {
        findings.add(Fault::Missing, name(&profile_id, is_full), format!("{} is not in it", row_name("session", &session_id, opened_at)));
    }
    Ok(())
}

fn row_name(table: &str, session_id: &str, opened_at: i64) -> String {
    format!("{table} {session_id} opened {}", rfc3339(opened_at))
}

fn place(topic: &str, told: &Told) -> String {
    format!("{topic}-{} offset {}", told.partition, told.offset)
}
