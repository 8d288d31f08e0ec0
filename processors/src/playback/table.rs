//! The rows of a partition: found by session id, kept in slots.

use std::hint::black_box;

use pipeline::{AHEAD, SavedPiece, SegmentPlace};
use xxhash_rust::xxh3::xxh3_64;

use super::identity;
use super::index::SlotIndex;
use super::row::{NO_SLOT, Row, Slot};
use super::saving::Saving;
use super::schedule;
use super::shelf::PutAway;

/// Rows by session id. Rows of one session hang one behind the other, the newest first.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    free: Vec<Slot>,
    index: SlotIndex,
    saving: Saving,
}

/// A session id as it is looked up.
#[derive(Clone, Copy)]
pub(crate) struct SessionKey<'k> {
    pub(crate) hash: u64,
    id: &'k [u8],
}

impl<'k> SessionKey<'k> {
    pub(crate) fn of(session_id: &'k str) -> Self {
        Self { hash: hash_of(session_id.as_bytes()), id: identity::kept_session_id(session_id) }
    }
}

fn hash_of(session_id: &[u8]) -> u64 {
    xxh3_64(session_id)
}

/// What the index of rows knows of a hash.
fn low(hash: u64) -> u32 {
    hash as u32
}

impl Table {
    /// The newest row of a session.
    pub(crate) fn find(&self, key: SessionKey<'_>) -> Option<Slot> {
        self.index.find(low(key.hash), |slot| self.row(slot).is_of(key.id))
    }

    /// Brings the rows of sessions whose events come next into the caches. With many live sessions nearly all of an event's time would
    /// else be spent waiting for memory: index, row and log, one after the other. Here each step is waited for once for all sessions.
    ///
    /// Of each event: its session id, and the hash of its event id.
    pub(crate) fn prepare<'k>(&self, upcoming: impl Iterator<Item = (&'k [u8], u64)>) {
        let mut hashes = [(0, 0); AHEAD];
        let mut count = 0;
        for (place, (session_id, event_hash)) in hashes.iter_mut().zip(upcoming) {
            *place = (low(hash_of(session_id)), event_hash);
            count += 1;
        }
        let hashes = &hashes[..count];
        black_box(hashes.iter().fold(0, |touched, &(hash, _)| touched ^ self.index.touch(hash)));
        let mut slots = [NO_SLOT; AHEAD];
        for (slot, &(hash, _)) in slots.iter_mut().zip(hashes) {
            *slot = self.index.find(hash, |_| true).unwrap_or(NO_SLOT);
        }
        let row = |slot: Slot| self.rows.get(slot as usize);
        black_box(slots.iter().filter_map(|&slot| row(slot)).fold(0, |touched, row| touched ^ row.touch()));
        let logs = slots.iter().zip(hashes).filter_map(|(&slot, &(_, event_hash))| Some((&row(slot)?.log, event_hash)));
        black_box(logs.fold(0, |touched, (log, event_hash)| touched ^ log.touch(event_hash)));
    }

    #[inline]
    pub(crate) fn row(&self, slot: Slot) -> &Row {
        &self.rows[slot as usize]
    }

    #[inline]
    pub(crate) fn row_mut(&mut self, slot: Slot) -> &mut Row {
        let row = &mut self.rows[slot as usize];
        self.saving.preserve(slot, row);
        row
    }

    /// Puts in a row as its session's newest.
    pub(crate) fn insert(&mut self, key: SessionKey<'_>, newest: Option<Slot>, row: Row) -> Slot {
        self.insert_hashed(key.hash, newest, row)
    }

    fn insert_hashed(&mut self, hash: u64, newest: Option<Slot>, mut row: Row) -> Slot {
        row.older = newest.unwrap_or(NO_SLOT);
        let slot = self.put(row);
        match newest {
            None => self.index.insert(low(hash), slot),
            Some(newest) => self.index.replace(low(hash), newest, slot),
        }
        slot
    }

    fn put(&mut self, row: Row) -> Slot {
        match self.free.pop() {
            Some(slot) => {
                *self.row_mut(slot) = row;
                slot
            }
            None => {
                self.rows.push(row);
                Slot::try_from(self.rows.len() - 1).expect("fewer than 4 billion rows in a partition")
            }
        }
    }

    /// Puts in a row that was saved, among those of its session in the order in which they were opened.
    pub(crate) fn restore(&mut self, row: Row) -> Slot {
        let opened_log_ms = row.opened_log_ms;
        let hash = hash_of(row.session_id().as_bytes().unwrap_or_default());
        let newest = self.index.find(low(hash), |slot| self.row(slot).session_id() == row.session_id());
        // The one that it comes in front of, behind a newer one.
        let (mut newer, mut older) = (None, newest);
        while let Some(slot) = older.filter(|&slot| self.row(slot).opened_log_ms > opened_log_ms) {
            newer = Some(slot);
            older = Some(self.row(slot).older).filter(|&slot| slot != NO_SLOT);
        }
        let Some(newer) = newer else { return self.insert_hashed(hash, newest, row) };
        let mut row = row;
        row.older = older.unwrap_or(NO_SLOT);
        let slot = self.put(row);
        self.row_mut(newer).older = slot;
        slot
    }

    /// Makes room for so many rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
        self.index.reserve(rows);
    }

    /// Begins to save all rows as they are now.
    pub(crate) fn begin_save(&mut self) {
        self.saving = Saving::begin(self.rows.len());
    }

    /// Fills the next piece; true for the last one. Sessions that nothing more need be said of are put away.
    pub(crate) fn save_piece(&mut self, piece: &mut SavedPiece, bytes: usize) -> bool {
        let mut saving = std::mem::take(&mut self.saving);
        let is_last = saving.piece(&self.rows, piece, bytes, |slot, place| self.put_away(slot, place));
        self.saving = saving;
        is_last
    }

    /// What the shelf is to know of a session: one that is closed and said, and has but this row.
    fn put_away(&self, slot: Slot, place: SegmentPlace) -> Option<PutAway> {
        let row = self.row(slot);
        if !row.is_alive() || !row.is_closed() || row.is_unsaid() || row.older != NO_SLOT {
            return None;
        }
        let (hash, newest) = self.session_of(slot);
        if newest == Some(slot) { PutAway::new(hash, schedule::last_hour(row), place) } else { None }
    }

    /// The next session that was put away and is as it was then.
    pub(crate) fn next_to_let_go(&mut self) -> Option<(Slot, PutAway)> {
        while let Some((slot, place)) = self.saving.next_to_let_go() {
            // A newer row may have been opened.
            if let Some(away) = self.put_away(slot, place) {
                return Some((slot, away));
            }
        }
        None
    }

    /// No save is under way any more.
    pub(crate) fn end_save(&mut self) {
        self.saving = Saving::default();
    }

    /// Hash of a row's session id, and its newest row.
    fn session_of(&self, slot: Slot) -> (u64, Option<Slot>) {
        let session_id = self.row(slot).session_id();
        let key = SessionKey::of(session_id.as_str().unwrap_or_default());
        (key.hash, self.find(key))
    }

    /// Takes out a row.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let older = self.row(slot).older;
        let (hash, newest) = self.session_of(slot);
        let (hash, newest) = (low(hash), newest.unwrap_or(slot));
        if newest == slot {
            if older == NO_SLOT {
                self.index.remove(hash, slot);
            } else {
                self.index.replace(hash, slot, older);
            }
        } else {
            let mut newer = newest;
            while self.row(newer).older != slot {
                newer = self.row(newer).older;
            }
            self.row_mut(newer).older = older;
        }
        self.row_mut(slot).forget();
        self.free.push(slot);
    }

    /// Rows held.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// All rows held, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_alive())
    }
}
