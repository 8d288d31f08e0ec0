//! What the store came to, against what simulated viewers did: every provable figure of every session, every resume position, and the run's
//! totals. The truth was summed over the viewers' own timelines, so nothing here comes from the fold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use producers::simulate::truth::{ResumeTruth, SessionTruth, Totals};
use schemas::{Schema, SchemaSource as _, wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serving::rfc3339;
use sink_local::SessionTable;

use super::columns;
use super::report::{Fault, Figure, Findings, Report, TruthReport};
use crate::data_folder::DataFolder;
use crate::progress::{Counting, Progress};

const TABLES: [(SessionTable, &str); 2] = [(SessionTable::Sessions, "playback_sessions"), (SessionTable::Summaries, "qos_session_summary")];

/// How the file with a run's totals ends. It comes last, so where it is the others are too.
const TOTALS: &str = ".totals.ndjson";

/// How the files of a run end that was not finished.
const UNFINISHED: &str = ".unfinished";

/// Holds the store and the books to the truth of every run.
pub(super) fn audit(folder: &DataFolder, truth: &Path, report: &Report, progress: &Progress) -> anyhow::Result<TruthReport> {
    let runs = runs(truth)?;
    let mut totals = Vec::new();
    for run in &runs {
        totals.extend(lines::<Totals>(run)?.collect::<anyhow::Result<Vec<_>>>()?);
    }
    let sessions = totals.iter().map(|totals| totals.sessions_in_log).sum();
    let bar = progress.counting("truth", sessions);
    let compared = TruthReport { runs: totals.iter().map(|totals| totals.run.clone()).collect(), ..TruthReport::default() };
    let mut comparison = Comparison { folder, report: compared, schemas: BTreeMap::new(), bar };
    comparison.compare_totals(&totals, report)?;
    let (mut rows, mut positions) = (BTreeSet::new(), BTreeSet::new());
    for run in &runs {
        comparison.compare_sessions(&beside(run, ".sessions.ndjson"), &mut rows)?;
        comparison.compare_positions(&beside(run, ".resume.ndjson"), &mut positions)?;
    }
    comparison.find_surplus(&rows, &positions)?;
    comparison.bar.done();
    Ok(comparison.report)
}

/// The totals of every run that was finished. What is unfinished beside them is a copy that was being made anew.
fn runs(truth: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let nothing = || format!("--truth: there is no truth in {}: `playhead simulate` writes it", truth.display());
    let mut runs = Vec::new();
    for entry in std::fs::read_dir(truth).with_context(nothing)? {
        let path = entry.with_context(nothing)?.path();
        let name = path.to_str().unwrap_or_default();
        if name.ends_with(UNFINISHED) && !is_finished(&path) {
            bail!("--truth: {name}: that run was cut off: run the same `playhead simulate` again, and it goes on where it stopped");
        }
        if name.ends_with(TOTALS) {
            runs.push(path);
        }
    }
    if runs.is_empty() {
        bail!(nothing());
    }
    runs.sort();
    Ok(runs)
}

/// Whether the run of an unfinished file, `<run>.<kind>.ndjson.unfinished`, has its totals.
fn is_finished(unfinished: &Path) -> bool {
    let name = unfinished.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let run = name.strip_suffix(UNFINISHED).and_then(|name| name.strip_suffix(".ndjson")).and_then(|name| name.rsplit_once('.'));
    run.is_some_and(|(run, _)| unfinished.with_file_name(format!("{run}{TOTALS}")).exists())
}

/// Another file of the same run.
fn beside(totals: &Path, ending: &str) -> PathBuf {
    let name = totals.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    totals.with_file_name(format!("{}{ending}", name.strip_suffix(TOTALS).unwrap_or(name)))
}

fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<T>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let path = path.to_owned();
    Ok((1..).zip(BufReader::with_capacity(1 << 16, file).lines()).map(move |(number, line)| {
        let problem = || format!("{}, line {number}", path.display());
        serde_json::from_str(&line.with_context(problem)?).with_context(problem)
    }))
}

struct Comparison<'f> {
    folder: &'f DataFolder,
    report: TruthReport,
    /// Parsed once per id.
    schemas: BTreeMap<u32, Schema>,
    bar: Counting,
}

impl Comparison<'_> {
    /// Every session's rows; each is noted in `rows`.
    fn compare_sessions(&mut self, path: &Path, rows: &mut BTreeSet<(String, i64)>) -> anyhow::Result<()> {
        for session in lines::<SessionTruth>(path)? {
            let session = session?;
            self.report.sessions += 1;
            self.bar.set(self.report.sessions);
            let told = object(&session)?;
            let mut columns = vec!["unprovable".to_owned()];
            for (table, name) in TABLES {
                let place = || format!("{name} {} opened {}", session.session_id, rfc3339(session.opened_at));
                match self.folder.store.stored_version(table, &session.session_id, session.opened_at)? {
                    None => self.report.findings.add(Fault::Missing, place(), "the store has no such row"),
                    Some(row) => {
                        let row = self.columns(&row)?;
                        self.compare(name, place, &told, &row, &session.unprovable);
                        columns.extend(row.into_iter().map(|(name, _)| name));
                    }
                }
            }
            if columns.len() > 1 {
                self.find_uncompared(
                    || format!("session {}", session.session_id),
                    &told,
                    |name| columns.iter().any(|column| column == name),
                );
            }
            rows.insert((session.session_id, session.opened_at));
        }
        Ok(())
    }

    /// Every resume position; each is noted in `positions`.
    fn compare_positions(&mut self, path: &Path, positions: &mut BTreeSet<(String, String)>) -> anyhow::Result<()> {
        for resume in lines::<ResumeTruth>(path)? {
            let resume = resume?;
            self.report.resume_positions += 1;
            let content = resume.episode_id.clone().unwrap_or_else(|| resume.title_id.clone());
            let place = || format!("resume_state {}/{content}", resume.profile_id);
            match self.folder.store.stored_position(&resume.profile_id, &content)? {
                None => self.report.findings.add(Fault::Missing, place(), "the store has no such position"),
                Some(row) => {
                    let (told, row) = (object(&resume)?, self.columns(&row)?);
                    self.compare("resume_state", place, &told, &row, &[]);
                    self.find_uncompared(place, &told, |name| row.contains_key(name));
                }
            }
            positions.insert((resume.profile_id, content));
        }
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
    fn find_uncompared(&mut self, place: impl Fn() -> String, told: &Map<String, Value>, is_column: impl Fn(&str) -> bool) {
        for name in told.keys().filter(|name| !is_column(name)) {
            self.report.findings.add_with(Fault::Missing, || (place(), format!("the store has no column {name} to compare")));
        }
    }

    /// What the runs wrote together, and nothing else, must have come to the log.
    fn compare_totals(&mut self, totals: &[Totals], report: &Report) -> anyhow::Result<()> {
        let sum = |figure: fn(&Totals) -> u64| totals.iter().map(figure).sum::<u64>();
        let books = |figure: fn(&super::PartitionBooks) -> u64| report.books.iter().map(figure).sum::<u64>();
        let mut figures = vec![
            ("raw_records".to_owned(), sum(|totals| totals.raw_records), books(|books| books.raw.count)),
            ("distinct_events".to_owned(), sum(|totals| totals.distinct_events), books(|books| books.clean.count)),
            ("duplicates".to_owned(), sum(|totals| totals.duplicates), books(|books| books.duplicates.count)),
            ("poison".to_owned(), sum(|totals| totals.poison), books(|books| books.dead_letters.count)),
            ("heartbeats".to_owned(), sum(|totals| totals.heartbeats), books(|books| books.heartbeats)),
            ("sessions_in_log".to_owned(), sum(|totals| totals.sessions_in_log), self.folder.store.session_count()?),
            ("resume_positions".to_owned(), sum(|totals| totals.resume_positions), report.resume.stored),
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
        Ok(())
    }

    /// What the store has, and nobody watched.
    fn find_surplus(&mut self, rows: &BTreeSet<(String, i64)>, positions: &BTreeSet<(String, String)>) -> anyhow::Result<()> {
        let findings: &mut Findings = &mut self.report.findings;
        for (table, name) in TABLES {
            self.folder.store.stored_versions(table, &mut |row| {
                if !rows.contains(&(row.session_id.to_owned(), row.opened_at)) {
                    let place = format!("{name} {} opened {}", row.session_id, rfc3339(row.opened_at));
                    findings.add(Fault::NeverSent, place, "nobody watched it");
                }
            })?;
        }
        self.folder.store.stored_positions(&mut |row| {
            if !positions.contains(&(row.profile_id.to_owned(), row.content_id.to_owned())) {
                findings.add(Fault::NeverSent, format!("resume_state {}/{}", row.profile_id, row.content_id), "nobody watched it");
            }
        })?;
        Ok(())
    }

    fn columns(&mut self, value: &[u8]) -> anyhow::Result<Map<String, Value>> {
        let (id, body) = wire::split(value)?;
        if !self.schemas.contains_key(&id) {
            let schema = self.folder.registry.schema_by_id(id)?.with_context(|| format!("there is no schema {id}"))?;
            self.schemas.insert(id, Schema::parse(&schema)?);
        }
        columns::object(&self.schemas[&id], body).map_err(anyhow::Error::msg)
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
