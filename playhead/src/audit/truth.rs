//! What it came to, against what simulated viewers did: every provable figure of every session, every resume position, and the run's totals.
//! The truth was summed over the viewers' own timelines, so nothing here comes from the fold.
//!
//! The rows are the store's or, where there is none, those that the topics come to.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use producers::simulate::truth::{ResumeTruth, SessionTruth, Totals};
use schemas::{Record as _, ResumeState, Schema, SchemaSource, wire};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serving::rfc3339;

use super::RAW;
use super::columns;
use super::reading::Reading;
use super::report::{Fault, Figure, Report, TruthReport};
use super::rows;
use super::truth_lines::{self, TruthLines, beside, lines};
use super::winners::Winners;
use crate::progress::{Counting, Progress};

/// Where a run went that is in the data folder beside its truth. Others are named by the id of the topic that they went to.
pub(crate) const FOLDER: &str = "folder";

/// The tables, in the order of [`rows::TABLES`].
const TABLES: [&str; 2] = ["playback_sessions", "qos_session_summary"];
const RESUME_STATE: &str = "resume_state";

/// Holds rows, positions and books to the truth of every run. `winners` are the positions where there is no store.
pub(super) fn audit(
    reading: &mut Reading,
    winners: &Winners,
    truth: &Path,
    report: &Report,
    progress: &Progress,
) -> anyhow::Result<TruthReport> {
    let log = if reading.store.is_some() { FOLDER.to_owned() } else { reading.view.id(RAW).to_string() };
    let (mut runs, mut totals) = (Vec::new(), Vec::new());
    for run in truth_lines::runs(truth)? {
        let of_run = totals_of(&run, &log)?;
        if !of_run.is_empty() {
            totals.extend(of_run);
            runs.push(run);
        }
    }
    if runs.is_empty() {
        bail!(
            "--truth: every run of {} went to another log than this one: a folder's, a cluster's, or under another prefix",
            truth.display()
        );
    }
    let of_runs = |ending| runs.iter().map(move |run| beside(run, ending));
    let sessions = TruthLines::read(of_runs(".sessions.ndjson"), |session: SessionTruth| (session.session_id, session.opened_at))?;
    let positions = TruthLines::read(of_runs(".resume.ndjson"), |resume: ResumeTruth| {
        (resume.profile_id, resume.episode_id.unwrap_or(resume.title_id))
    })?;
    let compared = TruthReport {
        runs: totals.iter().map(|totals| totals.run.clone()).collect(),
        sessions: sessions.len(),
        resume_positions: positions.len(),
        ..TruthReport::default()
    };
    let bar = progress.counting("truth", 2 * sessions.len() + positions.len());
    let schemas = Arc::clone(&reading.schemas);
    let mut comparison = Comparison { schemas, report: compared, parsed: BTreeMap::new(), bar, rows: 0 };
    let held = report.resume.stored.unwrap_or(winners.contents.len() as u64);
    comparison.compare_totals(&totals, report, held);
    comparison.compare_sessions(reading, sessions)?;
    comparison.compare_positions(reading, winners, positions)?;
    comparison.bar.done();
    Ok(comparison.report)
}

/// The totals of a run, where it went to this log. Those of before it was noted are taken for this one's.
fn totals_of(run: &Path, log: &str) -> anyhow::Result<Vec<Totals>> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(flatten)]
        totals: Totals,
        log: Option<String>,
    }
    let lines = lines::<Line>(run)?.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line.log.as_ref().is_none_or(|of_run| of_run == log)).map(|line| line.totals).collect())
}

struct Comparison {
    schemas: Arc<dyn SchemaSource>,
    report: TruthReport,
    /// Parsed once per id.
    parsed: BTreeMap<u32, Schema>,
    bar: Counting,
    /// Rows looked at.
    rows: u64,
}

impl Comparison {
    /// Every row of every session.
    fn compare_sessions(&mut self, reading: &mut Reading, mut truth: TruthLines<(String, i64)>) -> anyhow::Result<()> {
        let place = |name: &str, session_id: &str, opened_at| format!("{name} {session_id} opened {}", rfc3339(opened_at));
        let (mut figures, mut columns) = (BTreeSet::new(), BTreeSet::from(["unprovable".to_owned()]));
        for (table, name) in TABLES.into_iter().enumerate() {
            rows::each(reading, table, &mut |row| {
                let place = || place(name, row.session_id, row.opened_at);
                let Some(session) = truth.take::<SessionTruth>(&(row.session_id.to_owned(), row.opened_at), table)? else {
                    self.report.findings.add(Fault::NeverSent, place(), "nobody watched it");
                    return Ok(());
                };
                let (told, row) = (object(&session)?, self.columns(row.record)?);
                self.compare(name, place, &told, &row, &session.unprovable);
                note_names(&mut figures, &told);
                note_names(&mut columns, &row);
                Ok(())
            })?;
            for (session_id, opened_at) in truth.not_found(table) {
                self.report.findings.add(Fault::Missing, place(name, session_id, *opened_at), "there is no such row");
            }
        }
        self.find_uncompared(&TABLES.join(", "), &figures, &columns);
        Ok(())
    }

    /// Every resume position.
    fn compare_positions(&mut self, reading: &Reading, winners: &Winners, mut truth: TruthLines<(String, String)>) -> anyhow::Result<()> {
        let (mut figures, mut columns) = (BTreeSet::new(), BTreeSet::new());
        let mut compare = |profile_id: &str, content: &str, row: Map<String, Value>| -> anyhow::Result<()> {
            let place = || format!("{RESUME_STATE} {profile_id}/{content}");
            let Some(resume) = truth.take::<ResumeTruth>(&(profile_id.to_owned(), content.to_owned()), 0)? else {
                self.report.findings.add(Fault::NeverSent, place(), "nobody watched it");
                return Ok(());
            };
            let told = object(&resume)?;
            self.compare(RESUME_STATE, place, &told, &row, &[]);
            note_names(&mut figures, &told);
            note_names(&mut columns, &row);
            Ok(())
        };
        if let Some(store) = &reading.store {
            let mut outcome = Ok(());
            let mut parsed = BTreeMap::new();
            store.stored_positions(&mut |row| {
                if outcome.is_ok() {
                    let columns = columns_of(&mut parsed, reading.schemas.as_ref(), row.record);
                    outcome = columns.and_then(|columns| compare(row.profile_id, row.content_id, columns));
                }
            })?;
            outcome?;
        } else {
            let schema = Schema::parse(ResumeState::SCHEMA)?;
            for ((profile_id, content), winner) in &winners.contents {
                compare(profile_id, content, columns::object(&schema, &winner.latest.body).map_err(anyhow::Error::msg)?)?;
            }
        }
        for (profile_id, content) in truth.not_found(0) {
            self.report.findings.add(Fault::Missing, format!("{RESUME_STATE} {profile_id}/{content}"), "there is no such position");
        }
        self.find_uncompared(RESUME_STATE, &figures, &columns);
        Ok(())
    }

    /// Every figure that is told here and found there must be the same; what cannot be proven is passed over.
    fn compare(
        &mut self,
        table: &str,
        place: impl Fn() -> String,
        told: &Map<String, Value>,
        found: &Map<String, Value>,
        unprovable: &[String],
    ) {
        self.rows += 1;
        self.bar.set(self.rows);
        for (name, must) in told {
            let Some(is) = found.get(name) else { continue };
            let figure = figure(&mut self.report.figures, table, name);
            if unprovable.contains(name) {
                figure.unprovable += 1;
                continue;
            }
            figure.compared += 1;
            if is != must {
                figure.differ += 1;
                self.report.findings.add_with(Fault::Different, || (place(), format!("{name} is {is}, must be {must}")));
            }
        }
    }

    /// A figure that no row has is no figure that agrees.
    fn find_uncompared(&mut self, place: &str, figures: &BTreeSet<String>, columns: &BTreeSet<String>) {
        for name in figures.difference(columns) {
            self.report.findings.add(Fault::Missing, place, format!("there is no column {name} to compare"));
        }
    }

    /// What the runs wrote together, and nothing else, must have come to the log.
    fn compare_totals(&mut self, totals: &[Totals], report: &Report, resume_positions: u64) {
        let sum = |figure: fn(&Totals) -> u64| totals.iter().map(figure).sum::<u64>();
        let books = |figure: fn(&super::PartitionBooks) -> u64| report.books.iter().map(figure).sum::<u64>();
        let mut figures = vec![
            ("raw_records".to_owned(), sum(|totals| totals.raw_records), books(|books| books.raw.count)),
            ("distinct_events".to_owned(), sum(|totals| totals.distinct_events), books(|books| books.clean.count)),
            ("duplicates".to_owned(), sum(|totals| totals.duplicates), books(|books| books.duplicates.count)),
            ("poison".to_owned(), sum(|totals| totals.poison), books(|books| books.dead_letters.count)),
            ("heartbeats".to_owned(), sum(|totals| totals.heartbeats), books(|books| books.heartbeats)),
            (
                "sessions_in_log".to_owned(),
                sum(|totals| totals.sessions_in_log),
                report.sessions[0].stored.unwrap_or(report.sessions[0].rows),
            ),
            ("resume_positions".to_owned(), sum(|totals| totals.resume_positions), resume_positions),
        ];
        let mut dead_letters: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (reason, count) in totals.iter().flat_map(|totals| &totals.dead_letters) {
            dead_letters.entry(reason).or_default().0 += count;
        }
        for (reason, count) in &report.dead_letters {
            dead_letters.entry(reason).or_default().1 += count;
        }
        figures.extend(dead_letters.into_iter().map(|(reason, (must, is))| (format!("dead_letters.{reason}"), must, is)));
        for (name, must, is) in figures {
            let figure = figure(&mut self.report.figures, "totals", &name);
            figure.compared += 1;
            if is != must {
                figure.differ += 1;
                let place = || (format!("totals: {name}"), format!("it is {is}, must be {must}"));
                self.report.findings.add_with(Fault::Different, place);
            }
        }
    }

    fn columns(&mut self, value: &[u8]) -> anyhow::Result<Map<String, Value>> {
        columns_of(&mut self.parsed, self.schemas.as_ref(), value)
    }
}

/// The columns of a framed value; schemas are parsed once.
fn columns_of(parsed: &mut BTreeMap<u32, Schema>, schemas: &dyn SchemaSource, value: &[u8]) -> anyhow::Result<Map<String, Value>> {
    let (id, body) = wire::split(value)?;
    let schema = match parsed.entry(id) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => {
            let schema = schemas.schema_by_id(id)?.with_context(|| format!("there is no schema {id}"))?;
            unknown.insert(Schema::parse(&schema)?)
        }
    };
    columns::object(schema, body).map_err(anyhow::Error::msg)
}

fn note_names(names: &mut BTreeSet<String>, object: &Map<String, Value>) {
    for name in object.keys() {
        if !names.contains(name) {
            names.insert(name.clone());
        }
    }
}

fn figure<'r>(figures: &'r mut BTreeMap<String, Figure>, table: &str, name: &str) -> &'r mut Figure {
    figures.entry(format!("{table}.{name}")).or_default()
}

fn object(truth: &impl Serialize) -> anyhow::Result<Map<String, Value>> {
    match serde_json::to_value(truth)? {
        Value::Object(object) => Ok(object),
        other => bail!("{other} is no object"),
    }
}
