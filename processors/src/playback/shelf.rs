//! Where the closed sessions are that have left memory: an index of at most 24 bytes a session, by the hash of its id.
//!
//! Open addressing with linear probing, in parts that grow each on its own, so that no insertion takes long. A hash is no id: two sessions
//! may share one, and then the wrong one is brought back first, which costs a read and nothing else.

use std::collections::BTreeMap;

use pipeline::{NotAState, SegmentPlace};

use crate::saved::{Reader, Writer};

/// Of a hash the upper 40 bits are kept; the first of them choose the part.
const HASH_BITS: u32 = 40;
const PART_BITS: u32 = 6;
const HOUR_BITS: u32 = 24;
const OFFSET_BITS: u32 = 40;
/// Not a segment, but places that hold none: never used, or taken out.
const NO_SEGMENT: u64 = (1 << (u64::BITS - OFFSET_BITS)) - 1;

/// A session that was put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PutAway {
    /// Hash of its id, then the hour of log time after which, plus H, it is forgotten.
    key: u64,
    /// Segment, then the offset in it.
    at: u64,
}

const EMPTY: PutAway = PutAway { key: 0, at: u64::MAX };
const TAKEN_OUT: PutAway = PutAway { key: 0, at: u64::MAX - 1 };

impl PutAway {
    /// None where a number does not fit: such a session stays in memory.
    pub(super) fn new(hash: u64, hour: i64, place: SegmentPlace) -> Option<Self> {
        let hour = u64::try_from(hour).ok().filter(|hour| *hour < 1 << HOUR_BITS)?;
        let offset = Some(place.offset).filter(|offset| *offset < 1 << OFFSET_BITS)?;
        let segment = Some(u64::from(place.segment)).filter(|segment| *segment < NO_SEGMENT)?;
        Some(Self { key: hash >> (u64::BITS - HASH_BITS) << HOUR_BITS | hour, at: segment << OFFSET_BITS | offset })
    }

    fn is_held(self) -> bool {
        self.at >> OFFSET_BITS != NO_SEGMENT
    }

    fn place(self) -> SegmentPlace {
        SegmentPlace { segment: (self.at >> OFFSET_BITS) as u32, offset: self.at & ((1 << OFFSET_BITS) - 1) }
    }

    fn hour(self) -> i64 {
        (self.key & ((1 << HOUR_BITS) - 1)) as i64
    }

    /// The hash's bits that choose the part, and those that choose the place in it, at the front of a word.
    fn part_and_spread(self) -> (usize, u64) {
        let part = self.key >> (u64::BITS - PART_BITS);
        (part as usize, self.key >> HOUR_BITS << (HOUR_BITS + PART_BITS))
    }

    pub(super) fn save(self, out: &mut Vec<u8>) {
        let mut out = Writer(out);
        out.i64(self.key as i64);
        out.i64(self.at as i64);
    }

    pub(super) fn load(saved: &mut Reader<'_>) -> Result<Self, NotAState> {
        let away = Self { key: saved.i64()? as u64, at: saved.i64()? as u64 };
        if away.is_held() { Ok(away) } else { Err(NotAState("a session that was put away is nowhere".to_owned())) }
    }
}

/// See the module's documentation.
pub(super) struct Shelf {
    parts: Vec<Part>,
    /// Sessions in each segment.
    by_segment: BTreeMap<u32, u32>,
    /// No session is forgotten before this hour.
    first_hour: i64,
    saving: Saving,
}

/// A save under way: entries are saved in the order of their places; one that is taken out before its turn is saved at once.
struct Saving {
    /// The first part and place whose turn has not come; behind the last part when there is no save.
    next: (usize, usize),
    early: Vec<u8>,
}

const NO_SAVE: Saving = Saving { next: (1 << PART_BITS, 0), early: Vec::new() };

impl Default for Shelf {
    fn default() -> Self {
        let parts = (0..1 << PART_BITS).map(|_| Part::default()).collect();
        Self { parts, by_segment: BTreeMap::new(), first_hour: i64::MAX, saving: NO_SAVE }
    }
}

impl Shelf {
    /// Sessions held.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.held).sum()
    }

    /// Bytes that it takes in memory.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.places.capacity() * size_of::<PutAway>()).sum()
    }

    /// Numbers of the segments in which there is any.
    pub(super) fn segments(&self) -> impl Iterator<Item = u32> {
        self.by_segment.keys().copied()
    }

    /// A place where a session with this hash lies.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> Option<SegmentPlace> {
        let sought = PutAway { key: hash >> (u64::BITS - HASH_BITS) << HOUR_BITS, at: 0 };
        let (part, spread) = sought.part_and_spread();
        let part = &self.parts[part];
        let at = part.find(spread, |held| held.key >> HOUR_BITS == sought.key >> HOUR_BITS)?;
        Some(part.places[at].place())
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, more: usize) {
        // Hashes spread evenly, nearly.
        let share = more / self.parts.len();
        self.parts.iter_mut().for_each(|part| part.reserve(share + share / 16));
    }

    /// Puts one in. Not while a save is under way: it would not know whether the new one is part of it.
    pub(super) fn insert(&mut self, away: PutAway) {
        let (part, spread) = away.part_and_spread();
        self.parts[part].insert(spread, away);
        *self.by_segment.entry(away.place().segment).or_default() += 1;
        self.first_hour = self.first_hour.min(away.hour());
    }

    /// Takes out the session with this hash that lies there.
    pub(super) fn remove(&mut self, hash: u64, place: SegmentPlace) -> bool {
        let Some(sought) = PutAway::new(hash, 0, place) else { return false };
        let (number, spread) = sought.part_and_spread();
        let Some(at) = self.parts[number].find(spread, |held| held.at == sought.at) else { return false };
        self.take_out(number, at);
        true
    }

    fn take_out(&mut self, number: usize, at: usize) {
        let part = &mut self.parts[number];
        let away = std::mem::replace(&mut part.places[at], TAKEN_OUT);
        part.held -= 1;
        part.taken_out += 1;
        if (number, at) >= self.saving.next {
            save_entry(away, &mut self.saving.early);
        }
        let segment = away.place().segment;
        if let Some(sessions) = self.by_segment.get_mut(&segment) {
            *sessions -= 1;
            if *sessions == 0 {
                self.by_segment.remove(&segment);
            }
        }
    }

    /// Forgets the sessions of all hours before this one.
    pub(super) fn forget_before(&mut self, hour: i64) {
        if hour <= self.first_hour {
            return;
        }
        self.first_hour = i64::MAX;
        for number in 0..self.parts.len() {
            for at in 0..self.parts[number].places.len() {
                let away = self.parts[number].places[at];
                if !away.is_held() {
                } else if away.hour() < hour {
                    self.take_out(number, at);
                } else {
                    self.first_hour = self.first_hour.min(away.hour());
                }
            }
        }
    }

    /// Begins to save what is held now.
    pub(super) fn begin_save(&mut self) {
        self.saving = Saving { next: (0, 0), early: Vec::new() };
    }

    /// Appends entries until about `bytes` are there; true when all have been saved.
    pub(super) fn save_piece(&mut self, out: &mut Vec<u8>, bytes: usize) -> bool {
        out.append(&mut self.saving.early);
        let (mut number, mut at) = self.saving.next;
        while out.len() < bytes
            && let Some(part) = self.parts.get(number)
        {
            match part.places.get(at) {
                Some(away) => {
                    if away.is_held() {
                        save_entry(*away, out);
                    }
                    at += 1;
                }
                None => (number, at) = (number + 1, 0),
            }
        }
        self.saving.next = (number, at);
        number == self.parts.len()
    }

    /// No save is under way any more.
    pub(super) fn end_save(&mut self) {
        self.saving = NO_SAVE;
    }
}

/// What is saved stands behind a byte that says so.
pub(super) const SAVED_ENTRY: u8 = 2;

pub(super) fn save_entry(away: PutAway, out: &mut Vec<u8>) {
    out.push(SAVED_ENTRY);
    away.save(out);
}

#[derive(Default)]
struct Part {
    /// At most nine tenths of them are held or were taken out.
    places: Vec<PutAway>,
    held: usize,
    taken_out: usize,
}

impl Part {
    fn home(&self, spread: u64) -> usize {
        ((u128::from(spread) * self.places.len() as u128) >> u64::BITS) as usize
    }

    #[inline]
    fn find(&self, spread: u64, is_sought: impl Fn(&PutAway) -> bool) -> Option<usize> {
        if self.held == 0 {
            return None;
        }
        let mut at = self.home(spread);
        loop {
            let away = &self.places[at];
            if *away == EMPTY {
                return None;
            }
            if away.is_held() && is_sought(away) {
                return Some(at);
            }
            at = if at + 1 == self.places.len() { 0 } else { at + 1 };
        }
    }

    fn insert(&mut self, spread: u64, away: PutAway) {
        self.reserve(1);
        let mut at = self.home(spread);
        while self.places[at].is_held() {
            at = if at + 1 == self.places.len() { 0 } else { at + 1 };
        }
        if self.places[at] == TAKEN_OUT {
            self.taken_out -= 1;
        }
        self.places[at] = away;
        self.held += 1;
    }

    /// Seven tenths full after it grew: between 17.8 and 22.9 bytes a session.
    fn reserve(&mut self, more: usize) {
        if (self.held + self.taken_out + more) * 10 <= self.places.len() * 9 {
            return;
        }
        let places = (self.held + more) * 10 / 7 + 4;
        let old = std::mem::replace(&mut self.places, vec![EMPTY; places]);
        (self.held, self.taken_out) = (0, 0);
        // In the order of their hashes, nearly: they go one behind the other.
        for away in old.into_iter().filter(|away| away.is_held()) {
            self.insert(away.part_and_spread().1, away);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pipeline::testing::Seeded;

    use super::*;

    fn place(number: u64) -> SegmentPlace {
        SegmentPlace { segment: (number % 5) as u32, offset: number * 100 }
    }

    #[test]
    fn holds_what_a_set_would_hold_in_at_most_24_bytes_each() {
        let mut random = Seeded::new(1);
        let mut shelf = Shelf::default();
        let mut held: BTreeSet<(u64, u64, i64)> = BTreeSet::new();
        for number in 0..60_000u64 {
            // Some share their hash.
            let hash = if random.below(50) == 0 { 7 << 50 } else { random.bits() };
            let hour = random.below(100) as i64;
            if random.below(3) > 0 {
                shelf.insert(PutAway::new(hash, hour, place(number)).unwrap());
                held.insert((hash, number, hour));
            } else if let Some(&(hash, number, hour)) = held.range((random.bits(), 0, 0)..).next() {
                assert!(shelf.remove(hash, place(number)));
                assert!(!shelf.remove(hash, place(number)));
                held.remove(&(hash, number, hour));
            }
            if number % 20_000 == 19_999 {
                let hour = (number / 20_000) as i64 * 20;
                shelf.forget_before(hour);
                held.retain(|&(_, _, held_hour)| held_hour >= hour);
            }
        }
        assert_eq!(shelf.len(), held.len());
        assert_eq!(shelf.segments().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        for &(hash, ..) in &held {
            let found = shelf.find(hash).unwrap();
            assert!(held.iter().any(|&(other, number, _)| other >> 24 == hash >> 24 && place(number) == found));
        }
        assert_eq!((0..1_000).filter(|_| shelf.find(random.bits()).is_some()).count(), 0);
        for (hash, number, _) in held {
            assert!(shelf.remove(hash, place(number)));
        }
        assert_eq!((shelf.len(), shelf.segments().count()), (0, 0));
    }

    #[test]
    fn takes_at_most_24_bytes_each_however_many_there_are() {
        let mut random = Seeded::new(2);
        let mut shelf = Shelf::default();
        for number in 0..200_000u64 {
            shelf.insert(PutAway::new(random.bits(), 1, place(number)).unwrap());
            if number > 20_000 && number % 1_000 == 0 {
                assert!(shelf.allocated_bytes() <= shelf.len() * 24, "{} for {}", shelf.allocated_bytes(), shelf.len());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_put_away() {
        let at = |segment, offset| SegmentPlace { segment, offset };
        assert!(PutAway::new(u64::MAX, (1 << 24) - 1, at((1 << 24) - 2, (1 << 40) - 1)).is_some());
        assert_eq!(PutAway::new(1, 1 << 24, at(0, 0)), None);
        assert_eq!(PutAway::new(1, -1, at(0, 0)), None);
        assert_eq!(PutAway::new(1, 1, at((1 << 24) - 1, 0)), None);
        assert_eq!(PutAway::new(1, 1, at(0, 1 << 40)), None);
    }
}
