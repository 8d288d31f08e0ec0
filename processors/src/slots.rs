//! A save of things that are kept in slots, while they change: which are still to be saved as they were when it began.

/// Things are saved in the order of their slots; one that is about to change before its turn is saved at once.
#[derive(Default)]
pub(crate) struct SlotsSave {
    /// The first slot whose turn has not come.
    next: u32,
    /// Behind the last slot that there was when the save began; 0 when there is no save.
    end: u32,
    /// A bit for each slot: changed since the save began.
    changed: Vec<u64>,
    /// What was saved before its turn, until it is taken.
    early: Vec<u8>,
}

impl SlotsSave {
    /// A save of so many slots that begins now.
    pub(crate) fn begin(slots: usize) -> Self {
        Self { end: u32::try_from(slots).unwrap_or(u32::MAX), changed: vec![0; slots.div_ceil(64)], ..Self::default() }
    }

    /// To be called before what is in a slot changes; `save` appends it.
    #[inline]
    pub(crate) fn preserve(&mut self, slot: u32, save: impl FnOnce(&mut Vec<u8>)) {
        if slot < self.end && !self.has_changed(slot) {
            self.changed[slot as usize / 64] |= 1 << (slot % 64);
            if slot >= self.next {
                save(&mut self.early);
            }
        }
    }

    /// Whether a slot has changed since the save began.
    pub(crate) fn has_changed(&self, slot: u32) -> bool {
        self.changed[slot as usize / 64] & (1 << (slot % 64)) != 0
    }

    /// Moves what was saved before its turn to `out`.
    pub(crate) fn take_early(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.early);
    }

    /// The next slot that is to be saved as it stands.
    pub(crate) fn next_slot(&mut self) -> Option<u32> {
        while self.next < self.end {
            let slot = self.next;
            self.next += 1;
            if !self.has_changed(slot) {
                return Some(slot);
            }
        }
        None
    }
}
