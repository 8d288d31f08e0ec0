//! Letters on whatever log, and what the ledger says of them.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pipeline::TopicId;
use producers::redrive::{DEAD_LETTERS, LEDGER, Ledger, Letters, Mark, Unreadable, named_id};
use schemas::redrive::{LetterId, Redriven};
use schemas::{DeadLetter, Decoder, LedgerEntry};
use serde_json::{Map, Value, json};
use serving::rfc3339;

use super::letters_partitions;
use crate::log_source::LogSource;

/// When each letter was redriven, by the hash of its id: 32 bytes a letter that was.
pub(super) struct Marks {
    done_at: HashMap<u128, i64>,
}

impl Marks {
    /// Reads the ledger.
    ///
    /// # Errors
    /// Where log or registry fail.
    pub(super) fn read(source: &mut LogSource) -> anyhow::Result<Self> {
        let mut marks = Self { done_at: HashMap::new() };
        let mut decoder = Decoder::new::<LedgerEntry<'static>>(Arc::clone(&source.schemas));
        let (_, partitions) = source.log.required_topic(LEDGER)?;
        for partition in 0..partitions {
            let (first, end) = source.log.bounds(LEDGER, partition)?;
            let mut failed = Ok(());
            source.log.read(LEDGER, partition, first..end, &mut |record| match Mark::read(record, &mut decoder) {
                Ok(mark) => {
                    if let Some(Mark::Letter { letter, done_at }) = mark {
                        marks.done_at.insert(letter, done_at);
                    }
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Err(error);
                    ControlFlow::Break(())
                }
            })?;
            failed?;
        }
        Ok(marks)
    }

    /// When a letter was redriven, microseconds since 1970 UTC.
    pub(super) fn redriven_at(&self, id: &LetterId) -> Option<i64> {
        self.done_at.get(&Ledger::hash(&id.to_string())).copied()
    }
}

/// Where a letter lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) partition: u32,
    pub(super) offset: i64,
}

/// What is done with each letter: it goes on or breaks off.
pub(super) type Each<'e> = dyn FnMut(Place, Result<DeadLetter<'_>, Unreadable>) -> anyhow::Result<ControlFlow<()>> + 'e;

/// Reads all letters, partition by partition, until `each` breaks off.
///
/// # Errors
/// Where log or registry fail, and those of `each`.
pub(super) fn read_all(source: &mut LogSource, each: &mut Each<'_>) -> anyhow::Result<()> {
    let mut letters = Letters::new(Arc::clone(&source.schemas));
    for partition in 0..letters_partitions(source)? {
        let (first, end) = source.log.bounds(DEAD_LETTERS, partition)?;
        let mut outcome = Ok(ControlFlow::Continue(()));
        source.log.read(DEAD_LETTERS, partition, first..end, &mut |record| {
            let place = Place { partition, offset: record.offset };
            outcome = match letters.read(record.value) {
                Ok(letter) => each(place, letter),
                Err(error) => Err(error.into()),
            };
            if matches!(outcome, Ok(ControlFlow::Continue(()))) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if outcome?.is_break() {
            break;
        }
    }
    Ok(())
}

/// What a letter says, as JSON.
pub(super) fn as_json(letter: &DeadLetter<'_>, id: &LetterId, place: Place, redriven_at: Option<i64>) -> Map<String, Value> {
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let Value::Object(shown) = json!({
        "id": id.to_string(),
        "name": named_id(letter),
        "source": letter.source,
        "topic_id": TopicId(letter.topic_id).to_string(),
        "partition": id.partition,
        "offset": letter.offset,
        "stage": letter.stage,
        "failed_at": rfc3339(letter.failed_at),
        "reason": letter.reason,
        "field": letter.field,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "software_version": letter.software_version,
        "timestamp": rfc3339(letter.timestamp),
        "key": letter.key.map(text_or_base64),
        "value_length": letter.value_length,
        "value_sha256": letter.value_sha256.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        "raw": letter.value.map(base64),
        "redriven_at": redriven_at.map(rfc3339),
        "came_of": Redriven::of(letter).map(|redriven| redriven.letter.to_string()),
        "letter": {"partition": place.partition, "offset": place.offset},
    }) else {
        unreachable!("an object is an object");
    };
    shown
}

/// A key as it is read: text where it is some.
pub(super) fn text_or_base64(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| STANDARD.encode(bytes), str::to_owned)
}
