//! What an audit looks at: ranges of the topics and positions of the stages, fixed before the first record is read.
//!
//! On Kafka stages may run meanwhile. So positions are taken first, then the ends of their outputs, whose open transactions are waited for, then the
//! positions again, and last the ends of their inputs:
//!
//! | a record of a stage's input lies | then |
//! |---|---|
//! | before the first position | it was processed, and what came of it is in view: it is judged |
//! | from there up to before the second | it may have been, and what came of it may be in view: neither is judged |
//! | from there on | it was not, and nothing in view can have come of it |
//!
//! Where nothing runs, as in a folder that this process owns, both positions are the same.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::bail;
use pipeline::{Committed, TopicId};
use processors::playback::Playback;
use processors::profile::Profile;

use crate::log_source::LogReader;

/// The topics that are looked at.
pub(super) const TOPICS: [&str; 7] = [
    "playback_events",
    "playback_events.clean",
    "dead_letters",
    "playback_sessions",
    "qos_session_summary",
    "viewing_progress",
    "resume_state",
];

/// Topics whose partitions correspond.
const SAME_PARTITIONS: [(&str, &[&str]); 2] =
    [("playback_events", &["playback_events.clean", "playback_sessions", "qos_session_summary"]), ("viewing_progress", &["resume_state"])];

/// The stages, each with its input.
pub(super) const STAGES: [(&str, &str); 2] = [(Playback::NAME, "playback_events"), (Profile::NAME, "viewing_progress")];

/// How far a stage is in a partition of its input: see the table above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StagePosition {
    pub(super) judged: i64,
    pub(super) seen: i64,
}

impl StagePosition {
    pub(super) fn is_at_rest(&self) -> bool {
        self.judged == self.seen
    }

    /// Whether a record may have been processed while positions were taken.
    pub(super) fn is_between(&self, offset: i64) -> bool {
        (self.judged..self.seen).contains(&offset)
    }
}

struct Topic {
    id: TopicId,
    /// By partition.
    ranges: Vec<Range<i64>>,
}

/// Takes the ranges of some of the topics, all at once: what is open in one is waited for while the others' transactions end, too.
fn take_ranges(topics: &mut BTreeMap<&'static str, Topic>, log: &LogReader, is_taken: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let taken = topics.iter().filter(|(name, _)| is_taken(name));
    let places: Vec<(&str, u32)> =
        taken.flat_map(|(name, topic)| (0..).zip(&topic.ranges).map(|(partition, _)| (*name, partition))).collect();
    for ((name, partition), (first, end)) in places.iter().zip(log.settled_bounds(&places)?) {
        if let Some(range) = topics.get_mut(name).and_then(|topic| topic.ranges.get_mut(*partition as usize)) {
            *range = first..end;
        }
    }
    Ok(())
}

/// Whether what belongs together lies in partitions of the same number.
fn check_partitions(topics: &BTreeMap<&'static str, Topic>) -> anyhow::Result<()> {
    for (one, others) in SAME_PARTITIONS {
        let partitions = topics[one].ranges.len();
        if let Some((other, found)) = others.iter().map(|other| (other, topics[other].ranges.len())).find(|(_, found)| *found != partitions)
        {
            bail!("{one} has {partitions} partitions and {other} {found}: `playhead topics plan` names what is wrong with the topics");
        }
    }
    Ok(())
}

/// See the module's documentation.
pub(super) struct View {
    topics: BTreeMap<&'static str, Topic>,
    /// By stage and partition of its input.
    positions: BTreeMap<&'static str, Vec<StagePosition>>,
}

impl View {
    pub(super) fn take(log: &LogReader) -> anyhow::Result<Self> {
        let committed = || STAGES.iter().map(|(stage, input)| log.committed(stage, input)).collect::<anyhow::Result<Vec<_>>>();
        let mut topics = BTreeMap::new();
        for name in TOPICS {
            let (id, partitions) = log.required_topic(name)?;
            topics.insert(name, Topic { id, ranges: vec![0..0; partitions as usize] });
        }
        check_partitions(&topics)?;
        let is_input = |name: &str| STAGES.iter().any(|(_, input)| *input == name);
        let before = committed()?;
        take_ranges(&mut topics, log, |name| !is_input(name))?;
        let after = committed()?;
        // What was processed by then is in view.
        take_ranges(&mut topics, log, is_input)?;
        let mut positions = BTreeMap::new();
        for ((stage, input), (before, after)) in STAGES.into_iter().zip(before.into_iter().zip(after)) {
            let of_partition = before.into_iter().zip(after).zip(&topics[input].ranges).map(|((before, after), range)| {
                let offset = |committed: Option<Committed>| committed.map_or(range.start, |committed| committed.next_offset);
                StagePosition { judged: offset(before), seen: offset(after) }
            });
            positions.insert(stage, of_partition.collect());
        }
        Ok(Self { topics, positions })
    }

    pub(super) fn id(&self, topic: &str) -> TopicId {
        self.topics[topic].id
    }

    pub(super) fn partitions(&self, topic: &str) -> u32 {
        u32::try_from(self.topics[topic].ranges.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn range(&self, topic: &str, partition: u32) -> Range<i64> {
        self.topics[topic].ranges[partition as usize].clone()
    }

    /// Offsets in view, which is no more than a measure of how much there is to read.
    pub(super) fn offsets(&self, topic: &str) -> u64 {
        self.topics[topic].ranges.iter().map(|range| (range.end - range.start).unsigned_abs()).sum()
    }

    pub(super) fn position(&self, stage: &str, partition: u32) -> StagePosition {
        self.positions[stage][partition as usize]
    }

    /// `playback on playback_events-2`: where stages went on while positions were taken.
    pub(super) fn in_motion(&self) -> Vec<String> {
        let of_stage = |&(stage, input): &(&'static str, &'static str)| {
            let moving = (0..).zip(&self.positions[stage]).filter(|(_, position)| !position.is_at_rest());
            moving.map(move |(partition, _): (u32, _)| format!("{stage} on {input}-{partition}")).collect::<Vec<_>>()
        };
        STAGES.iter().flat_map(of_stage).collect()
    }
}
