//! The command line.

mod clickhouse;
mod cluster;
pub(crate) mod dlq;
mod produce;
mod read;
mod run;

use std::path::PathBuf;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::config::Flags;

pub(crate) use clickhouse::{Clickhouse, ClickhouseServer};
pub(crate) use cluster::{Backup, Config, Doctor, Schemas, SchemasCheck, SchemasRegister, Topics, TopicsApply, TopicsPlan};
pub(crate) use produce::{Import, Ingest, Simulate, ViewingActivity};
pub(crate) use read::{Audit, ClusterInstead, ContinueWatching, Dimension, History, Profile, Qos, Read, Session};
pub(crate) use run::{Dev, Process, ProcessStage, Sink, SinkStore, Stages};

/// The heading of options that every command has; its own come before them.
const GLOBAL: &str = "Global options";

/// From players' events to resume positions, sessions and quality of service.
#[derive(Debug, Parser)]
#[command(
    name = "playhead",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  playhead ingest events.ndjson
  playhead import viewing-activity viewing_activity.csv.gz
  playhead continue-watching p3

Exit status: 0 well; 1 the answer is bad news: lines or rows refused, records that became dead letters as they were written, books that differ, \
changes or schemas refused, nothing under the name asked for; 2 anything that kept it from answering (of `topics plan` 3: there 2 says that there are changes). \
Dead letters that are only listed or processed are no bad news."
)]
pub(crate) struct Cli {
    /// Folder that holds the log, the stores and the schemas [default: ./playhead-data]
    #[arg(long, global = true, value_name = "DIR", env = "PLAYHEAD_DATA", help_heading = GLOBAL)]
    pub(crate) data: Option<PathBuf>,

    /// Configuration file [default: playhead.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE", env = "PLAYHEAD_CONFIG", help_heading = GLOBAL)]
    pub(crate) config: Option<PathBuf>,

    /// Answer in JSON: one object or array, or one object a line for streams of records
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: take events over HTTP, process them, answer, show a page
    #[command(after_help = "Examples:
  playhead dev
  playhead --data mine dev --listen 127.0.0.1:9000
  curl -sS http://127.0.0.1:8080/v1/playback-events -H 'content-type: application/json' -d '{\"events\": [{\"session_id\": \"s1\", \
\"type\": \"SESSION_START\", \"event_time\": \"'$(date -u +%FT%TZ)'\", \"title_id\": \"t1\"}]}'

POST /v1/playback-events  {\"sent_at\": T, \"events\": [...]}; an event that was accepted is durable when the answer comes
GET  /resume/PROFILE      as `playhead resume --json`
GET  /sessions?limit=N    the newest sessions and their quality of service
GET  /qos                 quality of service over the newest sessions
GET  /healthz             whether all is well, and what was taken; 503 where a stage is stuck
GET  /readyz              whether every stage has its partitions and waits for nothing; 503 and what is missing where not
GET  /metrics             metrics in Prometheus' format
GET  /                    the page
     /apis/registry       the schemas of the topics, as a schema registry on Confluent's API

Whoever asks the folder meanwhile (resume, continue-watching, history, session, qos, read, backup) is answered by this process. Ctrl-C or \
SIGTERM ends it; what was accepted stays, and is made up for at the next start.")]
    Dev(Dev),
    /// Copy a data folder, also while it is in use
    #[command(after_help = "Examples:
  playhead backup playhead-data /backups/playhead-data-monday

The copy is a data folder like any other: playhead --data TO resume p3. It is complete when the command ends, and consistent: stores never \
stand beyond the log beside them.")]
    Backup(Backup),
    /// Import what another service hands out
    #[command(
        subcommand,
        after_help = "Examples:
  playhead import viewing-activity viewing_activity.csv.gz"
    )]
    Import(Import),
    /// Write events, one JSON object a line, to a raw topic
    #[command(after_help = "Examples:
  playhead ingest events.ndjson
  zcat events.ndjson.gz | playhead ingest -
  playhead ingest replay.ndjson --received-time 2024-01-16T18:00:00Z
  playhead ingest app.ndjson --topic app_events --json
  playhead ingest events.ndjson --brokers kafka:9092 --registry http://registry:8081

Each rejected line gets a verdict with its number, the reason and the field, and the rest goes on. With --json the last line is a summary. \
Events without event_id get one made of what they say. Events of a type that this version does not know are kept as UNKNOWN. With \
--received-time (a replay) nothing is too old. There is no ledger: the same file ingested again after the state horizon counts twice. One ingest at a time writes to a topic of a Kafka cluster: a \
second one stops the first.")]
    Ingest(Ingest),
    /// Write the events of made-up viewers, and the truth of what they come to
    #[command(after_help = "Examples:
  playhead --data simulated simulate
  playhead --data simulated simulate --seed 7 --sessions 10000 --duplicates 5% --disorder 10% --late 2% --lost 1% --poison 1%
  playhead --data simulated simulate --start 2026-01-01T00:00:00Z --json

Rates are shares of the events, as in 0.05 or 5%. The same seed, start, sessions and rates give the same records, byte for byte. The run \
lasts one to five days of its own time; without --start it has ended half an hour ago, so that all sessions are closed. What every session and every resume position must come to is written to \
DIR/truth/*.ndjson, from the viewers' own timelines; a figure that lost events have made unknowable is null there, and named under \
unprovable. Poison ends as dead letters: they are expected, and no bad news.

How far the run has come is noted with its records: one that was cut off goes on where it stopped when the same command is run again, and \
one that has ended appends nothing any more. Without --start the start that was taken first is taken again. Another --seed appends another \
run; the same seed and start with other sessions or rates are refused, since the events would have the ids of those that are there.")]
    Simulate(Simulate),
    /// Show the records of a topic
    #[command(after_help = "Examples:
  playhead read playback_sessions --limit 3
  playhead read playback_events --partition 2 --from-offset 100
  playhead read resume_state --from-time 2024-01-16T00:00:00Z --json | jq .value.position_ms
  playhead read dead_letters --brokers kafka:9092 --registry http://registry:8081 --limit 10

Partitions are shown one after the other, each up to the end that it had when it began: what is written meanwhile is not waited for. With \
--brokers only what is committed is shown, and nothing is committed or joined: a reader leaves no trace on the cluster.")]
    Read(Read),
    /// Where a profile resumes everything that it watched, newest first
    #[command(after_help = "Examples:
  playhead resume p3 --limit 10
  playhead resume p3 --json | jq '.[] | select(.preview | not)'

It is the data folder's store that is asked. On a cluster the positions are on a topic: playhead read resume_state --brokers kafka:9092")]
    Resume(Profile),
    /// What a profile has begun and not finished, newest first
    #[command(after_help = "Examples:
  playhead continue-watching p3
  playhead continue-watching p3 --limit 5 --json")]
    ContinueWatching(ContinueWatching),
    /// What a profile watched, newest first
    #[command(after_help = "Examples:
  playhead history p3
  playhead history p3 --from 2023-12-01T00:00:00Z --to 2024-01-01T00:00:00Z
  playhead history p3 --previews --limit 10
  playhead history p3 --page-token 1705427569000000/0b7c... --json")]
    History(History),
    /// One session: its rows, its quality of service, and what happened when
    #[command(after_help = "Examples:
  playhead session sample-session
  playhead session sample-session --json | jq .qos[0].rebuffer_ratio_cta2066")]
    Session(Session),
    /// Quality of service over all sessions
    #[command(after_help = "Examples:
  playhead qos
  playhead qos --by device_type
  playhead qos --since 2024-01-01 --json

The rebuffer ratio is that of CTA-2066: rebuffering / (starting + playing + rebuffering + seeking + stalled by seeks), sums over sessions. \
Imports are not measured: they count under SESSIONS, but neither in the startup times nor in the ratio.")]
    Qos(Qos),
    /// Whether nothing vanished, nothing doubled, and the store has what the log says
    #[command(after_help = "Examples:
  playhead audit
  playhead --data simulated audit --truth
  playhead audit --json | jq '.books.partitions[] | select(.sums_equal | not)'
  playhead audit --brokers kafka:9092 --registry http://registry:8081

Every record on playback_events must have ended exactly once: passed on (clean), refused (a dead letter), or as a copy of an event of its \
session. Counts and sums of content hashes are compared partition by partition, and where they differ the offsets are named. Sessions and \
their quality of service must be in the store as their topics have them, and resume positions as the viewings say. With --truth, for a \
folder that holds simulated runs and nothing else, every figure must also be what the viewers did. Nothing is changed: what a command that \
was cut off has not processed is pending, and no fault. Exit status 1 where anything differs.

Where clickhouse.url is set, ClickHouse is held to its topics, too: every event once and unaltered, the newest version of every session, and \
the tables by minute against the events that they were made of.

With --brokers it is the topics of a cluster that are held against one another, and of the stores only ClickHouse is looked at. Stages may run meanwhile: what they had \
committed when the audit began is judged, and nothing that retention has taken is missed.")]
    Audit(Audit),
    /// The dead letters: what was refused, why, and its way back
    #[command(
        subcommand,
        after_help = "Examples:
  playhead dlq list
  playhead dlq show playback_events-2-1041-playback
  playhead dlq redrive --reason unknown_schema_id --dry-run"
    )]
    Dlq(dlq::Dlq),
    /// The Avro schemas
    #[command(
        subcommand,
        after_help = "Examples:
  playhead schemas check
  playhead schemas register --registry http://127.0.0.1:8081"
    )]
    Schemas(Schemas),
    /// The topics of a Kafka cluster, held to topics.yaml
    #[command(
        subcommand,
        after_help = "Examples:
  playhead topics plan --brokers kafka:9092
  playhead topics apply --brokers 127.0.0.1:9092 --dev"
    )]
    Topics(Topics),
    /// Run one stage on Kafka: each its own processes, each process its own lanes
    #[command(after_help = "Examples:
  playhead process playback --brokers kafka:9092 --registry http://registry:8081 --snapshots s3://playhead/states
  playhead process playback --lanes 4 --instance playback-0 --config production.toml
  playhead process profile --until-caught-up --json

A lane is a thread with a consumer, a transactional producer and the state of its partitions; the group shares the partitions out among all \
lanes of all processes. Outputs and positions are one transaction. A process is the same again after a restart where its --instance is: it \
fences what is left of the one before, and its partitions wait for it. Any setting of librdkafka goes under [kafka.client], as in \
\"security.protocol\" = \"ssl\", or in PLAYHEAD_KAFKA_CLIENT_SECURITY_PROTOCOL.

Saved states must lie where every process of the stage reaches them, or a partition that moves is restored from the log. Ctrl-C or SIGTERM ends \
it after a last commit.

Metrics in Prometheus' format are at http://127.0.0.1:9464/metrics (metrics.listen; the second process of a machine takes another port). \
/healthz answers 503 where a lane is stuck and the process is to be started again, /readyz where partitions are not assigned or restored, or \
the registry, the cluster or a store is waited for; both say what and why in JSON. The log goes to standard error.")]
    Process(Process),
    /// Write what the stages make on Kafka to a store
    #[command(after_help = "Examples:
  playhead sink clickhouse --brokers kafka:9092 --registry http://registry:8081
  PLAYHEAD_CLICKHOUSE_URL=http://clickhouse:8123 playhead sink clickhouse --config production.toml

Every record is in the store once, whatever is killed: the range of offsets is noted before it is written, and after an answer that did not \
come the store is asked what it has. A store that is down is waited for; nothing else waits for it. Settings: [clickhouse] url, user, \
password_file, database, timeout, flush_interval and recompute_interval; the password also as PLAYHEAD_CLICKHOUSE_PASSWORD.")]
    Sink(Sink),
    /// Look at everything that this deployment rests on, and say what to mend
    #[command(after_help = "Examples:
  playhead doctor
  playhead doctor --brokers kafka:9092 --registry http://registry:8081 --snapshots s3://playhead/states
  playhead --config production.toml doctor --json | jq '.checks[] | select(.status != \"ok\")'

A line a check, with ok, warning or failure, and what to do: the data folder and its disk; where states are saved (a probe is written, read \
and deleted); the registry and our schemas in it; this host's clock; the connection to the brokers; each topic against topics.yaml, and \
whether it keeps what it acknowledged; transactions that hang; the group of each stage, and how far it is behind. What is not set is not \
looked at. It takes seconds, or half a minute where something does not answer. Exit status 1 where anything failed.")]
    Doctor(Doctor),
    /// ClickHouse: its tables, and its engine embedded
    #[command(
        subcommand,
        after_help = "Examples:
  playhead clickhouse server --port 8123
  PLAYHEAD_CLICKHOUSE_URL=http://127.0.0.1:8123 playhead clickhouse migrate"
    )]
    Clickhouse(Clickhouse),
    /// The configuration
    #[command(
        subcommand,
        after_help = "Examples:
  playhead config check
  playhead --config production.toml config check --json"
    )]
    Config(Config),
}

impl Cli {
    /// What the command line says of the configuration.
    pub(crate) fn flags(&self) -> Flags<'_> {
        let stages = match &self.command {
            Command::Dev(args) => Some(&args.stages),
            Command::Import(Import::ViewingActivity(args)) => Some(&args.stages),
            Command::Ingest(args) => Some(&args.stages),
            Command::Simulate(args) => Some(&args.stages),
            Command::Process(args) => Some(&args.stages),
            Command::Doctor(args) => Some(&args.stages),
            Command::Dlq(dlq::Dlq::Redrive(args)) => Some(&args.stages),
            _ => None,
        };
        let snapshot_interval = stages.and_then(|stages| stages.snapshot_interval.as_deref());
        let snapshots = stages.and_then(|stages| stages.snapshots.as_deref());
        let [instance, lanes, metrics_listen] = match &self.command {
            Command::Process(args) => [&args.instance, &args.lanes, &args.metrics_listen].map(Option::as_deref),
            Command::Sink(args) => [&args.instance, &args.lanes, &args.metrics_listen].map(Option::as_deref),
            _ => [None; 3],
        };
        let log = match &self.command {
            Command::Dev(args) => Some(&args.log),
            Command::Process(args) => Some(&args.log),
            Command::Sink(args) => Some(&args.log),
            _ => None,
        };
        Flags {
            file: self.config.as_deref(),
            data: self.data.as_deref(),
            snapshot_interval,
            snapshots,
            registry: self.registry(),
            brokers: self.brokers(),
            instance,
            lanes,
            listen: if let Command::Dev(args) = &self.command { args.listen.as_deref() } else { None },
            metrics_listen,
            log_format: log.and_then(|log| log.log_format.as_deref()),
            log_level: log.and_then(|log| log.log_level.as_deref()),
        }
    }
}

impl Cli {
    fn brokers(&self) -> Option<&str> {
        let brokers = match &self.command {
            Command::Process(args) => &args.brokers,
            Command::Sink(args) => &args.brokers,
            Command::Doctor(args) => &args.brokers,
            Command::Topics(Topics::Plan(args) | Topics::Apply(TopicsApply { plan: args })) => &args.brokers,
            _ => &self.cluster_instead()?.brokers,
        };
        // Without a value it only says that the cluster is meant.
        brokers.as_deref().filter(|brokers| !brokers.is_empty())
    }

    fn registry(&self) -> Option<&str> {
        let registry = match &self.command {
            Command::Schemas(Schemas::Check(args)) => &args.registry,
            Command::Schemas(Schemas::Register(args)) => &args.registry,
            Command::Process(args) => &args.registry,
            Command::Sink(args) => &args.registry,
            Command::Doctor(args) => &args.registry,
            _ => &self.cluster_instead()?.registry,
        };
        registry.as_deref()
    }

    /// Of a command that turns to a data folder unless it is told otherwise.
    pub(crate) const fn cluster_instead(&self) -> Option<&ClusterInstead> {
        match &self.command {
            Command::Import(Import::ViewingActivity(args)) => Some(&args.cluster),
            Command::Ingest(args) => Some(&args.cluster),
            Command::Simulate(args) => Some(&args.cluster),
            Command::Read(args) => Some(&args.cluster),
            Command::Audit(args) => Some(&args.cluster),
            Command::Dlq(command) => Some(command.cluster()),
            _ => None,
        }
    }
}

fn whole_number<N: FromStr>(text: &str) -> Result<N, &'static str> {
    text.parse().map_err(|_| "must be a whole number, as in 3")
}

fn at_least_one<N: FromStr + Default + PartialEq>(text: &str) -> Result<N, &'static str> {
    text.parse().ok().filter(|number| *number != N::default()).ok_or("must be a whole number of at least 1, as in 20")
}

/// The exit status of a failure: that of `topics plan` is another, since 2 says there that a plan has changes. A command line that can't be read has
/// none of its own to tell.
pub(crate) fn failure_status() -> u8 {
    let arguments: Vec<_> = std::env::args_os().collect();
    if arguments.windows(2).any(|two| two[0] == "topics" && two[1] == "plan") { 3 } else { 2 }
}

/// Reads the command line. Help and version are printed, and end the program; what is wrong comes back as one line.
pub(crate) fn parse() -> anyhow::Result<Cli> {
    Cli::try_parse().map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
        {
            error.exit();
        }
        anyhow::anyhow!(one_line(&error.render().to_string()))
    })
}

/// As [`parse`], of a command line that came from elsewhere, the program's name left out.
pub(crate) fn parse_from(arguments: &[String]) -> anyhow::Result<Cli> {
    let line = std::iter::once("playhead").chain(arguments.iter().map(String::as_str));
    Cli::try_parse_from(line).map_err(|error| anyhow::anyhow!(one_line(&error.render().to_string())))
}

/// Clap's message without its usage text: what is wrong, and its tips.
fn one_line(rendered: &str) -> String {
    if rendered.contains("unexpected argument '--brokers'") {
        return "this command reads the data folder, and takes no --brokers: on a cluster `playhead read TOPIC --brokers HOST:PORT` shows what its \
                topics hold, as in `playhead read resume_state --brokers`; see --help"
            .to_owned();
    }
    let message = rendered.split("\nUsage:").next().unwrap_or(rendered).split("\nFor more information").next().unwrap_or(rendered);
    let parts = message.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| line.trim_start_matches("error: "));
    let line = parts.collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    format!("{line}; see --help")
}
