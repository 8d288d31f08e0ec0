//! Segments: what a state put away, written once and never changed. A partition's state finds in them again what left its memory.
//!
//! ```text
//! magic | version | state format | (length u32 | xxh3-64 of the bytes | bytes) ...
//! ```
//! Its version is that of the snapshots which name it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::file::VERSION;
use super::{Fields, SnapshotStore};

const MAGIC: &[u8; 8] = b"playsegm";
const HEAD_BYTES: usize = 20;
/// Length and hash in front of what was put away.
const FRAME_BYTES: usize = 12;
/// What is read at a time: most sessions are shorter.
const READ_BYTES: usize = 4096;

/// Where something lies that a state has put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentPlace {
    /// Number by which the state knows the segment.
    pub segment: u32,
    /// Where it begins in the segment, bytes.
    pub offset: u64,
}

/// One piece of a state that is being saved.
#[derive(Debug, Default)]
pub struct SavedPiece {
    /// What every snapshot holds anew.
    pub state: Vec<u8>,
    /// What goes to the save's own segment.
    pub(super) segment: Vec<u8>,
    number: u32,
    /// Where the piece begins in the segment.
    from: u64,
}

impl SavedPiece {
    /// The first piece of a save whose segment has this number.
    #[must_use]
    pub fn first(number: u32) -> Self {
        Self { number, from: HEAD_BYTES as u64, ..Self::default() }
    }

    /// The piece behind this one, to be filled in its turn.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { number: self.number, from: self.from + self.segment.len() as u64, ..Self::default() }
    }

    /// Puts into the segment what `write` appends, once and for all later snapshots; says where it lies.
    ///
    /// # Panics
    /// Where that is 4 GiB or more.
    pub fn put_away(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> SegmentPlace {
        let place = self.next_place();
        let at = self.segment.len();
        self.segment.extend_from_slice(&[0; FRAME_BYTES]);
        write(&mut self.segment);
        let (frame, bytes) = self.segment[at..].split_at_mut(FRAME_BYTES);
        let length = u32::try_from(bytes.len()).expect("a session is capped far below 4 GiB");
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[4..].copy_from_slice(&xxh3_64(bytes).to_le_bytes());
        place
    }

    /// Where the next thing that is put away will lie.
    #[must_use]
    pub fn next_place(&self) -> SegmentPlace {
        SegmentPlace { segment: self.number, offset: self.from + self.segment.len() as u64 }
    }

    /// Bytes in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state.len() + self.segment.len()
    }

    /// What was put away in it, one after the other, and where it lies.
    pub fn put_away_bytes(&self) -> impl Iterator<Item = (SegmentPlace, &[u8])> {
        let mut rest = self.segment.as_slice();
        let mut place = SegmentPlace { segment: self.number, offset: self.from };
        std::iter::from_fn(move || {
            let (frame, behind) = rest.split_at_checked(FRAME_BYTES)?;
            let (bytes, behind) = behind.split_at_checked(length_in(frame))?;
            rest = behind;
            let at = place;
            place.offset += (FRAME_BYTES + bytes.len()) as u64;
            Some((at, bytes))
        })
    }
}

fn length_in(frame: &[u8]) -> usize {
    frame.first_chunk().map_or(usize::MAX, |length| u32::from_le_bytes(*length) as usize)
}

/// What stands before the first thing put away.
pub(super) fn head(state_format: u64) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&state_format.to_le_bytes());
    head
}

/// Name of a segment: the offset of the save that wrote it, and the hash of its bytes.
pub(super) fn name(offset: i64, hash: u64) -> String {
    format!("{offset:020}-{hash:016x}.segment")
}

/// Whether a file is a segment, finished or not.
pub(super) fn is_segment(name: &str) -> bool {
    name.ends_with(".segment")
}

/// A segment as a snapshot names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// The segments that a state names, by number.
pub(super) type Manifest = BTreeMap<u32, Segment>;

/// Why what was put away is not to be had.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// The segment is gone, or its bytes are not those that were written: states that name it are not usable.
    Damaged(String),
    /// The store does not answer.
    Failed(io::Error),
}

/// The segments of one partition, and where they are.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    store: Arc<dyn SnapshotStore>,
    folder: String,
    state_format: u64,
    pub(super) named: Manifest,
}

impl Segments {
    pub(super) fn new(store: Arc<dyn SnapshotStore>, folder: String, state_format: u64, named: Manifest) -> Self {
        Self { store, folder, state_format, named }
    }

    /// A number that no segment has.
    pub(super) fn unused_number(&self) -> u32 {
        (0..).zip(self.named.keys()).find(|(number, held)| number != *held).map_or(self.named.len() as u32, |(number, _)| number)
    }

    /// Name of the segment of this number, with its folder.
    pub(crate) fn path(&self, number: u32) -> String {
        format!("{}/{}", self.folder, self.named.get(&number).map_or("?", |segment| &segment.name))
    }

    /// Drops a copy of a segment, so that the next read is of the segment itself; false where there is none.
    pub(crate) fn drop_copy(&self, number: u32) -> bool {
        self.named.get(&number).is_some_and(|segment| self.store.drop_copy(&self.folder, &segment.name))
    }

    /// Deletes a damaged segment: no snapshot that names it is taken for usable from then on.
    pub(crate) fn delete(&self, number: u32) -> io::Result<()> {
        self.named.get(&number).map_or(Ok(()), |segment| self.store.delete(&self.folder, &segment.name))
    }

    /// What was put away at this place.
    pub(crate) fn read(&self, place: SegmentPlace) -> Result<Vec<u8>, NotRead> {
        let damaged = |why: &str| NotRead::Damaged(why.to_owned());
        let segment = self.named.get(&place.segment).ok_or_else(|| damaged("no segment has this number"))?;
        let read = |offset: u64, bytes: usize| {
            self.store.read_at(&self.folder, &segment.name, offset, bytes).map_err(|error| match error.kind() {
                ErrorKind::NotFound => damaged("it is gone"),
                _ => NotRead::Failed(error),
            })
        };
        self.check_head(&read(0, HEAD_BYTES)?)?;
        let mut found = read(place.offset, READ_BYTES)?;
        let length = FRAME_BYTES + found.get(..FRAME_BYTES).map_or(0, length_in);
        if found.len() < length && found.len() == READ_BYTES && place.offset + length as u64 <= segment.bytes {
            found.extend(read(place.offset + READ_BYTES as u64, length - READ_BYTES)?);
        }
        let Some((frame, bytes)) = found.get(..length).and_then(|found| found.split_at_checked(FRAME_BYTES)) else {
            return Err(damaged("it is cut short"));
        };
        if frame[4..] != xxh3_64(bytes).to_le_bytes() {
            return Err(damaged("its bytes are not those that were written"));
        }
        Ok(bytes.to_vec())
    }

    fn check_head(&self, head: &[u8]) -> Result<(), NotRead> {
        let damaged = |why: String| Err(NotRead::Damaged(why));
        let mut rest = Fields(head);
        if rest.array() != Some(*MAGIC) {
            return damaged("it is no segment".to_owned());
        }
        let version = rest.array().map_or(0, u32::from_le_bytes);
        if version != VERSION {
            return damaged(format!("its version is {version}, this program reads {VERSION}"));
        }
        if rest.array().map(u64::from_le_bytes) != Some(self.state_format) {
            return damaged("it is of another format or configuration".to_owned());
        }
        Ok(())
    }
}
