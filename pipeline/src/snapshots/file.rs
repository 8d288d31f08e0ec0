//! The bytes of a snapshot: what it is of, the state, and a hash of both.
//!
//! ```text
//! magic | version | state format | topic id | partition | offset | last heartbeat | log time | state ... | length | xxh3-64
//! ```
//! Integers are little-endian; length counts everything before it, and the hash is over that and the length.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::NotAState;
use crate::{LogTime, TopicId};

const MAGIC: &[u8; 8] = b"playhead";
/// Raised with every change of the layout above.
const VERSION: u32 = 1;
const TRAILER_BYTES: usize = 16;

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
}

/// Folder of the snapshots of a partition.
pub(super) fn folder(stage: &str, topic_id: TopicId, partition: u32) -> String {
    format!("{stage}/{topic_id}-{partition}")
}

/// The offset that a name gives.
pub(super) fn offset_of(name: &str) -> Option<i64> {
    name.strip_suffix(".snapshot")?.parse().ok()
}

/// What comes before the state.
pub(super) fn head(of: &Of, beat: i64, log_time: &LogTime) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&of.state_format.to_le_bytes());
    head.extend_from_slice(&of.topic_id.0);
    head.extend_from_slice(&of.partition.to_le_bytes());
    head.extend_from_slice(&of.offset.to_le_bytes());
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

    pub(super) fn trailer(mut self) -> [u8; TRAILER_BYTES] {
        let length = self.length.to_le_bytes();
        self.hash.update(&length);
        let mut trailer = [0; TRAILER_BYTES];
        trailer[..8].copy_from_slice(&length);
        trailer[8..].copy_from_slice(&self.hash.digest().to_le_bytes());
        trailer
    }
}

/// What a snapshot says before its state.
#[derive(Debug)]
pub(super) struct Read<'s> {
    pub(super) beat: i64,
    pub(super) log_time: LogTime,
    pub(super) state: &'s [u8],
}

/// Reads a snapshot that should be `of` this. `log_time` is what the partition's log time is before its first record.
pub(super) fn read<'s>(bytes: &'s [u8], of: &Of, log_time: LogTime) -> Result<Read<'s>, NotAState> {
    let not = |why: &str| NotAState(why.to_owned());
    // The version first: what follows it may be laid out in any way.
    let mut rest = Fields(bytes);
    if rest.array::<8>().ok_or_else(|| not("it is cut short"))? != *MAGIC {
        return Err(not("it is no snapshot"));
    }
    let version = u32::from_le_bytes(rest.array().ok_or_else(|| not("it is cut short"))?);
    if version != VERSION {
        return Err(NotAState(format!("its version is {version}, this program reads {VERSION}")));
    }
    let end = bytes.len().checked_sub(TRAILER_BYTES).ok_or_else(|| not("it is cut short"))?;
    let (summed, hash) = bytes.split_at(end + 8);
    if summed[end..] != (end as u64).to_le_bytes() || hash != xxh3_64(summed).to_le_bytes() {
        return Err(not("its bytes are not those that were written"));
    }
    rest.0 = &rest.0[..rest.0.len() - TRAILER_BYTES];
    let take_head = || {
        let found = Of {
            state_format: u64::from_le_bytes(rest.array()?),
            topic_id: TopicId(rest.array()?),
            partition: u32::from_le_bytes(rest.array()?),
            offset: i64::from_le_bytes(rest.array()?),
        };
        let beat = i64::from_le_bytes(rest.array()?);
        Some((found, beat, log_time.load(&mut rest)?))
    };
    let (found, beat, log_time) = take_head().ok_or_else(|| not("it is cut short, or of other input partitions"))?;
    if found.state_format != of.state_format {
        return Err(not("it is of another format or configuration"));
    }
    if found != *of {
        return Err(not("it is of another partition or offset"));
    }
    Ok(Read { beat, log_time, state: rest.0 })
}

/// Takes fixed fields from the front.
pub(crate) struct Fields<'s>(pub(crate) &'s [u8]);

impl Fields<'_> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}
