//! `playhead dlq redrive`

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use pipeline::local::LocalLane;
use pipeline::{Log, LogError};
use producers::redrive::{
    LEDGER, Outcome as LetterOutcome, RedriveError, RedriveOptions, Report, Sources, Verdict as LetterVerdict, redrive,
};
use schemas::registry::value_subject;
use schemas::{LedgerEntry, Record as _, SchemaSource};
use serde::Serialize;
use serde_json::json;

use super::StagesRun;
use crate::answer::Answer;
use crate::cli::dlq::Redrive;
use crate::commands::cluster_writer::ClusterWriter;
use crate::commands::summary::{Ended, Outcome};
use crate::commands::unreported::Mark;
use crate::commands::{now_ms, run_name};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::progress::{Counting, Progress};
use crate::{shown, topology};

/// Records per transaction.
const BATCH_RECORDS: usize = 1_000;

/// Letters that could not go back and are named in words, of a run that writes.
const FAILURES_LISTED: u64 = 20;

/// Group and command: of these one redrives at a time.
const GROUP: &str = "redrive";
const COMMAND: &str = "dlq";

#[derive(Serialize)]
struct Summary<'r> {
    #[serde(flatten)]
    verdicts: &'r std::collections::BTreeMap<&'static str, u64>,
    by_reason: &'r std::collections::BTreeMap<String, u64>,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    written_seconds: Option<f64>,
    #[serde(flatten)]
    outcome: Option<Outcome>,
}

/// Redrives on a cluster.
pub(super) fn on_kafka(args: &Redrive, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let started = Instant::now();
    let writer = ClusterWriter::new(config)?;
    let sources = Sources::describe(|topic| {
        let found = writer.topic(&topic.name)?;
        let taken = found.settings.get("max.message.bytes").and_then(|bytes| bytes.parse().ok());
        anyhow::Ok((found.partitions, taken.unwrap_or_else(|| usize::try_from(topic.max_message_bytes).unwrap_or(usize::MAX))))
    })?;
    let schemas: Arc<dyn SchemaSource> = Arc::new(config.registry.reading_client()?);
    // Nothing is registered for a dry run, which writes nothing.
    let ledger_schema_id = if args.dry_run { 0 } else { writer.register(LEDGER, LedgerEntry::SCHEMA)? };
    let options = options(args, config, schemas, ledger_schema_id)?;
    let report = if args.dry_run {
        run(&mut writer.reading_lane(GROUP, COMMAND, &sources.inputs())?, &sources, &options, answer)?
    } else {
        run(&mut writer.lane(GROUP, COMMAND, &sources.inputs(), &sources.outputs())?, &sources, &options, answer)?
    };
    finish(&report, args, Some(Ended::Written(started.elapsed())), config, answer)
}

/// Redrives in an opened folder.
pub(super) fn in_folder(
    args: &Redrive,
    folder: &DataFolder,
    config: &Config,
    stages: StagesRun,
    answer: &mut Answer,
) -> anyhow::Result<Verdict> {
    let started = Instant::now();
    let sources = Sources::describe(|topic| {
        anyhow::Ok((folder.partitions(&topic.name)?, usize::try_from(topic.max_message_bytes).unwrap_or(usize::MAX)))
    })?;
    let ledger_schema_id = if args.dry_run { 0 } else { folder.registry.register(&value_subject(LEDGER), LedgerEntry::SCHEMA)? };
    let options = options(args, config, Arc::clone(&folder.registry) as _, ledger_schema_id)?;
    let mark = Mark::take(folder)?;
    let mut lane = LocalLane::new(&folder.log, GROUP, &sources.inputs(), &sources.outputs())?;
    let report = run(&mut lane, &sources, &options, answer)?;
    let ended = if args.dry_run || stages == StagesRun::InTheOwner {
        None
    } else {
        let run = topology::run_to_end(folder, config, &Progress::new(answer.is_json))?;
        Some(Ended::Processed(Outcome::of(folder, &mark, run, started.elapsed())?))
    };
    finish(&report, args, ended, config, answer)
}

fn options(args: &Redrive, config: &Config, schemas: Arc<dyn SchemaSource>, ledger_schema_id: u32) -> anyhow::Result<RedriveOptions> {
    let now_ms = now_ms()?;
    Ok(RedriveOptions {
        filter: super::filter(&args.letters, &args.ids)?,
        limit: args.letters.limit,
        batch_records: BATCH_RECORDS,
        is_dry_run: args.dry_run,
        is_forced: args.force,
        state_horizon_ms: config.playback.state_horizon_ms,
        now_ms,
        run: run_name(config, now_ms),
        ledger_schema_id,
        schemas,
    })
}

fn run<L: Log>(lane: &mut L, sources: &Sources, options: &RedriveOptions, answer: &mut Answer) -> anyhow::Result<Report> {
    let progress = Progress::new(answer.is_json);
    let bar: OnceCell<Counting> = OnceCell::new();
    let mut teller = Teller { is_dry_run: options.is_dry_run, answer, failures: 0, closed: Ok(()) };
    let report = redrive(lane, sources, options, &mut |outcome| teller.tell(outcome), &mut |at| {
        bar.get_or_init(|| progress.counting("letters", at.total)).set(at.read);
    });
    if let Some(bar) = bar.into_inner() {
        bar.done();
    }
    teller.closed?;
    report.map_err(|error| match error {
        RedriveError::Log(LogError::Fenced(cause)) => anyhow::anyhow!(
            "another redrive has begun, and this one has given way ({cause}): what it has written is marked as done; run it again when the other \
             one has ended"
        ),
        error => error.into(),
    })
}

/// Tells what became of each letter, as it comes.
struct Teller<'a> {
    is_dry_run: bool,
    answer: &'a mut Answer,
    failures: u64,
    /// What kept it from telling. The redrive goes on all the same.
    closed: io::Result<()>,
}

impl Teller<'_> {
    fn tell(&mut self, outcome: &LetterOutcome) {
        if self.closed.is_ok() {
            self.closed = self.try_tell(outcome);
        }
    }

    fn try_tell(&mut self, outcome: &LetterOutcome) -> io::Result<()> {
        let LetterOutcome { id, source, offset, reason, attempts, verdict } = outcome;
        if self.answer.is_json {
            return self.answer.json(&json!({
                "id": id.as_ref().map(ToString::to_string),
                "source": source,
                "offset": offset,
                "stage": id.as_ref().map(|id| id.stage.as_str()),
                "reason": reason,
                "attempts": attempts,
                "verdict": verdict.as_str(),
                "detail": verdict.in_words(),
            }));
        }
        let is_told = match verdict {
            LetterVerdict::WouldRedrive => true,
            verdict if verdict.is_failure() => {
                self.failures += 1;
                self.is_dry_run || self.failures <= FAILURES_LISTED
            }
            _ => false,
        };
        if !is_told {
            return Ok(());
        }
        let stage = id.as_ref().map_or_else(String::new, |id| format!("-{}", id.stage));
        let offset = offset.map_or_else(String::new, |offset| format!("-{offset}"));
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        self.answer.line(&format!("{source}{offset}{stage}{reason}: {}", verdict.in_words()))
    }
}

fn finish(report: &Report, args: &Redrive, ended: Option<Ended>, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let ended = ended.filter(|_| !args.dry_run);
    let outcome = ended.and_then(Ended::outcome);
    let refused_again = outcome.map_or(0, |outcome| outcome.dead_letters);
    let verdict = if report.failures == 0 && refused_again == 0 { Verdict::Well } else { Verdict::BadNews };
    if answer.is_json {
        let written_seconds = ended.and_then(Ended::written_seconds);
        let (verdicts, by_reason) = (&report.verdicts, &report.redriven_by_reason);
        answer.json(&json!({"summary": Summary { verdicts, by_reason, dry_run: args.dry_run, written_seconds, outcome }}))?;
        return Ok(verdict);
    }
    let unlisted = report.failures.saturating_sub(FAILURES_LISTED);
    if unlisted > 0 && !args.dry_run {
        answer.line(&format!("and {} more that could not go back: --json names them", shown::count(unlisted)))?;
    }
    let reasons: Vec<String> =
        report.redriven_by_reason.iter().map(|(reason, count)| format!("{reason} {}", shown::count(*count))).collect();
    let of = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    let did = if args.dry_run { "would be redriven" } else { "redriven" };
    let count = |code: &str| shown::count(report.verdicts.get(code).copied().unwrap_or(0));
    let (before, copies) = (count(LetterVerdict::AlreadyDone.as_str()), count(LetterVerdict::SameEvent.as_str()));
    answer.line(&format!(
        "{} {did}{of}; {before} redriven before, {copies} copies of redriven events, {} could not go back",
        shown::counted(report.redriven(), "letter"),
        shown::count(report.failures),
    ))?;
    if let Some(ended) = ended.filter(|_| report.redriven() > 0) {
        ended.lines(report.redriven(), "letters", config.playback.silence_ms).iter().try_for_each(|line| answer.line(line))?;
    }
    Ok(verdict)
}
