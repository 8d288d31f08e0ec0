//! A save of a table's rows: those that stay go to the snapshot, those that may leave memory to a segment.

use pipeline::{SavedPiece, SegmentPlace};

use crate::slots::SlotsSave;

use super::row::{Row, Slot};
use super::shelf::{self, PutAway};

/// A row stands behind a byte that says so.
pub(crate) const SAVED_ROW: u8 = 1;

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Saving {
    slots: SlotsSave,
    /// Rows that went to the segment.
    put_away: Vec<(Slot, SegmentPlace)>,
}

fn save_row(row: &Row, out: &mut Vec<u8>) {
    if row.is_alive() {
        out.push(SAVED_ROW);
        row.save(out);
    }
}

impl Saving {
    /// Of a table of so many slots.
    pub(crate) fn begin(slots: usize) -> Self {
        Self { slots: SlotsSave::begin(slots), put_away: Vec::new() }
    }

    /// To be called before a row changes.
    #[inline]
    pub(crate) fn preserve(&mut self, slot: Slot, row: &Row) {
        self.slots.preserve(slot, |early| save_row(row, early));
    }

    /// Fills a piece with rows until about `bytes` are in it; true when all have been saved. One that `to_put_away` takes goes to the segment.
    pub(crate) fn piece(
        &mut self,
        rows: &[Row],
        piece: &mut SavedPiece,
        bytes: usize,
        to_put_away: impl Fn(Slot, SegmentPlace) -> Option<PutAway>,
    ) -> bool {
        self.slots.take_early(&mut piece.state);
        while piece.bytes() < bytes {
            let Some(slot) = self.slots.next_slot() else { return true };
            let row = &rows[slot as usize];
            match to_put_away(slot, piece.next_place()) {
                None => save_row(row, &mut piece.state),
                Some(away) => {
                    let place = piece.put_away(|out| row.save(out));
                    shelf::save_entry(away, &mut piece.state);
                    self.put_away.push((slot, place));
                }
            }
        }
        false
    }

    /// The next row that went to the segment and has not changed since.
    pub(crate) fn next_to_let_go(&mut self) -> Option<(Slot, SegmentPlace)> {
        while let Some((slot, place)) = self.put_away.pop() {
            if !self.slots.has_changed(slot) {
                return Some((slot, place));
            }
        }
        None
    }
}
