//! Arrays and maps: blocks of a count and that many items, ended by a count of 0. A negative count is followed by the block's size in
//! bytes, so that it can be skipped at once.

use super::{Fault, Reader};

/// Counts down the items of an array or a map.
#[derive(Default)]
pub(crate) struct Blocks {
    left: u64,
    ended: bool,
}

impl Blocks {
    /// Whether one more item follows; opens the next block where one has ended.
    #[inline(always)]
    pub(crate) fn next(&mut self, reader: &mut Reader<'_>) -> Result<bool, Fault> {
        if self.left == 0 {
            if self.ended {
                return Ok(false);
            }
            self.open(reader)?;
            if self.left == 0 {
                self.ended = true;
                return Ok(false);
            }
        }
        self.left -= 1;
        Ok(true)
    }

    /// Takes the rest of the block for read: right where its items have no bytes.
    pub(crate) fn drain(&mut self) {
        self.left = 0;
    }

    #[inline(always)]
    fn open(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        let count = reader.long()?;
        if count < 0 && reader.length()? > reader.rest().len() {
            return Err(Fault::CutShort);
        }
        self.left = count.unsigned_abs();
        Ok(())
    }
}
