//! What was refused: the dead letters of all stages, as far as the books need them.

use std::collections::BTreeMap;

use pipeline::{Record, TopicId, heartbeat, partition_for};
use schemas::{DeadLetter, clean, wire};

use super::reading::{Reading, Values};
use super::report::{Fault, Findings};
use super::view::STAGES;

/// The topic.
const TOPIC: &str = "dead_letters";

/// Dead letters by stage and partition of its input, by offset.
pub(super) struct Letters {
    by_source: BTreeMap<(&'static str, u32), Vec<Letter>>,
    /// How many for each reason.
    pub(super) reasons: BTreeMap<String, u64>,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Offset of the record that was refused.
    pub(super) source_offset: i64,
    /// Where the letter lies.
    pub(super) place: (u32, i64),
    print: Print,
    /// Hash of the content; none where it is given by reference.
    pub(super) content_hash: Option<u64>,
}

/// By what a refused record is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    timestamp_us: i64,
    key_hash: Option<u64>,
    /// Length of the whole value, bytes.
    value_bytes: Option<u64>,
    /// How much of it the letter keeps, bytes, and its hash.
    kept_bytes: u64,
    kept_hash: u64,
}

impl Print {
    fn of(timestamp_us: i64, key: Option<&[u8]>, value: Option<&[u8]>, kept_bytes: u64) -> Self {
        let kept = value.unwrap_or_default();
        let kept = &kept[..kept.len().min(usize::try_from(kept_bytes).unwrap_or(usize::MAX))];
        let value_bytes = value.map(|value| value.len() as u64);
        Self { timestamp_us, key_hash: key.map(clean::content_hash), value_bytes, kept_bytes, kept_hash: clean::content_hash(kept) }
    }
}

impl Letter {
    /// Whether the letter holds this record as it came.
    pub(super) fn is_of(&self, record: &Record<'_>) -> bool {
        self.print == Print::of(record.timestamp_ms.saturating_mul(1000), record.key, record.value, self.print.kept_bytes)
    }

    /// `dead_letters-1 offset 5`.
    pub(super) fn place(&self) -> String {
        let (partition, offset) = self.place;
        format!("{TOPIC}-{partition} offset {offset}")
    }
}

impl Letters {
    /// Reads all of them.
    pub(super) fn read(reading: &mut Reading, findings: &mut Findings) -> anyhow::Result<Self> {
        let mut values = Values::of::<DeadLetter<'static>>(&reading.schemas);
        let mut sources = Vec::new();
        for (stage, input) in STAGES {
            sources.push(Source { stage, input, id: reading.view.id(input), partitions: reading.view.partitions(input) });
        }
        let partitions = reading.view.partitions(TOPIC);
        let mut letters = Self { by_source: BTreeMap::new(), reasons: BTreeMap::new() };
        for partition in 0..partitions {
            reading.partition(TOPIC, partition, &mut |record| {
                if heartbeat::is_heartbeat(record) {
                    return Ok(());
                }
                let place = || format!("{TOPIC}-{partition} offset {}", record.offset);
                match values.decode::<DeadLetter<'_>>(record.value)? {
                    Ok(letter) => {
                        *letters.reasons.entry(letter.reason.to_owned()).or_default() += 1;
                        match source_of(&sources, &letter) {
                            Err((fault, detail)) => findings.add(fault, place(), detail),
                            Ok((stage, source_partition)) => {
                                let belongs_to = partition_for(letter.source.as_bytes(), partitions);
                                if belongs_to != partition {
                                    let source = letter.source;
                                    findings.add(Fault::Misplaced, place(), format!("letters of {source} belong to {TOPIC}-{belongs_to}"));
                                }
                                let kept = Letter::of(&letter, (partition, record.offset));
                                letters.by_source.entry((stage, source_partition)).or_default().push(kept);
                            }
                        }
                    }
                    Err(rejection) => findings.add(Fault::Unreadable, place(), rejection.to_string()),
                }
                Ok(())
            })?;
        }
        letters.by_source.values_mut().for_each(|letters| letters.sort_by_key(|letter| (letter.source_offset, letter.place)));
        Ok(letters)
    }

    /// What a stage refused of a partition, by source offset.
    pub(super) fn of(&self, stage: &'static str, partition: u32) -> &[Letter] {
        self.by_source.get(&(stage, partition)).map_or(&[], Vec::as_slice)
    }
}

impl Letter {
    fn of(letter: &DeadLetter<'_>, place: (u32, i64)) -> Self {
        let kept_bytes = letter.value.map_or(0, |value| value.len() as u64);
        let value_bytes = letter.value_length.map(i64::unsigned_abs);
        let print = Print { value_bytes, ..Print::of(letter.timestamp, letter.key, letter.value, kept_bytes) };
        let is_whole = value_bytes.is_none_or(|value_bytes| value_bytes == kept_bytes);
        Self { source_offset: letter.offset, place, print, content_hash: is_whole.then(|| content_hash(letter.value)) }
    }
}

struct Source {
    stage: &'static str,
    input: &'static str,
    id: TopicId,
    partitions: u32,
}

/// Whose letter it is, and the partition that it is about.
fn source_of(sources: &[Source], letter: &DeadLetter<'_>) -> Result<(&'static str, u32), (Fault, String)> {
    let Some(source) = sources.iter().find(|source| source.stage == letter.stage) else {
        return Err((Fault::NeverSent, format!("there is no stage {:?}", letter.stage)));
    };
    let DeadLetter { topic_id, partition, offset, source: named, .. } = letter;
    let Source { stage, input, id, partitions } = source;
    match u32::try_from(*partition).ok().filter(|partition| partition < partitions) {
        Some(partition) if *topic_id == id.0 && *named == format!("{input}-{partition}") => Ok((stage, partition)),
        _ => {
            let topic_id = TopicId(*topic_id);
            let detail = format!(
                "it says that it came from {named}, offset {offset} of partition {partition} of topic {topic_id}: {stage} reads no such thing"
            );
            Err((Fault::NeverSent, detail))
        }
    }
}

/// The hash by which the books compare: that of the Avro body; of what is not framed, of all of it.
pub(super) fn content_hash(value: Option<&[u8]>) -> u64 {
    let value = value.unwrap_or_default();
    clean::content_hash(wire::split(value).map_or(value, |(_, body)| body))
}
