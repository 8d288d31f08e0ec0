//! A letter that is to be redriven: the record that it holds, and what is known of it.

use schemas::redrive::{self, LetterId, Redriven};
use schemas::{DeadLetter, header_name};

/// What stands at the end of a letter's detail where not all headers found room in it.
const HEADERS_LEFT_OUT: &str = " headers are kept)";

/// The record that a letter holds, or names.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) id: LetterId,
    /// `topic-partition`.
    pub(super) source: String,
    pub(super) reason: String,
    pub(super) attempts: i64,
    /// Log time of the refusal, ms.
    pub(super) failed_ms: i64,
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    /// Names and values as they were in the log.
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Set where the letter does not hold all of the record.
    pub(super) reference: Option<Reference>,
    /// The value of the header that names this letter.
    naming: String,
    /// The letter that the record was taken from when it was redriven before.
    pub(super) came_of: Option<LetterId>,
}

/// By what a record is known again that a letter holds in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Length of the whole value, bytes; none for a record without value.
    pub(super) value_bytes: Option<usize>,
    /// SHA-256 of the whole value; none where the value is whole and only headers are missing.
    pub(super) value_sha256: Option<[u8; 32]>,
}

impl Candidate {
    /// None where the letter's partition is none.
    pub(super) fn of(letter: &DeadLetter<'_>) -> Option<Self> {
        let is_partial = letter.value_sha256.is_some() || letter.detail.ends_with(HEADERS_LEFT_OUT);
        let value_bytes = letter.value_length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        let header = |(name, value): (&str, &[u8])| (header_name::to_bytes(name).into_owned(), value.to_vec());
        let id = LetterId::of(letter)?;
        Some(Self {
            naming: Redriven { letter: id.clone(), attempts: letter.attempts.max(1) }.to_text(),
            id,
            source: letter.source.to_owned(),
            reason: letter.reason.to_owned(),
            attempts: letter.attempts,
            failed_ms: letter.failed_at.div_euclid(1000),
            timestamp_ms: letter.timestamp.div_euclid(1000),
            key: letter.key.map(Vec::from),
            value: letter.value.map(Vec::from),
            headers: letter.headers.iter().map(header).collect(),
            reference: is_partial.then_some(Reference { value_bytes, value_sha256: letter.value_sha256 }),
            came_of: Redriven::of(letter).map(|redriven| redriven.letter),
        })
    }

    /// Takes note of what the headers say, once all of them are there.
    pub(super) fn note_origin(&mut self) {
        let header = self.headers.iter().find(|(name, _)| name == redrive::HEADER.as_bytes());
        self.came_of = header.and_then(|(_, value)| Redriven::parse(value)).map(|redriven| redriven.letter);
    }

    /// The headers of the record as it goes back: those that it had, but for that of an earlier redrive, and the one that names this letter.
    pub(super) fn headers_back(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let had = self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let name = redrive::HEADER.as_bytes();
        had.filter(move |(had, _)| *had != name).chain([(name, self.naming.as_bytes())])
    }

    /// Bytes that it holds.
    pub(super) fn byte_len(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len) + headers
    }
}
