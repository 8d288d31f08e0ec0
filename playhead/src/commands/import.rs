//! `playhead import viewing-activity`

use std::fs::File;
use std::io::BufRead;
use std::time::Instant;

use anyhow::{Context as _, bail};
use pipeline::LogError;
use pipeline::local::LocalLane;
use producers::viewing_activity::{ImportError, ImportOptions, ImportReport, RowError, Rows, import, outputs};
use producers::{ReceivedTime, open_plain_or_gzip};
use schemas::registry::value_subject;
use schemas::{LedgerEntry, PlaybackEvent, Record as _, SchemaSource as _};
use serde::Serialize;

use super::cluster_writer::{ClusterWriter, check_received};
use super::received_time;
use super::summary::{Ended, Outcome};
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

const EVENTS: &str = "playback_events";
const LEDGER: &str = "ledger";

/// Malformed rows that are listed in words.
const MALFORMED_LISTED: usize = 10;

/// What distinguishes it from other imports, and the group that it would have.
const NAME: &str = "import";

#[derive(Serialize)]
struct Summary<'r> {
    rows: u64,
    imported: u64,
    already_there: u64,
    malformed: u64,
    first_malformed: &'r [RowError],
    /// Time until all rows lay in the log; none where the outcome says it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    written_seconds: Option<f64>,
    /// What the stages made of it; none where they run elsewhere.
    #[serde(flatten)]
    outcome: Option<Outcome>,
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
    if args.cluster.is_asked() {
        return run_on_kafka(rows, received, config, answer).with_context(|| name.to_string());
    }
    let folder = DataFolder::open_or_create(&config.data)?;
    let mark = Mark::take(&folder)?;
    let topics = outputs(folder.partitions(EVENTS)?, folder.partitions(LEDGER)?);
    let mut lane = LocalLane::new(&folder.log, NAME, &[], &topics)?;
    let options = options(received, |topic, schema| Ok(folder.registry.register(&value_subject(topic), schema)?))?;
    let report = import(rows, &mut lane, &topics, &options).with_context(|| name.to_string())?;
    let run = topology::run_to_end(&folder, config, &progress)?;
    let outcome = Outcome::of(&folder, &mark, run, started.elapsed())?;
    show(&report, Ended::Processed(outcome), config.playback.silence_ms, answer)?;
    Ok(if report.malformed == 0 && outcome.dead_letters == 0 { Verdict::Well } else { Verdict::BadNews })
}

/// Appends the rows to the topics of a cluster, whose stages run elsewhere. One import at a time writes there, whatever machine it runs on: the
/// ledger is read behind the fence, so that no other can add to it.
fn run_on_kafka<R: BufRead>(rows: Rows<R>, received: ReceivedTime, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let started = Instant::now();
    let writer = ClusterWriter::new(config)?;
    let (events, ledger) = (writer.topic(EVENTS)?, writer.topic(LEDGER)?);
    check_received(&events, &received)?;
    let topics = outputs(events.partitions, ledger.partitions);
    let options = options(received, |topic, schema| writer.register(topic, schema))?;
    let mut lane = writer.lane(NAME, "viewing-activity", &[], &topics)?;
    let report = import(rows, &mut lane, &topics, &options).map_err(|error| match error {
        ImportError::Log(LogError::Fenced(cause)) => anyhow::anyhow!(
            "another import has begun on this cluster, and this one has given way ({cause}): what it has written is marked as done; run it again \
             when the other one has ended"
        ),
        error => error.into(),
    })?;
    show(&report, Ended::Written(started.elapsed()), config.playback.silence_ms, answer)?;
    Ok(if report.malformed == 0 { Verdict::Well } else { Verdict::BadNews })
}

fn options(received: ReceivedTime, register: impl Fn(&str, &str) -> anyhow::Result<u32>) -> anyhow::Result<ImportOptions> {
    let (event_schema_id, ledger_schema_id) = (register(EVENTS, PlaybackEvent::SCHEMA)?, register(LEDGER, LedgerEntry::SCHEMA)?);
    Ok(ImportOptions { received, batch_rows: BATCH_ROWS, event_schema_id, ledger_schema_id })
}

fn show(report: &ImportReport, ended: Ended, silence_ms: i64, answer: &mut Answer) -> anyhow::Result<()> {
    let ImportReport { rows, imported, already_there, malformed, first_malformed } = report;
    if answer.is_json {
        let (rows, imported, already_there, malformed) = (*rows, *imported, *already_there, *malformed);
        let (outcome, written_seconds) = (ended.outcome(), ended.written_seconds());
        answer.json(&Summary { rows, imported, already_there, malformed, first_malformed, written_seconds, outcome })?;
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
    ended.lines(*rows, "rows", silence_ms).iter().try_for_each(|line| answer.line(line))?;
    Ok(())
}
