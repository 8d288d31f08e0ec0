//! The rows of a partition: found by session id, kept in slots.

use std::hint::black_box;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::row::{NO_SLOT, Row, Slot};
use super::session_id::PackedId;

/// Rows by session id. Rows of one session hang one behind the other, the newest first.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    free: Vec<Slot>,
    /// (low half of the session id's hash, slot of its newest row).
    index: HashTable<(u32, Slot)>,
}

/// A session id as it is looked up.
pub(crate) struct SessionKey {
    hash: u32,
    id: PackedId,
}

impl SessionKey {
    pub(crate) fn of(session_id: &str) -> Self {
        Self { hash: hash_of(session_id.as_bytes()), id: PackedId::of(session_id) }
    }
}

fn hash_of(session_id: &[u8]) -> u32 {
    xxh3_64(session_id) as u32
}

/// The index keeps 32 bits of a hash and spreads them again over the 64 that it looks at.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Table {
    /// The newest row of a session.
    pub(crate) fn find(&self, key: &SessionKey) -> Option<Slot> {
        let is_same = |&(hash, slot): &(u32, Slot)| hash == key.hash && self.row(slot).is_of(&key.id);
        self.index.find(spread(key.hash), is_same).map(|&(_, slot)| slot)
    }

    /// Brings the rows of sessions whose events come next into the caches. With many live sessions nearly all of an event's time would
    /// else be spent waiting for memory: index, row and log, one after the other. Here they are waited for side by side.
    pub(crate) fn prepare<'k>(&self, session_ids: impl Iterator<Item = &'k [u8]>) {
        const AHEAD: usize = 32;
        let mut slots = [NO_SLOT; AHEAD];
        for (place, session_id) in slots.iter_mut().zip(session_ids) {
            let hash = hash_of(session_id);
            *place = self.index.find(spread(hash), |&(other, _)| other == hash).map_or(NO_SLOT, |&(_, slot)| slot);
        }
        let rows = || slots.iter().filter_map(|&slot| self.rows.get(slot as usize));
        black_box(rows().fold(0, |touched, row| touched ^ row.touch()));
        black_box(rows().fold(0, |touched, row| touched ^ row.log.touch()));
    }

    #[inline]
    pub(crate) fn row(&self, slot: Slot) -> &Row {
        &self.rows[slot as usize]
    }

    #[inline]
    pub(crate) fn row_mut(&mut self, slot: Slot) -> &mut Row {
        &mut self.rows[slot as usize]
    }

    /// Puts in a row as its session's newest.
    pub(crate) fn insert(&mut self, key: &SessionKey, newest: Option<Slot>, mut row: Row) -> Slot {
        row.older = newest.unwrap_or(NO_SLOT);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.rows[slot as usize] = row;
                slot
            }
            None => {
                self.rows.push(row);
                Slot::try_from(self.rows.len() - 1).expect("fewer than 4 billion rows in a partition")
            }
        };
        match newest {
            None => {
                self.index.insert_unique(spread(key.hash), (key.hash, slot), |&(hash, _)| spread(hash));
            }
            Some(newest) => {
                if let Some(entry) = self.index.find_mut(spread(key.hash), |&(_, held)| held == newest) {
                    entry.1 = slot;
                }
            }
        }
        slot
    }

    /// Takes out a row.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let row = self.row(slot);
        let older = row.older;
        let key = SessionKey::of(row.session_id().as_str());
        let newest = self.find(&key).unwrap_or(slot);
        if newest == slot {
            if let Ok(mut entry) = self.index.find_entry(spread(key.hash), |&(_, held)| held == slot) {
                if older == NO_SLOT {
                    entry.remove();
                } else {
                    entry.get_mut().1 = older;
                }
            }
        } else {
            let mut newer = newest;
            while self.row(newer).older != slot {
                newer = self.row(newer).older;
            }
            self.row_mut(newer).older = older;
        }
        let row = self.row_mut(slot);
        row.is_alive = false;
        row.log = Default::default();
        self.free.push(slot);
    }

    /// Rows held.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// All rows held, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_alive)
    }
}
