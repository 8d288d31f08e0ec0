//! `playhead import viewing-activity`

use std::fs::File;
use std::time::Instant;

use anyhow::{Context as _, bail};
use pipeline::local::LocalLane;
use producers::open_plain_or_gzip;
use producers::viewing_activity::{ImportOptions, ImportReport, RowError, Rows, import, outputs};
use schemas::registry::value_subject;
use schemas::{LedgerEntry, PlaybackEvent, Record as _, SchemaSource as _};
use serde::Serialize;

use super::received_time;
use super::summary::Outcome;
use super::unreported::Mark;
use crate::answer::Answer;
use crate::cli::ViewingActivity;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::progress::Progress;
use crate::{shown, topology};

/// Rows per transaction.
const BATCH_ROWS: usize = 1_000;

/// Malformed rows that are listed in words.
const MALFORMED_LISTED: usize = 10;

#[derive(Serialize)]
struct Summary<'r> {
    rows: u64,
    imported: u64,
    already_there: u64,
    malformed: u64,
    first_malformed: &'r [RowError],
    #[serde(flatten)]
    outcome: Outcome,
}

pub(super) fn run(args: &ViewingActivity, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let received = received_time(args.received_time.as_deref())?;
    let name = args.file.display();
    if args.file.is_dir() {
        bail!("cannot read {name}: it is a folder");
    }
    let file = File::open(&args.file).with_context(|| format!("cannot read {name}"))?;
    let progress = Progress::new(answer.is_json);
    let length = file.metadata().ok().map(|metadata| metadata.len());
    let input = open_plain_or_gzip(progress.reading("reading", length, file)).with_context(|| format!("cannot read {name}"))?;
    // Before the data folder is made: a file that is something else leaves no trace.
    let rows = Rows::new(input).with_context(|| name.to_string())?;

    let started = Instant::now();
    let folder = DataFolder::open_or_create(&config.data)?;
    let mark = Mark::take(&folder)?;
    let topics = outputs(folder.partitions("playback_events")?, folder.partitions("ledger")?);
    let mut lane = LocalLane::new(&folder.log, "import", &[], &topics)?;
    let options = ImportOptions {
        received,
        batch_rows: BATCH_ROWS,
        event_schema_id: folder.registry.register(&value_subject("playback_events"), PlaybackEvent::SCHEMA)?,
        ledger_schema_id: folder.registry.register(&value_subject("ledger"), LedgerEntry::SCHEMA)?,
    };
    let report = import(rows, &mut lane, &topics, &options).with_context(|| name.to_string())?;
    let run = topology::run_to_end(&folder, config, &progress)?;
    let outcome = Outcome::of(&folder, &mark, run, started.elapsed())?;
    show(&report, outcome, config.playback.silence_ms, answer)?;
    Ok(if report.malformed == 0 && outcome.dead_letters == 0 { Verdict::Well } else { Verdict::BadNews })
}

fn show(report: &ImportReport, outcome: Outcome, silence_ms: i64, answer: &mut Answer) -> anyhow::Result<()> {
    let ImportReport { rows, imported, already_there, malformed, first_malformed } = report;
    if answer.is_json {
        let (rows, imported, already_there, malformed) = (*rows, *imported, *already_there, *malformed);
        answer.json(&Summary { rows, imported, already_there, malformed, first_malformed, outcome })?;
        return Ok(());
    }
    let [imported, already_there, malformed_rows] = [*imported, *already_there, *malformed].map(shown::count);
    let rows_read = shown::counted(*rows, "row");
    answer.line(&format!("{rows_read}: {imported} imported, {already_there} already there, {malformed_rows} malformed"))?;
    for error in first_malformed.iter().take(MALFORMED_LISTED) {
        answer.line(&format!("  {error}"))?;
    }
    let unlisted = malformed.saturating_sub(MALFORMED_LISTED as u64);
    if unlisted > 0 {
        answer.line(&format!("  and {} more (--json lists the first 1,000)", shown::count(unlisted)))?;
    }
    answer.line(&outcome.line(*rows, "rows"))?;
    outcome.notes(silence_ms).iter().try_for_each(|note| answer.line(note))?;
    Ok(())
}
