//! The command line.

pub(crate) mod dlq;

use std::path::PathBuf;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use producers::simulate::Rate;

use crate::config::Flags;

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

Exit status: 0 well; 1 the answer is bad news, as in rejected lines, dead letters, books that differ, or nothing under the name asked for; 2 anything that \
kept it from answering."
)]
pub(crate) struct Cli {
    /// Folder that holds the log, the stores and the schemas [default: ./playhead-data]
    #[arg(long, global = true, value_name = "DIR", env = "PLAYHEAD_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Configuration file [default: playhead.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE", env = "PLAYHEAD_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Answer in JSON: one object or array, or one object a line for streams of records
    #[arg(long, global = true)]
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
  playhead resume p3
  playhead resume p3 --json | jq '.[] | select(.preview | not)'")]
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

With --brokers it is the topics of a cluster that are held against one another, and no store is looked at. Stages may run meanwhile: what they had \
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
    /// The configuration
    #[command(
        subcommand,
        after_help = "Examples:
  playhead config check
  playhead --config production.toml config check --json"
    )]
    Config(Config),
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The cluster [default: kafka.brokers]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// The schema registry [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// One broker is enough, and topics have as many partitions as in dev
    #[arg(long)]
    pub(crate) dev: bool,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Every setting as it takes effect, and where it comes from: a flag, a variable, a line of the file, or the default
    #[command(after_help = "Examples:
  playhead config check
  playhead --config production.toml config check --json | jq -r '.settings[] | select(.origin != \"the default\") | .key'

What is wrong is named as at every start: unknown keys, values of the wrong type, bounds that contradict one another; exit status 2. Secrets \
are masked. Variables that begin with PLAYHEAD_ and set nothing are listed, for they may be misspelt.")]
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topics {
    /// What would be changed; exit status 2 where there is anything, 1 where something is refused
    #[command(after_help = "Examples:
  playhead topics plan --brokers kafka:9092
  playhead topics plan --brokers kafka:9092 --json | jq .changes

Topics that topics.yaml does not name, and settings that it says nothing of, are left alone.")]
    Plan(TopicsPlan),
    /// Change it: nothing, where anything is refused
    #[command(after_help = "Examples:
  playhead topics apply --brokers kafka:9092
  playhead topics apply --brokers 127.0.0.1:9092 --dev

What is refused without being asked for: more partitions of a topic that feeds keyed state (--allow-rekey), whatever lets records go, such as a \
shorter retention or fewer partitions (--allow-delete), and outside dev fewer than three replicas.")]
    Apply(TopicsApply),
}

#[derive(Debug, Args)]
pub(crate) struct TopicsPlan {
    /// The cluster [default: kafka.brokers]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// One broker is enough, and topics have as many partitions as in dev
    #[arg(long)]
    pub(crate) dev: bool,
    /// Replicas of each partition of a new topic [default: 3, in dev 1]
    #[arg(long, value_name = "N", value_parser = at_least_one::<u16>)]
    pub(crate) replicas: Option<u16>,
    /// Give a topic that feeds keyed state more partitions: the events of a session part
    #[arg(long)]
    pub(crate) allow_rekey: bool,
    /// Let records go: by a shorter retention, or where a topic must be made anew
    #[arg(long)]
    pub(crate) allow_delete: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TopicsApply {
    #[command(flatten)]
    pub(crate) plan: TopicsPlan,
}

/// A stage that runs on Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProcessStage {
    /// playback_events -> sessions, quality of service, progress
    Playback,
    /// viewing_progress -> resume positions
    Profile,
}

#[derive(Debug, Args)]
pub(crate) struct Process {
    /// The stage
    #[arg(value_enum)]
    pub(crate) stage: ProcessStage,
    /// The cluster [default: kafka.brokers]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// The schema registry [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// Which process of the stage this is: another in each, the same after a restart [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Threads, each with partitions of its own [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) lanes: Option<String>,
    /// End when all input has been read, instead of waiting for more
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    /// Where /metrics, /healthz and /readyz are: an address and a port, or off [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

/// What a command that runs on says meanwhile, on standard error.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// How: human, json, or auto: human on a terminal [default: auto]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// From which level on: error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// What the stages are told that a command runs.
#[derive(Debug, Args)]
pub(crate) struct Stages {
    /// How often the state of each partition is saved, as in 3m; 0s: at each commit [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) snapshot_interval: Option<String>,
    /// Where it is saved: a folder, or s3://bucket/prefix [default: in the data folder]
    #[arg(long, value_name = "PLACE")]
    pub(crate) snapshots: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Where to listen: a loopback address and a port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The data folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The copy, which must not be there yet
    #[arg(value_name = "TO")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import viewing activity: one row a view, plain or gzip
    #[command(after_help = "Examples:
  playhead import viewing-activity viewing_activity.csv.gz
  playhead import viewing-activity ViewingActivity.csv --received-time 2024-01-17T00:00:00Z
  playhead import viewing-activity export.csv --json
  playhead import viewing-activity export.csv --brokers kafka:9092 --registry http://registry:8081

Columns (any order): profile, start_time, duration, title, supplemental_type, autoplayed, device_type, bookmark, country; or those of \
Netflix's own export: Profile Name, Start Time, Duration, Title, Supplemental Video Type, Attributes, Device Type, Bookmark, Country. \
Rows that were imported before are passed over, so a second run or a longer export adds only what is new. One import at a time writes to a Kafka \
cluster: a second one stops the first. `playhead process` makes sessions of what it wrote.")]
    ViewingActivity(ViewingActivity),
}

#[derive(Debug, Args)]
pub(crate) struct ViewingActivity {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// When the rows are said to have been received: RFC 3339, a date or microseconds since 1970 [default: now]
    #[arg(long, value_name = "T")]
    pub(crate) received_time: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// The file, plain or gzip; - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where the events go: playback_events, app_events or billing_events
    #[arg(long, default_value = "playback_events")]
    pub(crate) topic: String,
    /// When events that don't say so are said to have been received: RFC 3339, a date or microseconds since 1970 [default: now]
    #[arg(long, value_name = "T")]
    pub(crate) received_time: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// What everything random is drawn from
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole_number::<u64>)]
    pub(crate) seed: u64,
    /// How many sessions
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one::<u32>)]
    pub(crate) sessions: u32,
    /// Events that are delivered again, at once or hours later
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) duplicates: Rate,
    /// Events that are delivered after younger ones
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) disorder: Rate,
    /// Events that are delivered after their session has closed
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) late: Rate,
    /// Events that are never delivered
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) lost: Rate,
    /// Records that must be refused, on top of the events
    #[arg(long, value_name = "RATE", default_value = "0%")]
    pub(crate) poison: Rate,
    /// When the first viewer begins: RFC 3339, a date or microseconds since 1970 [default: so that the run has just ended, or as it was when the same
    /// was simulated first]
    #[arg(long, value_name = "T")]
    pub(crate) start: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    /// The topic
    pub(crate) topic: String,
    /// Only this partition
    #[arg(long, value_name = "N", value_parser = whole_number::<u32>)]
    pub(crate) partition: Option<u32>,
    /// From this offset on
    #[arg(long, value_name = "N", conflicts_with = "from_time", value_parser = whole_number::<i64>)]
    pub(crate) from_offset: Option<i64>,
    /// From the first record on whose timestamp is not before this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) from_time: Option<String>,
    /// At most so many records
    #[arg(long, value_name = "N", value_parser = at_least_one::<u64>)]
    pub(crate) limit: Option<u64>,
    /// Show the heartbeats too, by which log time goes on where nothing happens
    #[arg(long)]
    pub(crate) heartbeats: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
}

/// A Kafka cluster to turn to instead of the data folder.
#[derive(Debug, Args)]
pub(crate) struct ClusterInstead {
    /// Turn to this Kafka cluster instead of the data folder
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) brokers: Option<String>,
    /// The schema registry of that cluster [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct ContinueWatching {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile_id: String,
    /// At most so many titles
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one::<usize>)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile_id: String,
    /// Opened at or after this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<String>,
    /// Opened before this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<String>,
    /// At most so many sessions
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one::<usize>)]
    pub(crate) limit: usize,
    /// Go on behind the page before
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<String>,
    /// Previews instead of full plays: below 2 min of media, or flagged
    #[arg(long)]
    pub(crate) previews: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Session {
    /// The session
    #[arg(value_name = "ID")]
    pub(crate) session_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Qos {
    /// Only sessions opened at or after this: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) since: Option<String>,
    /// A row for each of these
    #[arg(long, value_name = "DIMENSION", value_enum, value_delimiter = ',', default_value = "device_type,country")]
    pub(crate) by: Vec<Dimension>,
}

/// What QoS can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Dimension {
    DeviceType,
    Country,
    Cdn,
    Player,
    AppVersion,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Compare with what simulated viewers did, as DIR/truth/*.ndjson tells it
    #[arg(long)]
    pub(crate) truth: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Schemas {
    /// Hold every schema against all that were released: anything but FULL_TRANSITIVE is named
    #[command(after_help = "Examples:
  playhead schemas check
  playhead schemas check --registry http://127.0.0.1:8081
  playhead schemas check --json

Without --registry nobody is asked: what was released is known to the program. With it, the schema of each topic is held against all versions \
of its subject in that registry, by our rules and by the registry's, and the subject must be FULL_TRANSITIVE there. Nothing is changed.")]
    Check(SchemasCheck),
    /// Register the schema of each topic with a schema registry, under the subject TOPIC-value
    #[command(after_help = "Examples:
  playhead schemas register --registry http://127.0.0.1:8081
  playhead schemas register --registry http://127.0.0.1:8080/apis/ccompat/v7 --dry-run
  PLAYHEAD_REGISTRY_PASSWORD=... playhead schemas register --json

Any registry that speaks Confluent's API will do: Confluent's, Apicurio, Karapace, and that of `playhead dev` at /apis/registry. All schemas are \
held against what is there first, and where one is refused none is registered: subject and field are named, and the exit status is 1. Each \
subject is made FULL_TRANSITIVE. What is there already stays as it is. Settings: [registry] url, user, password_file, token_file, ca_file, \
timeout and grace; the secrets also as PLAYHEAD_REGISTRY_PASSWORD and PLAYHEAD_REGISTRY_TOKEN.")]
    Register(SchemasRegister),
}

#[derive(Debug, Args)]
pub(crate) struct SchemasCheck {
    /// Hold them against this registry instead: the address before /subjects, or several of one registry with commas
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemasRegister {
    /// The registry: the address before /subjects, or several of one registry with commas [default: registry.url]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// Only say what would be registered, and what would be refused
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl ClusterInstead {
    /// Whether it is the cluster's turn.
    pub(crate) const fn is_asked(&self) -> bool {
        self.brokers.is_some()
    }
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
        let process = if let Command::Process(args) = &self.command { Some(args) } else { None };
        let log = match &self.command {
            Command::Dev(args) => Some(&args.log),
            Command::Process(args) => Some(&args.log),
            _ => None,
        };
        Flags {
            file: self.config.as_deref(),
            data: self.data.as_deref(),
            snapshot_interval,
            snapshots,
            registry: self.registry(),
            brokers: self.brokers(),
            instance: process.and_then(|args| args.instance.as_deref()),
            lanes: process.and_then(|args| args.lanes.as_deref()),
            metrics_listen: process.and_then(|args| args.metrics_listen.as_deref()),
            log_format: log.and_then(|log| log.log_format.as_deref()),
            log_level: log.and_then(|log| log.log_level.as_deref()),
        }
    }
}

impl Cli {
    fn brokers(&self) -> Option<&str> {
        let brokers = match &self.command {
            Command::Process(args) => &args.brokers,
            Command::Doctor(args) => &args.brokers,
            Command::Topics(Topics::Plan(args) | Topics::Apply(TopicsApply { plan: args })) => &args.brokers,
            _ => &self.cluster_instead()?.brokers,
        };
        brokers.as_deref()
    }

    fn registry(&self) -> Option<&str> {
        let registry = match &self.command {
            Command::Schemas(Schemas::Check(args)) => &args.registry,
            Command::Schemas(Schemas::Register(args)) => &args.registry,
            Command::Process(args) => &args.registry,
            Command::Doctor(args) => &args.registry,
            _ => &self.cluster_instead()?.registry,
        };
        registry.as_deref()
    }

    /// Of a command that turns to a data folder unless it is told otherwise.
    const fn cluster_instead(&self) -> Option<&ClusterInstead> {
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
    let message = rendered.split("\nUsage:").next().unwrap_or(rendered).split("\nFor more information").next().unwrap_or(rendered);
    let parts = message.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| line.trim_start_matches("error: "));
    let line = parts.collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    format!("{line}; see --help")
}
