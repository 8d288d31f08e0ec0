//! `playhead ingest`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use pipeline::local::LocalLane;
use pipeline::{Log, LogError, OutputTopic};
use producers::ingest::{IngestError, IngestOptions, IngestReport, RawTopic, Verdict as LineVerdict, ingest, outputs};
use producers::{ReceivedTime, open_plain_or_gzip};
use schemas::SchemaSource as _;
use schemas::registry::value_subject;
use serde::Serialize;

use super::cluster_writer::{ClusterWriter, check_received};
use super::stream_input::StreamInput;
use super::summary::{Ended, Outcome};
use super::unreported::Mark;
use super::{now_ms, received_time, run_name};
use crate::answer::Answer;
use crate::cli::Ingest;
use crate::config::{Config, PlaybackSettings};
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::progress::Progress;
use crate::{shown, topology};

/// Lines per transaction.
const BATCH_LINES: usize = 5_000;

/// What distinguishes it from other writers, and the group that it would have.
const NAME: &str = "ingest";

#[derive(Serialize)]
struct Summary<'r> {
    lines: u64,
    accepted: u64,
    rejected: u64,
    of_unknown_type: u64,
    unknown_types: &'r BTreeMap<String, u64>,
    /// Time until all lines lay in the log; none where the outcome says it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    written_seconds: Option<f64>,
    /// What the stages made of it; none where they run elsewhere.
    #[serde(flatten)]
    outcome: Option<Outcome>,
}

pub(super) fn run(args: &Ingest, config: &Config, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let Some(topic) = RawTopic::named(&args.topic) else {
        bail!("--topic: {:?} is no raw topic: use {}", args.topic, RawTopic::ALL.map(RawTopic::name).join(", "));
    };
    let received = received_time(args.received_time.as_deref())?;
    let progress = Progress::new(answer.is_json);
    let name = if is_standard_input(&args.file) { "standard input".to_owned() } else { args.file.display().to_string() };
    let input = open(&args.file, &progress).with_context(|| format!("cannot read {name}"))?;
    let input = open_plain_or_gzip(input).with_context(|| format!("cannot read {name}"))?;

    let started = Instant::now();
    let run = Run { topic, received, config };
    let mut verdicts = Verdicts { answer, is_closed: false };
    if args.cluster.is_asked() {
        let report = run.on_kafka(input, &mut verdicts).with_context(|| name.clone())?;
        summarise(&report, Ended::Written(started.elapsed()), received.is_given, &config.playback, answer)?;
        return Ok(if report.rejected == 0 { Verdict::Well } else { Verdict::BadNews });
    }
    let folder = DataFolder::open_or_create(&config.data)?;
    let mark = Mark::take(&folder)?;
    let topics = outputs(topic, folder.partitions(topic.name())?);
    let mut lane = LocalLane::new(&folder.log, NAME, &[topic.name()], &topics)?;
    let schema_id = folder.registry.register(&value_subject(topic.name()), topic.schema())?;
    let report = run.write(input, &mut lane, &topics, schema_id, &mut verdicts).with_context(|| name.clone())?;
    let outcome = Outcome::of(&folder, &mark, topology::run_to_end(&folder, config, &progress)?, started.elapsed())?;
    summarise(&report, Ended::Processed(outcome), received.is_given, &config.playback, answer)?;
    Ok(if report.rejected == 0 && outcome.dead_letters == 0 { Verdict::Well } else { Verdict::BadNews })
}

/// What is ingested, and how.
struct Run<'r> {
    topic: RawTopic,
    received: ReceivedTime,
    config: &'r Config,
}

impl Run<'_> {
    /// Appends the lines to the topic of a cluster, whose stages run elsewhere. One ingest at a time writes to a topic there.
    fn on_kafka(&self, input: impl BufRead, verdicts: &mut Verdicts<'_>) -> anyhow::Result<IngestReport> {
        let writer = ClusterWriter::new(self.config)?;
        let described = writer.topic(self.topic.name())?;
        check_received(&described, &self.received)?;
        let topics = outputs(self.topic, described.partitions);
        let schema_id = writer.register(self.topic.name(), self.topic.schema())?;
        let mut lane = writer.lane(NAME, self.topic.name(), &[self.topic.name()], &topics)?;
        self.write(input, &mut lane, &topics, schema_id, verdicts).map_err(|error| match error {
            IngestError::Log(LogError::Fenced(cause)) => anyhow::anyhow!(
                "another ingest to {} has begun on this cluster, and this one has given way ({cause}): the lines whose verdict was given are \
                 written, and the others can be sent again, since a second copy is dropped",
                self.topic.name()
            ),
            error => error.into(),
        })
    }

    fn write<L: Log>(
        &self,
        input: impl BufRead,
        lane: &mut L,
        topics: &[OutputTopic; 1],
        schema_id: u32,
        verdicts: &mut Verdicts<'_>,
    ) -> Result<IngestReport, IngestError> {
        let received = self.received;
        let options = IngestOptions {
            topic: self.topic,
            // A clock that was put out of order on the way counts as it stood at the start.
            received: &|| received.at(now_ms().unwrap_or(received.now_ms)),
            late_horizon_ms: self.config.playback.late_horizon_ms,
            batch_lines: BATCH_LINES,
            schema_id,
            run: &run_name(self.config, received.now_ms),
        };
        ingest(input, lane, topics, &options, &mut |verdict| verdicts.show(verdict))
    }
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

fn open(file: &Path, progress: &Progress) -> io::Result<Box<dyn Read>> {
    if is_standard_input(file) {
        return Ok(Box::new(progress.reading("reading", None, StreamInput::new(io::stdin())?)));
    }
    if file.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    let file = File::open(file)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Box::new(progress.reading("reading", None, StreamInput::new(file)?)));
    }
    Ok(Box::new(progress.reading("reading", Some(metadata.len()), file)))
}

/// The verdicts on the lines that were refused, as they come.
struct Verdicts<'a> {
    answer: &'a mut Answer,
    /// Nobody reads them any more: the lines are written all the same.
    is_closed: bool,
}

impl Verdicts<'_> {
    fn show(&mut self, verdict: &LineVerdict) -> io::Result<()> {
        if self.is_closed || !verdict.is_rejected() {
            return Ok(());
        }
        let shown = if self.answer.is_json { self.answer.json(verdict) } else { self.answer.line(&verdict.to_string()) };
        match shown.and_then(|()| self.answer.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            other => other,
        }
    }
}

/// In words; behind a stream of JSON as its last line.
fn summarise(report: &IngestReport, ended: Ended, is_replay: bool, settings: &PlaybackSettings, answer: &mut Answer) -> anyhow::Result<()> {
    let IngestReport { lines, accepted, rejected, of_unknown_type, unknown_types } = report;
    if answer.is_json {
        let (lines, accepted, rejected, of_unknown_type) = (*lines, *accepted, *rejected, *of_unknown_type);
        let (outcome, written_seconds) = (ended.outcome(), ended.written_seconds());
        answer.json(&Summary { lines, accepted, rejected, of_unknown_type, unknown_types, written_seconds, outcome })?;
        return Ok(());
    }
    let lines_read = shown::counted(*lines, "line");
    answer.line(&format!("{lines_read}: {} accepted, {} rejected", shown::count(*accepted), shown::count(*rejected)))?;
    if *of_unknown_type > 0 {
        let named = unknown_types.iter().map(|(name, count)| format!("{name} ({})", shown::count(*count))).collect::<Vec<_>>().join(", ");
        let more = if unknown_types.values().sum::<u64>() < *of_unknown_type { ", ..." } else { "" };
        answer.line(&format!(
            "{} of a type that this version does not know, kept as UNKNOWN: {named}{more}",
            shown::counted(*of_unknown_type, "event")
        ))?;
    }
    ended.lines(*lines, "lines", settings.silence_ms).iter().try_for_each(|line| answer.line(line))?;
    if is_replay && *accepted > 0 {
        answer.line(&format!(
            "note: if these lines are ingested again after {} h of log time, they count twice (only imports are guarded for ever)",
            settings.state_horizon_ms / 3_600_000
        ))?;
    }
    Ok(())
}
