//! `playhead simulate`

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use pipeline::local::LocalLane;
use producers::parse_time_us;
use producers::simulate::truth::{ResumeTruth, SessionTruth, Totals};
use producers::simulate::{Settings, SimulateOptions, TruthSink, latest_start_ms, outputs, simulate};
use schemas::registry::value_subject;
use schemas::{PlaybackEvent, Record as _, SchemaSource as _};
use serde::Serialize;

use super::now_ms;
use super::summary::Outcome;
use super::unreported::Mark;
use crate::answer::Answer;
use crate::cli::Simulate;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::progress::Progress;
use crate::{shown, topology};

/// Records per transaction.
const BATCH_RECORDS: usize = 10_000;

const HOUR_MS: i64 = 3_600_000;

/// Where in the data folder the truth lies.
pub(super) const TRUTH: &str = "truth";

#[derive(Serialize)]
struct Summary<'r> {
    simulated: &'r Totals,
    /// The files, by the path from the working directory.
    truth: &'r [PathBuf],
    /// Time until all records lay in the log.
    written_seconds: f64,
    #[serde(flatten)]
    outcome: Outcome,
}

pub(super) fn run(args: &Simulate, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let now_ms = now_ms()?;
    let settings = settings(args, now_ms)?;
    let started = Instant::now();
    let progress = Progress::new(answer.is_json);
    let folder = DataFolder::open_or_create(&config.data)?;
    let mut truth = TruthFiles::create(&config.data.join(TRUTH), &settings.run_name())?;
    let is_behind = is_behind_the_log(&folder, settings.start_ms)?;
    let mark = Mark::take(&folder)?;
    let topics = outputs(folder.partitions("playback_events")?);
    let mut lane = LocalLane::new(&folder.log, "simulate", &[], &topics)?;
    let schema_id = folder.registry.register(&value_subject("playback_events"), PlaybackEvent::SCHEMA)?;
    let sessions = u64::from(settings.sessions);
    let options = SimulateOptions { settings, now_ms, batch_records: BATCH_RECORDS, schema_id };
    let bar = progress.counting("sessions", sessions);
    let totals = simulate(&mut lane, &topics, &options, &mut truth, &mut |begun| bar.set(begun))?;
    bar.done();
    let files = truth.finish(&totals)?;
    let written_seconds = (started.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
    let run = topology::run_to_end(&folder, config, &progress)?;
    let outcome = Outcome::of(&folder, &mark, run, started.elapsed())?;
    show(&Summary { simulated: &totals, truth: &files, written_seconds, outcome }, config.playback.silence_ms, is_behind, answer)?;
    Ok(if outcome.dead_letters == totals.poison { Verdict::Well } else { Verdict::BadNews })
}

fn settings(args: &Simulate, now_ms: i64) -> anyhow::Result<Settings> {
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
    match start_ms {
        // To know when a run ends every session must be made up.
        Some(start_ms) if is_surely_over(start_ms) => Ok(settings),
        Some(start_ms) => {
            let latest_ms = latest_start_ms(&settings, now_ms);
            if start_ms > latest_ms {
                bail!("--start: the run would not be over yet: it may begin at {} at the latest", shown::time(latest_ms * 1_000));
            }
            Ok(settings)
        }
        None => Ok(Settings { start_ms: latest_start_ms(&settings, now_ms), ..settings }),
    }
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

/// The files of one run. They bear their names only once they are complete.
struct TruthFiles {
    sessions: TruthFile,
    resume: TruthFile,
    totals: TruthFile,
}

struct TruthFile {
    path: PathBuf,
    unfinished: PathBuf,
    out: BufWriter<File>,
}

impl TruthFiles {
    fn create(folder: &Path, run: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = |kind: &str| TruthFile::create(folder, &format!("{run}.{kind}.ndjson"));
        Ok(Self { sessions: file("sessions")?, resume: file("resume")?, totals: file("totals")? })
    }

    /// Gives the files their names; the totals come last, so where they are the others are too.
    fn finish(mut self, totals: &Totals) -> anyhow::Result<[PathBuf; 3]> {
        self.totals.line(totals).with_context(|| self.totals.unfinished.display().to_string())?;
        Ok([self.sessions.finish()?, self.resume.finish()?, self.totals.finish()?])
    }
}

impl TruthSink for TruthFiles {
    fn session(&mut self, truth: &SessionTruth) -> io::Result<()> {
        self.sessions.line(truth)
    }

    fn resume(&mut self, truth: &ResumeTruth) -> io::Result<()> {
        self.resume.line(truth)
    }
}

impl TruthFile {
    fn create(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name);
        if path.exists() {
            bail!(
                "{} is there: this run lies in the log already, and its events would count as duplicates, or after the state horizon twice; \
                 take another --seed or --start",
                path.display()
            );
        }
        let unfinished = folder.join(format!("{name}.unfinished"));
        let file = File::create(&unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
        Ok(Self { path, unfinished, out: BufWriter::with_capacity(1 << 16, file) })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    fn finish(mut self) -> anyhow::Result<PathBuf> {
        self.out.flush().with_context(|| format!("cannot write {}", self.unfinished.display()))?;
        fs::rename(&self.unfinished, &self.path).with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.path)
    }
}

fn show(summary: &Summary<'_>, silence_ms: i64, is_behind: bool, answer: &mut Answer) -> anyhow::Result<()> {
    if answer.is_json {
        answer.json(summary)?;
        return Ok(());
    }
    let Summary { simulated: totals, truth, written_seconds, outcome } = summary;
    let [profiles, events] = [(totals.profiles, "profile"), (totals.events, "event")].map(|(number, noun)| shown::counted(number, noun));
    answer.line(&format!("{} of {profiles}: {events}", shown::counted(totals.sessions, "session")))?;
    let [duplicates, disordered, late, lost, poison] =
        [totals.duplicates, totals.disordered, totals.late, totals.lost, totals.poison].map(shown::count);
    answer.line(&format!("{duplicates} sent again, {disordered} out of order, {late} late, {lost} lost, {poison} poison"))?;
    let per_second = if *written_seconds > 0.0 { totals.raw_records as f64 / written_seconds } else { 0.0 };
    let records = shown::counted(totals.raw_records, "record");
    answer.line(&format!(
        "{records} from {} to {}, written in {written_seconds:.2} s, {} records/s",
        shown::time(totals.start),
        shown::time(totals.last_received_at),
        shown::count(per_second as u64)
    ))?;
    answer.line(&outcome.line(totals.raw_records, "records"))?;
    outcome.notes(silence_ms).iter().try_for_each(|note| answer.line(note))?;
    if outcome.dead_letters != totals.poison {
        answer.line(&format!("not as it should be: {poison} dead letters were expected"))?;
    }
    if is_behind {
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
