//! What topics.yaml is held to.

use super::file::Lines;
use super::{OnLostRange, Topic, TopicError};
use crate::compatibility::schemas_of;
use crate::limits::REFERENCED_VALUE_BYTES;
use crate::schema::Schema;

/// Everything that is wrong.
pub(super) fn check(topics: &[Topic], lines: &Lines) -> Vec<TopicError> {
    let mut check = Check { topics, lines, errors: Vec::new() };
    for (index, topic) in topics.iter().enumerate() {
        check.name(index, topic);
        check.partition_counts(index, topic);
        check.schema_and_key(index, topic);
        check.retention_goes_with_cleanup(index, topic);
        for source in &topic.derived_from {
            match check.named(index, "derived_from", source) {
                Some(source) => check.derived(index, topic, source),
                None => continue,
            }
        }
        for other in &topic.copartitioned_with {
            if let Some(other) = check.named(index, "copartitioned_with", other) {
                check.same_partitions(index, topic, other);
            }
        }
    }
    check.errors
}

struct Check<'c> {
    topics: &'c [Topic],
    lines: &'c Lines,
    errors: Vec<TopicError>,
}

impl<'c> Check<'c> {
    fn report(&mut self, index: usize, key: &'static str, problem: String) {
        let topic = Some(self.topics[index].name.clone());
        self.errors.push(TopicError { line: self.lines.of(index, key), topic, key: Some(key.to_owned()), problem });
    }

    fn named(&mut self, index: usize, key: &'static str, name: &str) -> Option<&'c Topic> {
        let found = self.topics.iter().find(|topic| topic.name == name);
        if found.is_none() {
            self.report(index, key, format!("there is no topic {name:?}"));
        }
        found
    }

    fn name(&mut self, index: usize, topic: &Topic) {
        let is_kafkas = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if topic.name.is_empty() || topic.name.len() > 249 || !topic.name.bytes().all(is_kafkas) {
            self.report(index, "topic", "a name is 1 to 249 letters, digits, dots, underscores and hyphens".to_owned());
        }
        if let Some(first) = self.topics[..index].iter().position(|other| other.name == topic.name) {
            self.report(index, "topic", format!("is defined twice, first in line {}", self.lines.of(first, "topic")));
        }
    }

    fn partition_counts(&mut self, index: usize, topic: &Topic) {
        for (key, count) in [("partitions", topic.partitions), ("dev_partitions", topic.dev_partitions)] {
            if count == 0 {
                self.report(index, key, "must be at least 1".to_owned());
            }
        }
    }

    fn schema_and_key(&mut self, index: usize, topic: &Topic) {
        if topic.schema.is_empty() {
            return self.report(index, "schema", "is missing".to_owned());
        }
        let Some(schemas) = schemas_of(&topic.schema) else {
            return self.report(index, "schema", format!("there is no record {:?}", topic.schema));
        };
        let schema = Schema::parse(schemas.current).expect("every schema that is compiled in is tested");
        if topic.key.is_empty() {
            self.report(index, "key", "has no parts".to_owned());
        }
        for (part_index, part) in topic.key.iter().enumerate() {
            for problem in part.problems(part_index == 0, &schema) {
                self.report(index, "key", problem);
            }
        }
    }

    fn retention_goes_with_cleanup(&mut self, index: usize, topic: &Topic) {
        let deletes = topic.cleanup != super::Cleanup::Compact;
        if deletes && topic.retention_ms.is_none() {
            self.report(index, "retention", "is missing, where records are deleted".to_owned());
        }
        if !deletes && topic.retention_ms.is_some() {
            self.report(index, "retention", "says nothing where records are only compacted".to_owned());
        }
    }

    fn derived(&mut self, index: usize, topic: &Topic, source: &Topic) {
        self.kept_long_enough(index, topic, source);
        let needed = source.max_message_bytes.saturating_add(REFERENCED_VALUE_BYTES as u64);
        if topic.max_message_bytes < needed {
            let problem = format!("{} bytes, must be at least those of {} + 64 KiB: {needed}", topic.max_message_bytes, source.name);
            self.report(index, "max_message_bytes", problem);
        }
        let same_key = topic.key.first().is_some_and(|part| source.key.first() == Some(part));
        if source.feeds_keyed_state && same_key && !topic.copartitioned_with.contains(&source.name) {
            self.same_partitions(index, topic, source);
        }
    }

    /// Who rebuilds its state from the source must find all that it said of it, and what is still on its way.
    fn kept_long_enough(&mut self, index: usize, topic: &Topic, source: &Topic) {
        if topic.on_lost_range == OnLostRange::Skip {
            return;
        }
        let Some(kept_ms) = topic.retention_ms else { return };
        let words = match source.retention_ms {
            None => format!("{} is kept for good", source.name),
            Some(source_ms) => {
                let needed_ms = source_ms.saturating_add(topic.reader_horizon_ms);
                if kept_ms >= needed_ms {
                    return;
                }
                format!("must be at least that of {} + reader_horizon: {needed_ms} ms", source.name)
            }
        };
        self.report(index, "retention", format!("{kept_ms} ms: {words}"));
    }

    fn same_partitions(&mut self, index: usize, topic: &Topic, other: &Topic) {
        for (key, ours, theirs) in
            [("partitions", topic.partitions, other.partitions), ("dev_partitions", topic.dev_partitions, other.dev_partitions)]
        {
            if ours != theirs {
                let problem = format!("{ours}, but {} has {theirs}: they feed keyed state together", other.name);
                self.report(index, key, problem);
            }
        }
    }
}
