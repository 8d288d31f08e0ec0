//! The distinct events of one session in one allocation: bytes of entries from the front, 64-bit hashes of event ids from the back.
//!
//! ```text
//! | header and entries, in arrival order ->   free   <- hash n .. hash 1 | filter |
//! ```
//! The hashes are the dedup set. Up to [`FILTER_FROM`] of them are scanned; beyond, a filter of eight bits an event (four bits set in one
//! word) tells for all but a few in a hundred that an id is new, at the price of one cache line.

/// Number of events from which on a filter is kept.
const FILTER_FROM: u16 = 64;
const HASH_BYTES: usize = size_of::<u64>();
/// The first entry is long: it names device, app and network.
const FIRST_ENTRY_BYTES: usize = 64;
/// Room for about two more events.
const LEAST_SPARE_BYTES: usize = 52;
/// A cache line's.
const LINE_BYTES: usize = 64;
const TOUCHED_WHOLE_BYTES: usize = 640;
/// As many hashes as are compared at a time.
const BLOCK_BYTES: usize = 8 * HASH_BYTES;

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct EventLog {
    buffer: Box<[u8]>,
    /// Bytes used from the front.
    front: u32,
    count: u16,
    /// Words of the filter: 0, or 2 to the power of this less one.
    filter_size: u8,
}

impl EventLog {
    /// A log that begins with `header`.
    pub(crate) fn with_header(header: &[u8]) -> Self {
        let mut log = Self::default();
        log.grow(header.len() + FIRST_ENTRY_BYTES, 1);
        log.buffer[..header.len()].copy_from_slice(header);
        log.front = length(header.len());
        log
    }

    /// A log as it was saved: its bytes, and the hashes as [`EventLog::hash_bytes`] gave them; none where there is half a hash or too many.
    pub(crate) fn restored(bytes: &[u8], hashes: &[u8]) -> Option<Self> {
        let count = u16::try_from(hashes.len() / HASH_BYTES).ok().filter(|_| hashes.len().is_multiple_of(HASH_BYTES))?;
        // As though it had no hashes yet and grew for all of them: where they go depends on how many there are.
        let mut log = Self { count, ..Self::default() };
        let layout = log.layout(bytes.len(), hashes.len());
        log.buffer = vec![0; layout.capacity].into_boxed_slice();
        log.filter_size = layout.filter_size;
        log.buffer[..bytes.len()].copy_from_slice(bytes);
        log.front = u32::try_from(bytes.len()).ok()?;
        let end = log.hashes_end();
        log.buffer[end - hashes.len()..end].copy_from_slice(hashes);
        if log.filter_size > 0 {
            (0..log.count()).for_each(|index| log.note_in_filter(log.hash(index)));
        }
        Some(log)
    }

    /// The hashes, the newest first.
    pub(crate) fn hash_bytes(&self) -> &[u8] {
        let end = self.hashes_end();
        &self.buffer[end - self.count as usize * HASH_BYTES..end]
    }

    /// Header and entries.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.front as usize]
    }

    /// Number of events.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        u32::from(self.count)
    }

    #[inline]
    fn filter_words(&self) -> usize {
        if self.filter_size == 0 { 0 } else { 1 << (self.filter_size - 1) }
    }

    /// Bytes allocated.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Hash of the event that came as number `index`, from 0.
    pub(crate) fn hash(&self, index: u32) -> u64 {
        let at = self.hashes_end() - (index as usize + 1) * HASH_BYTES;
        read_word(&self.buffer, at)
    }

    /// Whether an event of this hash is held.
    pub(crate) fn contains(&self, hash: u64) -> bool {
        if self.filter_size > 0 {
            let (word, mask) = self.filter_place(hash);
            if read_word(&self.buffer, word) & mask != mask {
                return false;
            }
        }
        let end = self.hashes_end();
        let held = self.count as usize * HASH_BYTES;
        // Whole blocks are compared, so that no branch hangs on the number of hashes. The first may begin before them: what is equal there
        // is no hash.
        if let Some(start) = end.checked_sub(held.next_multiple_of(BLOCK_BYTES))
            && !self.buffer[start..end].as_chunks::<BLOCK_BYTES>().0.iter().any(|block| is_in_block(block, hash))
        {
            return false;
        }
        self.buffer[end - held..end].as_chunks::<HASH_BYTES>().0.iter().any(|word| u64::from_le_bytes(*word) == hash)
    }

    /// Reads a byte of each line that the next event will need, so that they are in the caches by then. Of a short log that is all of it:
    /// it is copied whenever it grows. Of a long one it is the header and the first texts, where the next entry and hash go, and what the
    /// filter says of `hash`.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u8 {
        let byte = |at: usize| self.buffer.get(at).copied().unwrap_or(0);
        let length = self.buffer.len();
        if length <= TOUCHED_WHOLE_BYTES {
            return (0..length).step_by(LINE_BYTES).fold(byte(length.saturating_sub(1)), |touched, at| touched ^ byte(at));
        }
        let next_hash = self.hashes_end().saturating_sub((self.count as usize + 1) * HASH_BYTES);
        let filter = if self.filter_size > 0 { self.filter_place(hash).0 } else { 0 };
        [0, LINE_BYTES, 2 * LINE_BYTES, self.front as usize, next_hash, filter].into_iter().fold(0, |touched, at| touched ^ byte(at))
    }

    /// Adds an event that is not held yet.
    pub(crate) fn push(&mut self, hash: u64, entry: &[u8]) {
        let needed = self.front as usize + entry.len() + (self.count as usize + 1) * HASH_BYTES;
        if needed > self.hashes_end() {
            self.grow(entry.len(), 1);
        }
        let front = self.front as usize;
        self.buffer[front..front + entry.len()].copy_from_slice(entry);
        self.front += length(entry.len());
        self.count += 1;
        let at = self.hashes_end() - self.count as usize * HASH_BYTES;
        self.buffer[at..at + HASH_BYTES].copy_from_slice(&hash.to_le_bytes());
        if self.filter_size > 0 {
            self.note_in_filter(hash);
        }
    }

    fn hashes_end(&self) -> usize {
        self.buffer.len() - self.filter_words() * HASH_BYTES
    }

    /// How a log of this many events is laid out that has `front` bytes and `hashes` bytes of hashes, with a twelfth to spare: most
    /// sessions are short, and what is spare in each of them adds up.
    fn layout(&self, front: usize, hashes: usize) -> Layout {
        let needed = front + hashes;
        let room = needed + (needed / 12).max(LEAST_SPARE_BYTES);
        let filter_size = match self.count {
            0..FILTER_FROM => 0,
            count => (usize::from(count) / HASH_BYTES * 5 / 4 + 1).next_power_of_two().trailing_zeros() as u8 + 1,
        };
        let filter_bytes = if filter_size == 0 { 0 } else { HASH_BYTES << (filter_size - 1) };
        // The allocator rounds up to 16 less its own word: take what it would waste.
        let capacity = (room + filter_bytes + HASH_BYTES).next_multiple_of(16) - HASH_BYTES;
        Layout { capacity, filter_size, hashes_end: capacity - filter_bytes }
    }

    /// Makes room for `bytes` more at the front and `hashes` more at the back.
    fn grow(&mut self, bytes: usize, hashes: usize) {
        let old_hashes = self.count as usize * HASH_BYTES;
        let Layout { capacity, filter_size, hashes_end: end } = self.layout(self.front as usize + bytes, old_hashes + hashes * HASH_BYTES);
        let keeps_filter = filter_size == self.filter_size;
        let old_end = self.hashes_end();
        let mut buffer = Vec::with_capacity(capacity);
        buffer.extend_from_slice(self.bytes());
        buffer.resize(end - old_hashes, 0);
        buffer.extend_from_slice(&self.buffer[old_end - old_hashes..if keeps_filter { self.buffer.len() } else { old_end }]);
        buffer.resize(capacity, 0);
        self.buffer = buffer.into_boxed_slice();
        self.filter_size = filter_size;
        if !keeps_filter {
            for index in 0..self.count() {
                self.note_in_filter(self.hash(index));
            }
        }
    }

    /// Byte position of the filter's word for a hash, and the four bits to look at in it.
    fn filter_place(&self, hash: u64) -> (usize, u64) {
        let word = (hash >> 32) as u32 & (self.filter_words() as u32 - 1);
        let bit = |shift: u32| 1u64 << ((hash >> shift) & 63);
        (self.hashes_end() + word as usize * HASH_BYTES, bit(0) | bit(6) | bit(12) | bit(18))
    }

    fn note_in_filter(&mut self, hash: u64) {
        let (at, mask) = self.filter_place(hash);
        let word = read_word(&self.buffer, at) | mask;
        self.buffer[at..at + HASH_BYTES].copy_from_slice(&word.to_le_bytes());
    }
}

/// Where what goes in a log's buffer.
struct Layout {
    capacity: usize,
    filter_size: u8,
    hashes_end: usize,
}

#[inline]
fn is_in_block(block: &[u8; BLOCK_BYTES], hash: u64) -> bool {
    block.as_chunks::<HASH_BYTES>().0.iter().fold(false, |found, word| found | (u64::from_le_bytes(*word) == hash))
}

fn read_word(buffer: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(buffer[at..at + HASH_BYTES].try_into().expect("eight bytes"))
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a session is capped at 20,000 events of less than 3 KiB")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn holds_what_was_pushed_and_nothing_else(
            header in prop::collection::vec(any::<u8>(), 0..40),
            entries in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 1..30)), 0..300),
            others in prop::collection::vec(any::<u64>(), 50),
        ) {
            let mut log = EventLog::with_header(&header);
            let mut expected = header.clone();
            let mut hashes = Vec::new();
            for (hash, entry) in &entries {
                prop_assert_eq!(log.contains(*hash), hashes.contains(hash));
                if log.contains(*hash) {
                    continue;
                }
                log.push(*hash, entry);
                hashes.push(*hash);
                expected.extend_from_slice(entry);
            }
            prop_assert_eq!(log.bytes(), &expected[..]);
            prop_assert_eq!(log.count() as usize, hashes.len());
            for (index, hash) in (0..).zip(&hashes) {
                prop_assert_eq!(log.hash(index), *hash);
                prop_assert!(log.contains(*hash));
            }
            for other in others {
                prop_assert_eq!(log.contains(other), hashes.contains(&other));
            }
            let mut restored = EventLog::restored(log.bytes(), log.hash_bytes()).unwrap();
            prop_assert_eq!((restored.bytes(), restored.hash_bytes()), (log.bytes(), log.hash_bytes()));
            prop_assert!(hashes.iter().all(|hash| restored.contains(*hash)));
            restored.push(7, &[1, 2]);
            prop_assert_eq!(restored.bytes(), [&expected[..], &[1, 2]].concat());
            prop_assert!(restored.contains(7) && hashes.iter().all(|hash| restored.contains(*hash)));
        }
    }

    #[test]
    fn hashes_that_share_their_filter_bits_are_told_apart() {
        let mut log = EventLog::default();
        // Equal in the bits that choose the filter's word and its bits; they differ in between.
        for number in 0..200u64 {
            log.push(number << 24, &[1]);
        }
        assert!((0..200u64).all(|number| log.contains(number << 24)));
        assert!(!log.contains(200 << 24));
    }
}
