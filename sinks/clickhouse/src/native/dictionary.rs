//! `LowCardinality(String)`: each distinct text once a block, and an index a row.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{Column, put_text};

/// The only version of this serialisation that there is: dictionaries that a block brings along.
const VERSION: u64 = 1;
/// The keys stand in the block itself.
const HAS_ADDITIONAL_KEYS: u64 = 1 << 9;
/// They replace what the reader had.
const NEED_UPDATE: u64 = 1 << 10;

/// Texts of which many are the same.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    /// The index of each row's text.
    rows: Vec<u32>,
    /// Hash and place in `texts` of each distinct text.
    keys: Vec<Key>,
    texts: String,
    /// Indices of `keys` by hash.
    by_hash: HashTable<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    hash: u64,
    start: u32,
    end: u32,
}

impl Key {
    fn text<'t>(&self, texts: &'t str) -> &'t str {
        &texts[self.start as usize..self.end as usize]
    }
}

impl Dictionary {
    #[inline(never)]
    fn look_up(&mut self, text: &str) -> u32 {
        let hash = xxh3_64(text.as_bytes());
        let (keys, texts) = (&self.keys, &self.texts);
        let is_same = |&index: &u32| {
            let key = &keys[index as usize];
            key.hash == hash && key.text(texts) == text
        };
        if let Some(&index) = self.by_hash.find(hash, is_same) {
            return index;
        }
        let index = as_u32(self.keys.len());
        let start = as_u32(self.texts.len());
        self.texts.push_str(text);
        self.keys.push(Key { hash, start, end: as_u32(self.texts.len()) });
        let keys = &self.keys;
        self.by_hash.insert_unique(hash, index, |&index| keys[index as usize].hash);
        index
    }
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).expect("a block is flushed long before it has 2^32 rows, or its texts as many bytes")
}

impl Column for Dictionary {
    type Value<'a> = &'a str;

    fn type_name() -> String {
        "LowCardinality(String)".to_owned()
    }

    #[inline(always)]
    fn push(&mut self, value: &str) {
        let index = match self.rows.last() {
            // Often as in the row before.
            Some(&last) if self.keys[last as usize].text(&self.texts) == value => last,
            _ => self.look_up(value),
        };
        self.rows.push(index);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION.to_le_bytes());
        // Of a column without rows no more is read.
        if self.rows.is_empty() {
            return;
        }
        let width: u64 = match self.keys.len() {
            0..=0x100 => 0,
            0x101..=0x1_0000 => 1,
            _ => 2,
        };
        out.extend_from_slice(&(width | HAS_ADDITIONAL_KEYS | NEED_UPDATE).to_le_bytes());
        out.extend_from_slice(&(self.keys.len() as u64).to_le_bytes());
        self.keys.iter().for_each(|key| put_text(key.text(&self.texts), out));
        out.extend_from_slice(&(self.rows.len() as u64).to_le_bytes());
        match width {
            0 => out.extend(self.rows.iter().map(|&row| row as u8)),
            1 => self.rows.iter().for_each(|&row| out.extend_from_slice(&(row as u16).to_le_bytes())),
            _ => self.rows.iter().for_each(|&row| out.extend_from_slice(&row.to_le_bytes())),
        }
    }

    fn size_bytes(&self) -> usize {
        32 + self.texts.len() + 2 * self.keys.len() + 2 * self.rows.len()
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.keys.clear();
        self.texts.clear();
        self.by_hash.clear();
    }
}
