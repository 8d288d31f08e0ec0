//! The text of topics.yaml.

use std::collections::HashMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::units::{duration_ms, size_bytes};
use super::{Cleanup, KeyPart, OnLostRange, TimestampKind, Timestamps, Topic, TopicError, TopicsError};

/// Where each key of each topic stands: (index of the topic, key) to line.
#[derive(Default)]
pub(super) struct Lines {
    by_key: HashMap<(usize, &'static str), u64>,
}

impl Lines {
    /// The line of a key, else of the topic.
    pub(super) fn of(&self, topic: usize, key: &'static str) -> u64 {
        self.by_key.get(&(topic, key)).or_else(|| self.by_key.get(&(topic, "topic"))).copied().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    topics: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    topic: Spanned<String>,
    key: Spanned<Vec<String>>,
    schema: Option<Spanned<String>>,
    partitions: Spanned<u32>,
    dev_partitions: Spanned<u32>,
    cleanup: Spanned<Vec<Policy>>,
    retention: Option<Spanned<String>>,
    max_message_bytes: Spanned<String>,
    owner: Spanned<String>,
    #[serde(default)]
    written_by: Vec<String>,
    #[serde(default)]
    read_by: Vec<String>,
    derived_from: Option<Spanned<Vec<String>>>,
    reader_horizon: Option<Spanned<String>>,
    on_lost_range: Option<LostRange>,
    timestamps: Option<EntryTimestamps>,
    #[serde(default)]
    feeds_keyed_state: bool,
    copartitioned_with: Option<Spanned<Vec<String>>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Policy {
    Delete,
    Compact,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum LostRange {
    Stop,
    Skip,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryTimestamps {
    #[serde(rename = "type")]
    kind: EntryTimestampKind,
    after_max: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryTimestampKind {
    CreateTime,
    LogAppendTime,
}

/// Reads the file as topics; what they are held to comes after.
pub(super) fn read(yaml: &str) -> Result<(Vec<Topic>, Lines), TopicsError> {
    let file: File = serde_saphyr::from_str(yaml).map_err(|error| refused(&error, yaml))?;
    let mut lines = Lines::default();
    let mut errors = Vec::new();
    let topics = file.topics.into_iter().enumerate().map(|(index, entry)| entry.read(index, &mut lines, &mut errors)).collect();
    if errors.is_empty() { Ok((topics, lines)) } else { Err(TopicsError { errors }) }
}

impl Entry {
    fn read(self, index: usize, lines: &mut Lines, errors: &mut Vec<TopicError>) -> Topic {
        let name = self.topic.value.clone();
        let mut noted = Noted { index, name: &name, lines, errors };
        noted.line("topic", &self.topic);
        noted.line("key", &self.key);
        noted.line("partitions", &self.partitions);
        noted.line("dev_partitions", &self.dev_partitions);
        noted.line("owner", &self.owner);
        let key = self.key.value.iter().filter_map(|part| noted.read("key", KeyPart::parse(part))).collect();
        let cleanup = noted.cleanup(&self.cleanup);
        let retention_ms = self.retention.as_ref().and_then(|text| noted.measure("retention", text, duration_ms));
        let max_message_bytes = noted.measure("max_message_bytes", &self.max_message_bytes, size_bytes).unwrap_or_default();
        let reader_horizon_ms = self.reader_horizon.as_ref().and_then(|text| noted.measure("reader_horizon", text, duration_ms));
        let timestamps = self.timestamps.as_ref().and_then(|timestamps| noted.timestamps(timestamps));
        let schema = noted.optional("schema", self.schema).unwrap_or_default();
        let derived_from = noted.optional("derived_from", self.derived_from).unwrap_or_default();
        let copartitioned_with = noted.optional("copartitioned_with", self.copartitioned_with).unwrap_or_default();
        Topic {
            key,
            schema,
            partitions: self.partitions.value,
            dev_partitions: self.dev_partitions.value,
            cleanup,
            retention_ms,
            max_message_bytes,
            owner: self.owner.value,
            written_by: self.written_by,
            read_by: self.read_by,
            derived_from,
            reader_horizon_ms: reader_horizon_ms.unwrap_or_default(),
            on_lost_range: match self.on_lost_range {
                Some(LostRange::Skip) => OnLostRange::Skip,
                Some(LostRange::Stop) | None => OnLostRange::Stop,
            },
            timestamps,
            feeds_keyed_state: self.feeds_keyed_state,
            copartitioned_with,
            name,
        }
    }
}

/// Takes down lines and errors of one topic.
struct Noted<'n> {
    index: usize,
    name: &'n str,
    lines: &'n mut Lines,
    errors: &'n mut Vec<TopicError>,
}

impl Noted<'_> {
    fn line<T>(&mut self, key: &'static str, value: &Spanned<T>) {
        self.lines.by_key.insert((self.index, key), value.referenced.line());
    }

    fn read<T>(&mut self, key: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|problem| {
            let line = self.lines.of(self.index, key);
            self.errors.push(TopicError { line, topic: Some(self.name.to_owned()), key: Some(key.to_owned()), problem });
        })
        .ok()
    }

    fn measure(&mut self, key: &'static str, text: &Spanned<String>, read: fn(&str) -> Result<u64, String>) -> Option<u64> {
        self.line(key, text);
        self.read(key, read(&text.value))
    }

    fn optional<T>(&mut self, key: &'static str, value: Option<Spanned<T>>) -> Option<T> {
        let value = value?;
        self.line(key, &value);
        Some(value.value)
    }

    fn cleanup(&mut self, policies: &Spanned<Vec<Policy>>) -> Cleanup {
        self.line("cleanup", policies);
        let cleanup = match policies.value.as_slice() {
            [Policy::Delete] => Ok(Cleanup::Delete),
            [Policy::Compact] => Ok(Cleanup::Compact),
            [Policy::Compact, Policy::Delete] => Ok(Cleanup::CompactDelete),
            _ => Err("must be [delete], [compact] or [compact, delete]".to_owned()),
        };
        self.read("cleanup", cleanup).unwrap_or(Cleanup::Delete)
    }

    fn timestamps(&mut self, timestamps: &EntryTimestamps) -> Option<Timestamps> {
        let kind = match timestamps.kind {
            EntryTimestampKind::CreateTime => TimestampKind::CreateTime,
            EntryTimestampKind::LogAppendTime => TimestampKind::LogAppendTime,
        };
        let after_max_ms = self.measure("timestamps", &timestamps.after_max, duration_ms)?;
        Some(Timestamps { kind, after_max_ms })
    }
}

/// An error of the YAML reader, with the topic in which it came up.
fn refused(error: &serde_saphyr::Error, yaml: &str) -> TopicsError {
    let line = error.location().map_or(0, |location| location.line());
    let lines_before = usize::try_from(line).unwrap_or(usize::MAX);
    let topic = yaml.lines().take(lines_before).filter_map(|line| line.trim_start().strip_prefix("- topic:")).last();
    let problem = error.without_snippet().to_string();
    let topic = topic.map(|name| name.split('#').next().unwrap_or_default().trim().to_owned());
    // "unknown field `x`", "missing field `x`": the key that it is about.
    let key = problem.split('`').nth(1).filter(|_| problem.contains("field")).map(ToOwned::to_owned);
    TopicsError { errors: vec![TopicError { line, topic, key, problem }] }
}
