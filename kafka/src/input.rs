//! What a lane reads: its topics by identity, and how far it is in the partitions that it has.

use std::collections::BTreeMap;
use std::ops::Range;

use pipeline::{Committed, LogError, Position, TopicId, TopicPartition};

use crate::admin::TopicInfo;
use crate::raw::{Failure, Partition, Partitions, Rebalance, TopicDescription};

/// A partition that a lane has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// Offset of the next record to hand out. None until the caller has said where to read on: nothing is handed out before.
    pub(crate) position: Option<i64>,
    pub(crate) is_paused: bool,
    /// Ours, but the client does not have it before the first seek.
    pub(crate) is_new: bool,
    /// What comes next may not be what is next in the log: where an offset is missing, it is looked after.
    pub(crate) is_unsure: bool,
    /// Messages held below this index were taken before a seek.
    pub(crate) held_from: usize,
    /// So far the log reaches: a position was committed there, or is to be read on from.
    pub(crate) reaches: i64,
}

/// Input topics and what is assigned of them.
#[derive(Debug)]
pub(crate) struct Input {
    topics: Vec<TopicInfo>,
    sources: BTreeMap<TopicPartition, Source>,
}

impl Input {
    pub(crate) fn new(topics: Vec<TopicInfo>) -> Self {
        Self { topics, sources: BTreeMap::new() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(|topic| topic.name.as_str())
    }

    pub(crate) fn name(&self, source: TopicPartition) -> &str {
        &self.topics[usize::from(source.topic)].name
    }

    pub(crate) fn topic_id(&self, source: TopicPartition) -> TopicId {
        self.topics[usize::from(source.topic)].id
    }

    /// A partition by the name of its topic.
    pub(crate) fn find(&self, topic: &str, partition: u32) -> Option<TopicPartition> {
        let (index, _) = (0u16..).zip(&self.topics).find(|(_, known)| known.name == topic)?;
        Some(TopicPartition { topic: index, partition })
    }

    /// Stops where a topic is not the one that it was.
    pub(crate) fn check(&self, now: &[TopicDescription]) -> Result<(), LogError> {
        let changed = self.topics.iter().find(|topic| now.iter().any(|found| found.name == topic.name && found.id != topic.id));
        changed.map_or(Ok(()), |topic| {
            Err(LogError::Fatal(format!(
                "topic {} was deleted and made again while it was read: start again to read the new one",
                topic.name
            )))
        })
    }

    pub(crate) fn assigned(&self) -> impl Iterator<Item = (TopicPartition, &Source)> {
        self.sources.iter().map(|(&source, state)| (source, state))
    }

    pub(crate) fn has_none(&self) -> bool {
        self.sources.is_empty()
    }

    /// The assignment has changed.
    pub(crate) fn be_unsure(&mut self) {
        self.sources.values_mut().for_each(|source| source.is_unsure = true);
    }

    /// All partitions are gone.
    pub(crate) fn take_all(&mut self) -> Vec<TopicPartition> {
        std::mem::take(&mut self.sources).into_keys().collect()
    }

    pub(crate) fn get(&self, source: TopicPartition) -> Option<&Source> {
        self.sources.get(&source)
    }

    /// # Errors
    /// Where the partition is not assigned.
    pub(crate) fn source(&mut self, source: TopicPartition) -> Result<&mut Source, LogError> {
        let name = &self.topics[usize::from(source.topic)].name;
        self.sources.get_mut(&source).ok_or_else(|| LogError::Fatal(format!("{name}-{} is not assigned to this lane", source.partition)))
    }

    /// The partitions of a change of the assignment.
    pub(crate) fn of(&self, rebalance: &Rebalance) -> Vec<TopicPartition> {
        rebalance.partitions.iter().filter_map(|entry| self.find(&entry.topic, entry.partition)).collect()
    }

    /// Those of these partitions that the client has.
    pub(crate) fn fetched(&self, sources: &[TopicPartition]) -> Result<Partitions, Failure> {
        let mut list = Partitions::new();
        for (&source, state) in &self.sources {
            if sources.contains(&source) && !state.is_new {
                list.push(self.name(source), source.partition, 0, "")?;
            }
        }
        Ok(list)
    }

    pub(crate) fn add(&mut self, sources: &[TopicPartition]) {
        self.sources.extend(sources.iter().map(|&source| (source, Source { is_new: true, ..Source::default() })));
    }

    pub(crate) fn remove(&mut self, sources: &[TopicPartition]) {
        self.sources.retain(|source, _| !sources.contains(source));
    }

    /// Nothing is handed out before the caller has said again where to read on.
    pub(crate) fn forget_positions(&mut self) {
        self.sources.values_mut().for_each(|source| source.position = None);
    }

    /// All messages held were given back.
    pub(crate) fn forget_held(&mut self) {
        self.sources.values_mut().for_each(|source| source.held_from = 0);
    }

    /// What of a run of messages with these offsets is to be handed out: nothing of a partition that waits, nothing from before a seek. The
    /// position moves behind it.
    pub(crate) fn hand_out(&mut self, source: TopicPartition, run: Range<usize>, offset: impl Fn(usize) -> i64) -> Option<Range<usize>> {
        let state = self.sources.get_mut(&source).filter(|state| !state.is_paused)?;
        let position = state.position?;
        let start = (run.start.max(state.held_from)..run.end).find(|&index| offset(index) >= position)?;
        state.position = Some(offset(run.end - 1) + 1);
        Some(start..run.end)
    }

    /// A list of one partition at an offset.
    pub(crate) fn list(&self, source: TopicPartition, offset: i64) -> Result<Partitions, Failure> {
        Partitions::of(self.name(source), source.partition, offset)
    }

    /// Positions as they are committed: each with the identity of its topic, so that a topic made anew starts anew.
    pub(crate) fn positions(&self, positions: &[Position]) -> Result<Partitions, Failure> {
        let mut list = Partitions::new();
        for Position { source, committed } in positions {
            let metadata = format!("{}{SEPARATOR}{}", self.topic_id(*source), committed.metadata);
            list.push(self.name(*source), source.partition, committed.next_offset, &metadata)?;
        }
        Ok(list)
    }

    /// A position as it was committed; none where it is of another topic of that name.
    pub(crate) fn committed(&self, source: TopicPartition, entry: &Partition) -> Option<Committed> {
        committed_of(self.topic_id(source), entry)
    }
}

/// A position as it was committed for the topic of this identity.
pub(crate) fn committed_of(topic_id: TopicId, entry: &Partition) -> Option<Committed> {
    if entry.offset < 0 {
        return None;
    }
    let metadata = match entry.metadata.split_once(SEPARATOR) {
        Some((id, _)) if id != topic_id.to_string() => return None,
        Some((_, metadata)) => metadata,
        // Set by hand: whoever did it knows the topic.
        None => "",
    };
    Some(Committed { next_offset: entry.offset, metadata: metadata.to_owned() })
}

/// Between a topic's identity and what is committed with a position.
const SEPARATOR: char = ' ';

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::Code;

    const SOURCE: TopicPartition = TopicPartition { topic: 0, partition: 3 };

    fn input() -> Input {
        let topic = TopicInfo { name: "events".into(), id: TopicId([7; 16]), partitions: 4, replicas: 1, settings: BTreeMap::new() };
        let mut input = Input::new(vec![topic]);
        input.add(&[SOURCE]);
        input
    }

    fn entry(offset: i64, metadata: &str) -> Partition {
        Partition { topic: "events".into(), partition: 3, offset, metadata: metadata.into(), code: Code::RD_KAFKA_RESP_ERR_NO_ERROR }
    }

    #[test]
    fn a_position_comes_back_as_it_was_committed_and_only_for_the_same_topic() {
        let mut input = input();
        for metadata in ["", "5..9", "a b  c"] {
            let position = Position { source: SOURCE, committed: Committed { next_offset: 42, metadata: metadata.into() } };
            let list = input.positions(std::slice::from_ref(&position)).unwrap();
            let stored = list.iter().next().unwrap();
            assert_eq!(input.committed(SOURCE, &stored), Some(position.committed));
            input.topics[0].id = TopicId([8; 16]);
            assert_eq!(input.committed(SOURCE, &stored), None);
            input.topics[0].id = TopicId([7; 16]);
        }
        assert_eq!(input.committed(SOURCE, &entry(-1_001, "")), None);
        let by_hand = Committed { next_offset: 5, metadata: String::new() };
        assert_eq!(input.committed(SOURCE, &entry(5, "")), Some(by_hand));
    }

    #[test]
    fn nothing_is_handed_out_that_the_caller_does_not_expect() {
        // Messages held: offsets 10, 11, 14, 15, at indexes 0 to 3.
        let offset = |index: usize| [10, 11, 14, 15][index];
        let with = |source: Source| {
            let mut input = input();
            *input.source(SOURCE).unwrap() = source;
            (input.hand_out(SOURCE, 0..4, offset), input.source(SOURCE).unwrap().position)
        };
        let source = Source::default();
        assert_eq!(with(source), (None, None), "nobody has said where to read on");
        assert_eq!(with(Source { position: Some(10), ..source }), (Some(0..4), Some(16)));
        assert_eq!(with(Source { position: Some(12), ..source }), (Some(2..4), Some(16)), "from before the position");
        assert_eq!(with(Source { position: Some(16), ..source }), (None, Some(16)));
        assert_eq!(with(Source { position: Some(10), is_paused: true, ..source }), (None, Some(10)));
        assert_eq!(with(Source { position: Some(2), held_from: 4, ..source }), (None, Some(2)), "taken before a seek to 2");
        assert_eq!(with(Source { position: Some(2), held_from: 3, ..source }), (Some(3..4), Some(16)));
        let mut input = input();
        assert_eq!(input.hand_out(TopicPartition { partition: 1, ..SOURCE }, 0..4, offset), None, "of another lane by now");
    }
}
