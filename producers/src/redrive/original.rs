//! The record that a letter names by reference, where it still lies in its topic.

use std::ops::ControlFlow;

use pipeline::{Log, LogError, Record, TopicPartition};
use sha2::{Digest, Sha256};

use super::candidate::{Candidate, Reference};

/// Reads the whole record into the candidate. The inner error says why it is not to be had: then none of it is used.
pub(super) fn fetch<L: Log>(log: &mut L, place: TopicPartition, candidate: &mut Candidate) -> Result<Result<(), String>, LogError> {
    let Some(reference) = candidate.reference.clone() else { return Ok(Ok(())) };
    let offset = candidate.id.offset;
    let (first, end) = log.bounds(place)?;
    let gone =
        || format!("the letter holds it in part only, and offset {offset} of {} is gone: it holds {first} to {end}", candidate.source);
    if !(first..end).contains(&offset) {
        return Ok(Err(gone()));
    }
    let mut found = None;
    let read = log.read(place, offset, offset + 1, &mut |batch| {
        found = batch.records.iter().find(|record| record.offset == offset).map(|record| take(record, candidate, &reference));
        ControlFlow::Break(())
    });
    match (read, found) {
        // Deleted since it was asked where the topic begins.
        (Err(LogError::OutOfRange { .. }), _) | (Ok(()), None) => Ok(Err(gone())),
        (Err(error), _) => Err(error),
        (Ok(()), Some(None)) => {
            Ok(Err(format!("the letter holds it in part only, and what lies at its offset in {} is another record", candidate.source)))
        }
        (Ok(()), Some(Some((value, headers)))) => {
            (candidate.value, candidate.headers) = (value, headers);
            candidate.note_origin();
            Ok(Ok(()))
        }
    }
}

type Parts = (Option<Vec<u8>>, Vec<(Vec<u8>, Vec<u8>)>);

/// Value and headers of a record, if it is the one that was refused.
fn take(record: &Record<'_>, candidate: &Candidate, reference: &Reference) -> Option<Parts> {
    let is_value = match reference.value_sha256 {
        Some(sha256) => record.value.is_some_and(|value| <[u8; 32]>::from(Sha256::digest(value)) == sha256),
        None => record.value == candidate.value.as_deref(),
    };
    let is_same = is_value
        && record.value.map(<[u8]>::len) == reference.value_bytes
        && record.timestamp_ms == candidate.timestamp_ms
        && record.key == candidate.key.as_deref();
    is_same.then(|| {
        let headers = record.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        (record.value.map(Vec::from), headers)
    })
}
