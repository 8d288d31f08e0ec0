//! What looks after a deployment.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Stages, at_least_one};

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

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The data folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The copy, which must not be there yet
    #[arg(value_name = "TO")]
    pub(crate) to: PathBuf,
}
