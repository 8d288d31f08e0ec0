//! Ids made from content: the same content gives the same id, on every machine and in every run.

use uuid::{Builder, Uuid};
use xxhash_rust::xxh3::xxh3_128;

/// Collects parts so that no two lists of parts have the same bytes: each is preceded by its length.
#[derive(Default)]
pub(crate) struct Content {
    bytes: Vec<u8>,
}

impl Content {
    pub(crate) fn part(mut self, part: &[u8]) -> Self {
        self.bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(part);
        self
    }

    pub(crate) fn number(self, number: i64) -> Self {
        self.part(&number.to_le_bytes())
    }

    pub(crate) fn hash(&self) -> u128 {
        xxh3_128(&self.bytes)
    }

    /// A UUID of version 8 (RFC 9562: the bits are the application's own), made of the hash.
    pub(crate) fn uuid(&self) -> Uuid {
        Builder::from_custom_bytes(self.hash().to_be_bytes()).into_uuid()
    }
}
