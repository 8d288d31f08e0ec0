//! The command line of `playhead dlq`.

use clap::{Args, Subcommand, ValueEnum};

use super::{ClusterInstead, Stages, at_least_one, whole_number};

#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// What was refused, a line a letter, and how many for each reason
    #[command(after_help = "Examples:
  playhead dlq list
  playhead dlq list --reason unknown_schema_id --redriven no --json | jq -r .id
  playhead dlq list --since 2026-01-16T00:00:00Z --limit 20
  playhead dlq list --brokers kafka:9092 --registry http://registry:8081 --stage playback --partition 3

A letter's id is TOPIC-PARTITION-OFFSET-STAGE: where the refused record stood, and which stage refused it. With --json the topic in it is \
named by its own id, so that a topic made anew under the same name has other letters; either form is understood. Times are log time: the \
clock of the records. With --json the last line is a summary, and raw holds the value (base64), or its first 64 KiB where value_sha256 is set.")]
    List(List),
    /// Everything of one letter: its reason and what to do about it, its bytes, what of them can be read, and what became of it
    #[command(after_help = "Examples:
  playhead dlq show playback_events-2-1041-playback
  playhead dlq show playback_events-2-1041-playback --json | jq -r .raw | base64 -d | xxd")]
    Show(Show),
    /// Write refused records to their topics again, as they came
    #[command(after_help = "Examples:
  playhead dlq redrive --all --dry-run
  playhead dlq redrive --reason unknown_schema_id
  playhead dlq redrive playback_events-2-1041-playback
  playhead dlq redrive --brokers kafka:9092 --registry http://registry:8081 --since 2026-01-16 --limit 1000

Which letters is to be said, by their ids, by one filter or several, or by --all; a --dry-run may do without. `dlq list` says of each reason whether a \
redrive can help: what is malformed is refused again, unless a newer version of Playhead reads it. Each record goes back with its own bytes, key, timestamp and headers, to the partition in which it stood, and one header more that names the \
letter. What has gone back is marked in the ledger in the same transaction: a second redrive, whenever it comes, passes it over, and one that \
was cut off goes on where it stopped. What is refused again has a letter of its own, with one attempt more; nothing goes back by itself. Of \
several letters of one event one goes back. One redrive at a time: the younger one stops the older.

--force takes what may count twice: a record that is older than state remembers sessions (playback.state_horizon), whose copy may have been \
counted, or whose session comes back as another row; a copy of an event that was redriven; a record whose topic was made anew. On Kafka a record \
that is older than its topic keeps records may be deleted before it is processed: have the stages run.

Exit status 1 where a record could not go back, or was refused again.")]
    Redrive(Redrive),
}

/// Which letters.
#[derive(Clone, Debug, Args)]
pub(crate) struct Letters {
    /// Only those refused for this reason
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// Only those of this stage, as in playback
    #[arg(long, value_name = "NAME")]
    pub(crate) stage: Option<String>,
    /// Only those whose record stood in this topic
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    /// Only those whose record stood in this partition
    #[arg(long, value_name = "N", value_parser = whole_number::<u32>)]
    pub(crate) partition: Option<u32>,
    /// Refused at or after this log time: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) since: Option<String>,
    /// Refused before this log time: RFC 3339, a date or microseconds since 1970
    #[arg(long, value_name = "T")]
    pub(crate) until: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", value_parser = at_least_one::<u64>)]
    pub(crate) limit: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesOrNo {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) letters: Letters,
    /// Only those that were redriven, or were not
    #[arg(long, value_enum, value_name = "yes|no", hide_possible_values = true)]
    pub(crate) redriven: Option<YesOrNo>,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The letter: TOPIC-PARTITION-OFFSET-STAGE
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
}

#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Only these letters
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) letters: Letters,
    /// Say what would go back, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take every letter there is: what to take is to be said, by ids, by a filter, or by this
    #[arg(long)]
    pub(crate) all: bool,
    /// Take what may count twice: see below
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterInstead,
    #[command(flatten)]
    pub(crate) stages: Stages,
}

impl Letters {
    /// Whether some are left out by what they are.
    pub(crate) const fn is_filter(&self) -> bool {
        let Self { reason, stage, topic, partition, since, until, limit: _ } = self;
        reason.is_some() || stage.is_some() || topic.is_some() || partition.is_some() || since.is_some() || until.is_some()
    }
}

impl Dlq {
    pub(crate) const fn cluster(&self) -> &ClusterInstead {
        match self {
            Self::List(args) => &args.cluster,
            Self::Show(args) => &args.cluster,
            Self::Redrive(args) => &args.cluster,
        }
    }
}
