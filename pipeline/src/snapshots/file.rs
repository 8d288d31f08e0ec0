//! The bytes of a snapshot: what it is of, the state, the segments that it names, and a hash of all.
//!
//! ```text
//! magic | version | state format | topic id | partition | offset | last record | last heartbeat | log time | state ... | manifest ...
//!   | length of the manifest | xxh3-64 of the manifest | length | xxh3-64
//! ```
//! Integers are little-endian; the last length counts everything before it, and the last hash is over that and the length. The manifest
//! has a hash of its own, so that it can be read alone.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::segment::{Manifest, Segment};
use super::{Found, NotAState, SnapshotStore};
use crate::step::LastRecord;
use crate::{LogTime, TopicId};

const MAGIC: &[u8; 8] = b"playhead";
/// Raised with every change of the layout above.
pub(super) const VERSION: u32 = 2;
/// The version that knew no segments.
const WITHOUT_SEGMENTS: u32 = 1;
const VERSION_BYTES: usize = 12;
const TRAILER_BYTES: usize = 32;

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Of {
    /// Of the state's own format and of the configuration that it depends on.
    pub(super) state_format: u64,
    pub(super) topic_id: TopicId,
    pub(super) partition: u32,
    /// Offset of the next record that the state is to see.
    pub(super) offset: i64,
}

impl Of {
    /// Folder of all snapshots of this partition.
    pub(super) fn folder(&self, stage: &str) -> String {
        folder(stage, self.topic_id, self.partition)
    }

    /// Name of this one.
    pub(super) fn name(&self) -> String {
        format!("{:020}.snapshot", self.offset)
    }

    /// Name with its folder, for a person.
    pub(super) fn path(&self, folder: &str) -> String {
        format!("snapshot {folder}/{}", self.name())
    }
}

/// Folder of the snapshots of a partition.
pub(super) fn folder(stage: &str, topic_id: TopicId, partition: u32) -> String {
    format!("{stage}/{topic_id}-{partition}")
}

/// The offset that a name gives.
pub(super) fn offset_of(name: &str) -> Option<i64> {
    name.strip_suffix(".snapshot")?.parse().ok()
}

/// The offset with which the name of any file of ours begins.
pub(super) fn leading_offset(name: &str) -> Option<i64> {
    name.get(..20)?.parse().ok()
}

/// What comes before the state. `last` is the record before the offset, by which another history of the same log is told.
pub(super) fn head(of: &Of, last: LastRecord, beat: i64, log_time: &LogTime) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&of.state_format.to_le_bytes());
    head.extend_from_slice(&of.topic_id.0);
    head.extend_from_slice(&of.partition.to_le_bytes());
    head.extend_from_slice(&of.offset.to_le_bytes());
    head.extend_from_slice(&last.offset.to_le_bytes());
    head.extend_from_slice(&last.hash.to_le_bytes());
    head.extend_from_slice(&beat.to_le_bytes());
    log_time.save(&mut head);
    head
}

/// Hash and length of what was written so far; what comes behind the state.
#[derive(Default)]
pub(super) struct Sum {
    hash: Xxh3,
    length: u64,
}

impl Sum {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.length += piece.len() as u64;
    }

    /// The manifest, and what ends a snapshot whose head and state were added.
    pub(super) fn end(mut self, manifest: &Manifest) -> Vec<u8> {
        let mut end = Vec::new();
        for (number, segment) in manifest {
            end.extend_from_slice(&number.to_le_bytes());
            end.extend_from_slice(&segment.bytes.to_le_bytes());
            end.push(u8::try_from(segment.name.len()).expect("a segment's name is short"));
            end.extend_from_slice(segment.name.as_bytes());
        }
        let (length, hash) = (end.len() as u64, xxh3_64(&end));
        end.extend_from_slice(&length.to_le_bytes());
        end.extend_from_slice(&hash.to_le_bytes());
        self.add(&end);
        let length = self.length.to_le_bytes();
        self.hash.update(&length);
        end.extend_from_slice(&length);
        end.extend_from_slice(&self.hash.digest().to_le_bytes());
        end
    }
}

/// What a snapshot says before its state.
#[derive(Debug)]
pub(super) struct Read<'s> {
    pub(super) last: LastRecord,
    pub(super) beat: i64,
    pub(super) log_time: LogTime,
    pub(super) state: &'s [u8],
    pub(super) manifest: Manifest,
}

/// Reads a snapshot that should be `of` this. `log_time` is what the partition's log time is before its first record.
pub(super) fn read<'s>(bytes: &'s [u8], of: &Of, log_time: LogTime) -> Result<Read<'s>, NotAState> {
    let version = version(bytes)?;
    if version != VERSION {
        return Err(NotAState(format!("its version is {version}, this program reads {VERSION}")));
    }
    let (summed, hash) = bytes.split_at_checked(bytes.len().saturating_sub(8)).ok_or_else(|| not(CUT_SHORT))?;
    let end = summed.len().checked_sub(8).ok_or_else(|| not(CUT_SHORT))?;
    if summed[end..] != (end as u64).to_le_bytes() || hash != xxh3_64(summed).to_le_bytes() {
        return Err(not("its bytes are not those that were written"));
    }
    let (manifest, state_end) = manifest(bytes)?;
    let mut rest = Fields(bytes.get(VERSION_BYTES..state_end).ok_or_else(|| not(CUT_SHORT))?);
    let take_head = || {
        let found = Of {
            state_format: u64::from_le_bytes(rest.array()?),
            topic_id: TopicId(rest.array()?),
            partition: u32::from_le_bytes(rest.array()?),
            offset: i64::from_le_bytes(rest.array()?),
        };
        let last = LastRecord { offset: i64::from_le_bytes(rest.array()?), hash: u64::from_le_bytes(rest.array()?) };
        let beat = i64::from_le_bytes(rest.array()?);
        Some((found, last, beat, log_time.load(&mut rest)?))
    };
    let (found, last, beat, log_time) = take_head().ok_or_else(|| not("it is cut short, or of other input partitions"))?;
    if found.state_format != of.state_format {
        return Err(not("it is of another format or configuration"));
    }
    if found != *of {
        return Err(not("it is of another partition or offset"));
    }
    Ok(Read { last, beat, log_time, state: rest.0, manifest })
}

const CUT_SHORT: &str = "it is cut short";

fn not(why: &str) -> NotAState {
    NotAState(why.to_owned())
}

/// Of a file that is a snapshot. What follows it may be laid out in any way.
fn version(bytes: &[u8]) -> Result<u32, NotAState> {
    let mut rest = Fields(bytes);
    if rest.array::<8>().ok_or_else(|| not(CUT_SHORT))? != *MAGIC {
        return Err(not("it is no snapshot"));
    }
    rest.array().map(u32::from_le_bytes).ok_or_else(|| not(CUT_SHORT))
}

/// The manifest in the last bytes of a snapshot, and where in `bytes` it begins.
fn manifest(bytes: &[u8]) -> Result<(Manifest, usize), NotAState> {
    let end = bytes.len().checked_sub(TRAILER_BYTES).ok_or_else(|| not(CUT_SHORT))?;
    let mut trailer = Fields(&bytes[end..]);
    let length = trailer.array().map_or(u64::MAX, u64::from_le_bytes);
    let start = usize::try_from(length).ok().and_then(|length| end.checked_sub(length)).ok_or_else(|| not(CUT_SHORT))?;
    let mut rest = Fields(&bytes[start..end]);
    if trailer.array().map(u64::from_le_bytes) != Some(xxh3_64(rest.0)) {
        return Err(not("its list of segments is not the one that was written"));
    }
    let mut named = Manifest::new();
    while !rest.0.is_empty() {
        let mut segment = || {
            let (number, bytes) = (u32::from_le_bytes(rest.array()?), u64::from_le_bytes(rest.array()?));
            let [name_bytes] = rest.array()?;
            let name = rest.take(usize::from(name_bytes))?;
            Some((number, Segment { name: str::from_utf8(name).ok()?.to_owned(), bytes }))
        };
        let (number, segment) = segment().ok_or_else(|| not("its list of segments is none"))?;
        named.insert(number, segment);
    }
    Ok((named, start))
}

/// What a snapshot names, without reading its state.
pub(super) enum Named {
    /// These segments.
    Segments(Manifest),
    /// It is of another version: what it names is not known.
    OtherVersion,
    /// It is none, or damaged.
    Nothing,
}

/// What a snapshot names.
pub(super) fn named(store: &dyn SnapshotStore, folder: &str, found: &Found) -> std::io::Result<Named> {
    let head = store.read_at(folder, &found.name, 0, VERSION_BYTES)?;
    match version(&head) {
        Ok(VERSION) => {}
        Ok(WITHOUT_SEGMENTS) => return Ok(Named::Segments(Manifest::new())),
        Ok(_) => return Ok(Named::OtherVersion),
        Err(_) => return Ok(Named::Nothing),
    }
    let trailer = store.read_at(folder, &found.name, found.bytes.saturating_sub(TRAILER_BYTES as u64), TRAILER_BYTES)?;
    let length = Fields(&trailer).array().map_or(0, u64::from_le_bytes).saturating_add(TRAILER_BYTES as u64).min(found.bytes);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let tail = store.read_at(folder, &found.name, found.bytes - length as u64, length)?;
    Ok(manifest(&tail).map_or(Named::Nothing, |(manifest, _)| Named::Segments(manifest)))
}

/// Takes fixed fields from the front.
pub(crate) struct Fields<'s>(pub(crate) &'s [u8]);

impl<'s> Fields<'s> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, length: usize) -> Option<&'s [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
