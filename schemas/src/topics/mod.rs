//! The topics, as topics.yaml defines them: their only definition.

mod check;
mod file;
mod key;
mod plan;
mod units;

pub use key::{KEY_SEPARATOR, KeyPart, KeySource};
pub use plan::{Change, Existing, Plan, PlanOptions, Refusal, plan};

/// topics.yaml as it was compiled in.
pub const SOURCE: &str = include_str!("../../../topics.yaml");

/// Every topic, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    topics: Vec<Topic>,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The parts of its key, joined by [`KEY_SEPARATOR`]. The partition is that of the first.
    pub key: Vec<KeyPart>,
    /// The record that its values are.
    pub schema: String,
    /// Partitions.
    pub partitions: u32,
    /// Partitions in dev.
    pub dev_partitions: u32,
    /// What becomes of old records.
    pub cleanup: Cleanup,
    /// How long a record is kept at least, ms; none: for good (as long as it is its key's newest).
    pub retention_ms: Option<u64>,
    /// Largest batch of records, bytes: max.message.bytes of the topic, and of the clients that write it.
    pub max_message_bytes: u64,
    /// Who answers for it.
    pub owner: String,
    /// Who writes it.
    pub written_by: Vec<String>,
    /// Who reads it.
    pub read_by: Vec<String>,
    /// The topics that its records are made from. None: it is not derived.
    pub derived_from: Vec<String>,
    /// How far back its readers must be able to go beyond what the source keeps, ms.
    pub reader_horizon_ms: u64,
    /// What a reader does when records that it has not read are gone.
    pub on_lost_range: OnLostRange,
    /// Where timestamps are set by clients: how the broker holds them to its clock.
    pub timestamps: Option<Timestamps>,
    /// A processor keeps state by its key, so its number of partitions can't be changed.
    pub feeds_keyed_state: bool,
    /// Topics whose partitions must agree with its own.
    pub copartitioned_with: Vec<String>,
}

/// cleanup.policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Records leave when they are older than the retention.
    Delete,
    /// The newest record of each key stays.
    Compact,
    /// The newest record of each key stays for the retention.
    CompactDelete,
}

/// What a reader does when records that it has not read are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLostRange {
    /// It stops and says so.
    #[default]
    Stop,
    /// It goes on with what is there.
    Skip,
}

/// message.timestamp.type and its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// Who sets the timestamp.
    pub kind: TimestampKind,
    /// message.timestamp.after.max.ms: how far ahead of the broker's clock one may be, ms.
    pub after_max_ms: u64,
}

/// message.timestamp.type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampKind {
    /// The client.
    CreateTime,
    /// The broker, when it appends.
    LogAppendTime,
}

/// One thing that is wrong with topics.yaml.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{}{problem}", prefix(.topic), prefix(.key))]
pub struct TopicError {
    /// Line of the file, from 1.
    pub line: u64,
    /// The topic, where it is one's.
    pub topic: Option<String>,
    /// The key in the file.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: String,
}

fn prefix(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default()
}

/// Everything that is wrong with topics.yaml, by line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("topics.yaml is refused:{}", .errors.iter().map(|error| format!("\n  {error}")).collect::<String>())]
pub struct TopicsError {
    /// At least one.
    pub errors: Vec<TopicError>,
}

/// Reads topics.yaml and holds it to its rules.
///
/// # Errors
/// Everything that is wrong, or the first thing where the file can't be read as topics at all.
pub fn parse(yaml: &str) -> Result<Topics, TopicsError> {
    let (topics, lines) = file::read(yaml)?;
    let mut errors = check::check(&topics, &lines);
    if errors.is_empty() {
        return Ok(Topics { topics });
    }
    errors.sort_by_key(|error| error.line);
    Err(TopicsError { errors })
}

/// The topics that were compiled in.
///
/// # Panics
/// Never: the file is checked by the tests.
#[must_use]
pub fn builtin() -> Topics {
    match parse(SOURCE) {
        Ok(topics) => topics,
        Err(error) => unreachable!("the file that is compiled in is tested: {error}"),
    }
}

impl Topics {
    /// The topic with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Topic> {
        self.topics.iter()
    }
}

impl<'t> IntoIterator for &'t Topics {
    type Item = &'t Topic;
    type IntoIter = std::slice::Iter<'t, Topic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Topic {
    /// The Avro schema of its values, JSON.
    #[must_use]
    pub fn avro_schema(&self) -> &'static str {
        let schemas = crate::compatibility::schemas_of(&self.schema);
        schemas.expect("a topic whose schema is not known is refused when the file is read").current
    }

    /// Whether its records come from outside and not from other topics.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.timestamps.is_some()
    }
}

impl Cleanup {
    /// Kafka's `cleanup.policy`.
    #[must_use]
    pub const fn as_kafka(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactDelete => "compact,delete",
        }
    }
}

impl TimestampKind {
    /// Kafka's `message.timestamp.type`.
    #[must_use]
    pub const fn as_kafka(self) -> &'static str {
        match self {
            Self::CreateTime => "CreateTime",
            Self::LogAppendTime => "LogAppendTime",
        }
    }
}
