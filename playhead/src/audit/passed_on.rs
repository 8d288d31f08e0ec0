//! What was passed on: the records of `playback_events.clean`, as far as the books need them.

use pipeline::{Record, TopicId, heartbeat};
use schemas::{CleanPlaybackEvent, PlaybackEvent, clean, wire};

use super::RAW;
use super::memory::Memory;
use super::reading::{Reading, Values};
use super::report::{Fault, Findings};

/// The topic.
pub(super) const CLEAN: &str = "playback_events.clean";

/// A record that was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Passed {
    /// Offset of the raw record that it says it came from.
    pub(super) source_offset: i64,
    /// Where it lies itself.
    pub(super) offset: i64,
    /// The content hash that it states.
    pub(super) stated_hash: u64,
    /// The content hash that the body in it has.
    pub(super) body_hash: u64,
}

/// Everything that was passed on from a partition, by source offset. Events whose raw records the log holds no longer are remembered instead,
/// and counted.
pub(super) fn read(
    reading: &mut Reading,
    values: &mut Values,
    partition: u32,
    memory: &mut Memory,
    findings: &mut Findings,
) -> anyhow::Result<(Vec<Passed>, u64)> {
    let (raw_id, raw_first) = (reading.view.id(RAW), reading.view.range(RAW, partition).start);
    let (mut passed, mut expired) = (Vec::new(), 0);
    let mut prefix = Vec::new();
    reading.partition(CLEAN, partition, &mut |record| {
        if !heartbeat::is_heartbeat(record) {
            match open(record, values, raw_id, partition, &mut prefix)? {
                Ok((found, event)) if (0..raw_first).contains(&found.source_offset) => {
                    // As one of an import, of which a copy may be a new event as well: when its session closed is not known here.
                    memory.remember(&event, record.timestamp_ms, true);
                    expired += 1;
                }
                Ok((found, _)) => passed.push(found),
                Err((fault, detail)) => findings.add(fault, format!("{CLEAN}-{partition} offset {}", record.offset), detail),
            }
        }
        Ok(())
    })?;
    passed.sort_unstable();
    Ok((passed, expired))
}

/// Takes a record apart. The inner error is what is wrong with it, so that it can't be put to the account of any raw record.
fn open<'a>(
    record: &Record<'a>,
    values: &mut Values,
    raw_id: TopicId,
    partition: u32,
    prefix: &mut Vec<u8>,
) -> anyhow::Result<Result<(Passed, PlaybackEvent<'a>), (Fault, String)>> {
    let event: CleanPlaybackEvent<'a> = match values.decode(record.value)? {
        Ok(event) => event,
        Err(rejection) => return Ok(Err((Fault::Unreadable, rejection.to_string()))),
    };
    let CleanPlaybackEvent { prefix: said, event } = event;
    // The raw body lies behind the prefix as it came, and the prefix is written in one way only.
    prefix.clear();
    clean::write(&said, &[], prefix);
    let body = record.value.and_then(|value| wire::split(value).ok()).and_then(|(_, body)| body.strip_prefix(prefix.as_slice()));
    let Some(body) = body else { return Ok(Err((Fault::Unreadable, "what stands before the event is not as it is written".to_owned()))) };
    if said.source_topic_id != raw_id.0 {
        let named = TopicId(said.source_topic_id);
        return Ok(Err((Fault::NeverSent, format!("it says that it came from topic {named}, and {RAW} is {raw_id}"))));
    }
    if u32::try_from(said.source_partition) != Ok(partition) {
        let (source_partition, source_offset) = (said.source_partition, said.source_offset);
        let detail =
            format!("it came from {RAW}-{source_partition} offset {source_offset}, whose events belong to {CLEAN}-{source_partition}");
        return Ok(Err((Fault::Misplaced, detail)));
    }
    if record.key != Some(event.session_id.as_bytes()) {
        let key = String::from_utf8_lossy(record.key.unwrap_or_default());
        return Ok(Err((Fault::Altered, format!("its key is {key:?}, its session {:?}", event.session_id))));
    }
    let (stated_hash, body_hash) = (said.content_hash, clean::content_hash(body));
    Ok(Ok((Passed { source_offset: said.source_offset, offset: record.offset, stated_hash, body_hash }, event)))
}
