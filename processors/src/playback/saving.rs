//! Which rows of a table are still to be saved as they were when the save began.

use crate::saved::Writer;

use super::row::{Row, Slot};

/// A save under way. Rows are saved in the order of their slots; one that is about to change before its turn is saved at once.
#[derive(Default)]
pub(crate) struct Saving {
    /// The first slot whose turn has not come.
    next: Slot,
    /// Behind the last slot that there was when the save began; the save is over when `next` is there.
    end: Slot,
    /// A bit for each slot: saved before its turn, or not there when the save began.
    done: Vec<u64>,
    /// Rows that were saved before their turn, until the next piece takes them.
    early: Vec<u8>,
}

impl Saving {
    /// Of a table of so many slots that holds so many rows. Their number is the first thing that is saved.
    pub(crate) fn begin(&mut self, slots: usize, rows: usize) {
        self.next = 0;
        self.end = Slot::try_from(slots).unwrap_or(Slot::MAX);
        self.done.clear();
        self.done.resize(slots.div_ceil(64), 0);
        self.early.clear();
        Writer(&mut self.early).i64(rows as i64);
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.next >= self.end
    }

    /// To be called before a row changes.
    #[inline]
    pub(crate) fn preserve(&mut self, slot: Slot, row: &Row) {
        if slot >= self.next && slot < self.end {
            self.save_early(slot, row);
        }
    }

    #[cold]
    fn save_early(&mut self, slot: Slot, row: &Row) {
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        if self.done[word] & bit == 0 {
            self.done[word] |= bit;
            row.save(&mut self.early);
        }
    }

    /// Appends rows until about `bytes` are there; true when all have been saved.
    pub(crate) fn piece(&mut self, rows: &[Row], out: &mut Vec<u8>, bytes: usize) -> bool {
        out.append(&mut self.early);
        while self.next < self.end && out.len() < bytes {
            let slot = self.next as usize;
            if self.done[slot / 64] & (1 << (slot % 64)) == 0 {
                rows[slot].save(out);
            }
            self.next += 1;
        }
        let is_over = self.is_over();
        if is_over {
            *self = Self::default();
        }
        is_over
    }
}
