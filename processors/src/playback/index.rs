//! Where the newest row of each session is: an open-addressed table of (hash, slot), eight bytes a place.
//!
//! A look-up reads one cache line, seldom two, and which one is known from the hash alone: so many look-ups can be waited for at once.

use super::row::{NO_SLOT, Slot};

const FEWEST_PLACES: usize = 16;

#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    /// [`NO_SLOT`] in an empty place.
    slot: Slot,
}

const EMPTY: Place = Place { hash: 0, slot: NO_SLOT };

/// See the module's documentation.
pub(crate) struct SlotIndex {
    /// A power of two of them, at most four fifths full.
    places: Vec<Place>,
    held: usize,
}

impl Default for SlotIndex {
    fn default() -> Self {
        Self { places: vec![EMPTY; FEWEST_PLACES], held: 0 }
    }
}

impl SlotIndex {
    /// Reads the line where a look-up for `hash` begins, so that it is in the caches by then.
    #[inline]
    pub(crate) fn touch(&self, hash: u32) -> u32 {
        self.places[self.home(hash)].hash
    }

    /// The slot with this hash that `is_same` takes.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_same: impl FnMut(Slot) -> bool) -> Option<Slot> {
        self.find_place(hash, is_same).map(|at| self.places[at].slot)
    }

    /// Puts in a slot that is not held.
    pub(crate) fn insert(&mut self, hash: u32, slot: Slot) {
        if !self.has_room(1) {
            self.resize(self.places.len() * 2);
        }
        self.put(Place { hash, slot });
        self.held += 1;
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        let mut places = self.places.len();
        while (self.held + more) * 5 > places * 4 {
            places *= 2;
        }
        if !self.has_room(more) {
            self.resize(places);
        }
    }

    fn has_room(&self, more: usize) -> bool {
        (self.held + more) * 5 <= self.places.len() * 4
    }

    fn resize(&mut self, places: usize) {
        let old = std::mem::replace(&mut self.places, vec![EMPTY; places]);
        for place in old.into_iter().filter(|place| place.slot != NO_SLOT) {
            self.put(place);
        }
    }

    /// Puts another slot in the place of one that is held.
    pub(crate) fn replace(&mut self, hash: u32, held: Slot, slot: Slot) {
        if let Some(at) = self.find_place(hash, |found| found == held) {
            self.places[at].slot = slot;
        }
    }

    /// Takes out a slot.
    pub(crate) fn remove(&mut self, hash: u32, slot: Slot) {
        let Some(mut gap) = self.find_place(hash, |found| found == slot) else { return };
        self.held -= 1;
        // What comes behind moves up, unless that would put it before its home: no look-up may meet a gap before what it looks for.
        let mask = self.places.len() - 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let place = self.places[at];
            if place.slot == NO_SLOT {
                break;
            }
            let from_home = at.wrapping_sub(self.home(place.hash)) & mask;
            if from_home >= at.wrapping_sub(gap) & mask {
                self.places[gap] = place;
                gap = at;
            }
        }
        self.places[gap] = EMPTY;
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    #[inline]
    fn find_place(&self, hash: u32, mut is_same: impl FnMut(Slot) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            let place = self.places[at];
            if place.slot == NO_SLOT {
                return None;
            }
            if place.hash == hash && is_same(place.slot) {
                return Some(at);
            }
            at = (at + 1) & (self.places.len() - 1);
        }
    }

    fn put(&mut self, place: Place) {
        let mut at = self.home(place.hash);
        while self.places[at].slot != NO_SLOT {
            at = (at + 1) & (self.places.len() - 1);
        }
        self.places[at] = place;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(u32),
        Remove(Slot),
        Replace(Slot),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few hashes, near each other and at the table's end: long runs that wrap around.
        let hash = prop_oneof![0..8u32, (u32::MAX - 8)..=u32::MAX, any::<u32>()];
        prop_oneof![3 => hash.prop_map(Step::Insert), 2 => (0..200u32).prop_map(Step::Remove), 1 => (0..200u32).prop_map(Step::Replace)]
    }

    proptest! {
        #[test]
        fn holds_what_a_map_would_hold(steps in prop::collection::vec(step(), 0..400)) {
            let mut index = SlotIndex::default();
            let mut held: BTreeMap<Slot, u32> = BTreeMap::new();
            let mut next: Slot = 0;
            for step in steps {
                match step {
                    Step::Insert(hash) => {
                        index.insert(hash, next);
                        held.insert(next, hash);
                        next += 1;
                    }
                    Step::Remove(slot) => {
                        if let Some(hash) = held.remove(&slot) {
                            index.remove(hash, slot);
                            prop_assert_eq!(index.find(hash, |found| found == slot), None);
                        }
                    }
                    Step::Replace(slot) => {
                        if let Some(hash) = held.remove(&slot) {
                            index.replace(hash, slot, next);
                            held.insert(next, hash);
                            next += 1;
                        }
                    }
                }
                for (&slot, &hash) in &held {
                    prop_assert_eq!(index.find(hash, |found| found == slot), Some(slot));
                }
            }
            prop_assert_eq!(index.held, held.len());
        }
    }
}
