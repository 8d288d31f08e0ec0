//! `playhead simulate`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use pipeline::local::LocalLane;
use pipeline::{Log, OutputTopic};
use producers::parse_time_us;
use producers::simulate::truth::Totals;
use producers::simulate::{
    INPUTS, Settings, SimulateOptions, SimulateReport, Simulation, group, latest_start_ms, outputs, remembered_start, start_group,
};
use schemas::registry::value_subject;
use schemas::{PlaybackEvent, Record as _, SchemaSource as _};
use serde::Serialize;

use super::cluster_writer::{ClusterWriter, STAGES_ELSEWHERE, check_kept};
use super::now_ms;
use super::summary::Outcome;
use super::truth_files::{TRUTH, TruthFiles};
use super::unreported::Mark;
use crate::answer::Answer;
use crate::audit;
use crate::cli::Simulate;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::progress::Progress;
use crate::{shown, topology};

/// Records per transaction.
const BATCH_RECORDS: usize = 10_000;

const HOUR_MS: i64 = 3_600_000;

#[derive(Serialize)]
struct Summary<'r> {
    simulated: &'r Totals,
    /// Records that an earlier run had appended.
    already_there: u64,
    /// The files, by the path from the working directory.
    truth: &'r [PathBuf],
    /// Time until all records lay in the log.
    written_seconds: f64,
    /// What the stages made of it; none where they run elsewhere.
    #[serde(flatten)]
    outcome: Option<Outcome>,
}

/// What there is to say beside the figures.
struct Notes {
    silence_ms: i64,
    had_ended: bool,
    is_behind: bool,
    is_as_it_should_be: bool,
}

pub(super) fn run(args: &Simulate, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let now_ms = now_ms()?;
    let (settings, is_start_given) = settings(args, now_ms)?;
    if args.cluster.is_asked() {
        return run_on_kafka(settings, is_start_given, now_ms, config, answer);
    }
    let started = Instant::now();
    let progress = Progress::new(answer.is_json);
    let folder = DataFolder::open_or_create(&config.data)?;
    let settings = if is_start_given {
        settings
    } else {
        started_before(&mut LocalLane::new(&folder.log, &start_group(&settings), &INPUTS, &[])?, settings, now_ms)?
    };
    let mark = Mark::take(&folder)?;
    let topics = outputs(folder.partitions("playback_events")?);
    let mut lane = LocalLane::new(&folder.log, &group(&settings), &INPUTS, &topics)?;
    let schema_id = folder.registry.register(&value_subject("playback_events"), PlaybackEvent::SCHEMA)?;
    let options = SimulateOptions { settings, now_ms, batch_records: BATCH_RECORDS, schema_id };
    // Before it is appended: after that the log holds the run itself.
    let is_beyond = is_behind_the_log(&folder, options.settings.start_ms)?;
    let appended = append(&mut lane, &topics, &options, audit::FOLDER, config, &progress, started)?;
    let run = topology::run_to_end(&folder, config, &progress)?;
    let outcome = Outcome::of(&folder, &mark, run, started.elapsed())?;
    let poison = appended.report.totals.poison;
    // Of a run that was cut off, some may have been refused before.
    let is_as_it_should_be = outcome.dead_letters == poison || (appended.is_begun && outcome.dead_letters < poison);
    let is_behind = is_beyond && !appended.is_begun;
    let notes = Notes { silence_ms: config.playback.silence_ms, had_ended: appended.report.had_ended, is_behind, is_as_it_should_be };
    show(&appended.summary(Some(outcome)), &notes, answer)?;
    Ok(if is_as_it_should_be { Verdict::Well } else { Verdict::BadNews })
}

/// A run whose records lie in a log.
struct Appended {
    report: SimulateReport,
    /// Whether some of it lay there before.
    is_begun: bool,
    truth: [PathBuf; 3],
    /// Time until all records lay in the log.
    written_seconds: f64,
}

impl Appended {
    fn summary(&self, outcome: Option<Outcome>) -> Summary<'_> {
        let SimulateReport { totals, already_there, .. } = &self.report;
        let (already_there, written_seconds) = (*already_there, self.written_seconds);
        Summary { simulated: totals, already_there, truth: &self.truth, written_seconds, outcome }
    }
}

/// Appends what is not there yet, and writes the truth.
fn append<L: Log>(
    lane: &mut L,
    topics: &[OutputTopic; 1],
    options: &SimulateOptions,
    log: &str,
    config: &Config,
    progress: &Progress,
    started: Instant,
) -> anyhow::Result<Appended> {
    let simulation = Simulation::open(lane, topics, options)?;
    let is_begun = simulation.is_begun();
    let mut truth = TruthFiles::create(&config.data.join(TRUTH), &options.settings.run_name(), is_begun)?;
    let bar = progress.counting("sessions", u64::from(options.settings.sessions));
    let report = simulation.run(&mut truth, &mut |begun| bar.set(begun))?;
    bar.done();
    let truth = truth.finish(&report.totals, log)?;
    let written_seconds = (started.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
    Ok(Appended { report, is_begun, truth, written_seconds })
}

/// Appends the run to a topic on Kafka. How far it has come is a position there, in the transactions of its records.
fn run_on_kafka(settings: Settings, is_start_given: bool, now_ms: i64, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let started = Instant::now();
    let progress = Progress::new(answer.is_json);
    let writer = ClusterWriter::new(config)?;
    let events = writer.topic("playback_events")?;
    if is_start_given {
        let advice = "without --start it is as late as can be";
        check_kept(&events, "--start", settings.start_ms, now_ms, advice)?;
    }
    let topics = outputs(events.partitions);
    let schema_id = writer.register("playback_events", PlaybackEvent::SCHEMA)?;
    // Its name fences another that simulates the same run.
    let lane = |group: &str, topics: &[OutputTopic]| writer.lane(group, "simulate", &INPUTS, topics);
    let settings = if is_start_given { settings } else { started_before(&mut lane(&start_group(&settings), &[])?, settings, now_ms)? };
    let mut lane = lane(&group(&settings), &topics)?;
    let options = SimulateOptions { settings, now_ms, batch_records: BATCH_RECORDS, schema_id };
    std::fs::create_dir_all(&config.data).with_context(|| format!("cannot make {}", config.data.display()))?;
    let appended = append(&mut lane, &topics, &options, &events.id.to_string(), config, &progress, started)?;
    let had_ended = appended.report.had_ended;
    let notes = Notes { silence_ms: config.playback.silence_ms, had_ended, is_behind: false, is_as_it_should_be: true };
    show(&appended.summary(None), &notes, answer)?;
    Ok(Verdict::Well)
}

/// The settings, and whether a start was given: else it is yet to be found.
fn settings(args: &Simulate, now_ms: i64) -> anyhow::Result<(Settings, bool)> {
    let start_ms = args.start.as_deref().map(|start| Ok(parse_time_us(start)?.div_euclid(1_000))).transpose();
    let start_ms: Option<i64> = start_ms.map_err(|error: anyhow::Error| error.context("--start"))?;
    let settings = Settings {
        seed: args.seed,
        start_ms: start_ms.unwrap_or_default(),
        sessions: args.sessions,
        duplicates: args.duplicates,
        disorder: args.disorder,
        late: args.late,
        lost: args.lost,
        poison: args.poison,
    };
    let is_surely_over = |start_ms: i64| start_ms.saturating_add(settings.span_ms() + HOUR_MS) <= now_ms;
    // To know when a run ends every session must be made up.
    if let Some(start_ms) = start_ms.filter(|start_ms| !is_surely_over(*start_ms)) {
        let latest_ms = latest_start_ms(&settings, now_ms);
        if start_ms > latest_ms {
            bail!("--start: the run would not be over yet: it may begin at {} at the latest", shown::time(latest_ms * 1_000));
        }
    }
    Ok((settings, start_ms.is_some()))
}

/// The settings with the start that was taken when they were simulated first. That is noted before anything else is written.
fn started_before<L: Log>(lane: &mut L, settings: Settings, now_ms: i64) -> anyhow::Result<Settings> {
    let start_ms = remembered_start(lane, || latest_start_ms(&settings, now_ms))?;
    Ok(Settings { start_ms, ..settings })
}

/// Whether the log holds records from the run's time on: log time has passed it then.
fn is_behind_the_log(folder: &DataFolder, start_ms: i64) -> anyhow::Result<bool> {
    for partition in 0..folder.partitions("playback_events")? {
        let (_, end) = folder.log.bounds("playback_events", partition)?;
        if folder.log.offset_for_time("playback_events", partition, start_ms)? < end {
            return Ok(true);
        }
    }
    Ok(false)
}

fn show(summary: &Summary<'_>, notes: &Notes, answer: &mut Answer) -> anyhow::Result<()> {
    if answer.is_json {
        answer.json(summary)?;
        return Ok(());
    }
    let Summary { simulated: totals, already_there, truth, written_seconds, outcome } = summary;
    let [profiles, events] = [(totals.profiles, "profile"), (totals.events, "event")].map(|(number, noun)| shown::counted(number, noun));
    answer.line(&format!("{} of {profiles}: {events}", shown::counted(totals.sessions, "session")))?;
    let [duplicates, disordered, late, lost, poison] =
        [totals.duplicates, totals.disordered, totals.late, totals.lost, totals.poison].map(shown::count);
    answer.line(&format!("{duplicates} sent again, {disordered} out of order, {late} late, {lost} lost, {poison} poison"))?;
    let records = shown::counted(totals.raw_records, "record");
    let [start, end] = [totals.start, totals.last_received_at].map(shown::time);
    if notes.had_ended {
        answer.line(&format!("{records} from {start} to {end}: this run lies in the log already, and nothing was appended"))?;
    } else {
        let there = if *already_there > 0 { format!(", {} of them already there", shown::count(*already_there)) } else { String::new() };
        let appended = totals.raw_records - already_there;
        let per_second = if *written_seconds > 0.0 { appended as f64 / written_seconds } else { 0.0 };
        let per_second = shown::count(per_second as u64);
        answer.line(&format!("{records} from {start} to {end}{there}, written in {written_seconds:.2} s, {per_second} records/s"))?;
    }
    if let Some(outcome) = outcome {
        answer.line(&outcome.line(totals.raw_records - already_there, "records"))?;
        outcome.notes(notes.silence_ms).iter().try_for_each(|note| answer.line(note))?;
    } else {
        answer.line(STAGES_ELSEWHERE)?;
    }
    if !notes.is_as_it_should_be {
        answer.line(&format!("not as it should be: {poison} dead letters were expected"))?;
    }
    if notes.is_behind {
        answer.line(
            "note: the log reaches beyond this run, so sessions without an end stay open until it has gone on by the time of silence; \
             in a folder of its own they are closed",
        )?;
    }
    for file in *truth {
        answer.line(&format!("truth: {}", file.display()))?;
    }
    Ok(())
}
