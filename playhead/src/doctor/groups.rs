//! The groups of the stages: who runs them, and how far they are.

use std::collections::BTreeMap;
use std::io;

use kafka::{Admin, KafkaError};
use schemas::topics::Existing;

use super::Findings;
use crate::shown::counted;
use crate::topology::Stage;

/// Stages that run on Kafka.
const STAGES: [Stage; 2] = [Stage::Playback, Stage::Profile];

pub(super) fn examine(admin: &Admin, found: &BTreeMap<String, Existing>, findings: &mut Findings<'_>) -> io::Result<()> {
    for stage in STAGES {
        let check = format!("stage {}", stage.name());
        match of(admin, stage, found) {
            Err(error) => findings.failure(&check, &error.to_string(), "see that this user may describe groups")?,
            Ok(group) if !group.outside.is_empty() => {
                let detail = format!("its position lies outside the log: {}", group.outside.join(", "));
                let mend = "records were deleted before they were read, or the topic was made anew: the stage stops there. Set the group's \
                            offsets to where it is to go on (kafka-consumer-groups.sh), knowing that what lies between is lost";
                findings.failure(&check, &detail, mend)?;
            }
            Ok(Group { members: 0, behind, .. }) => {
                let detail = format!("nobody runs it; {} behind", counted(behind, "offset"));
                findings.warning(&check, &detail, &format!("`playhead process {}`", stage.name()))?;
            }
            Ok(Group { members, behind, state, .. }) => {
                findings.ok(
                    &check,
                    &format!("{} in its group ({state}), {} behind", counted(members as u64, "lane"), counted(behind, "offset")),
                )?;
            }
        }
    }
    Ok(())
}

struct Group {
    members: usize,
    state: String,
    behind: u64,
    /// Positions that are not in the log, in words.
    outside: Vec<String>,
}

fn of(admin: &Admin, stage: Stage, found: &BTreeMap<String, Existing>) -> Result<Group, KafkaError> {
    let kafka::Group { members, state, positions } = admin.group(stage.name())?;
    let mut group = Group { members, state, behind: 0, outside: Vec::new() };
    for &topic in stage.inputs() {
        for partition in 0..found.get(topic).map_or(0, |existing| existing.partitions) {
            let (first, end) = admin.bounds(topic, partition)?;
            let position = positions.get(&(topic.to_owned(), partition)).copied();
            if let Some(position) = position
                && !(first..=end).contains(&position)
            {
                group.outside.push(format!("{topic}-{partition} at {position}, and the log holds {first}..{end}"));
            }
            group.behind += (end - position.unwrap_or(first)).max(0).unsigned_abs();
        }
    }
    Ok(group)
}
