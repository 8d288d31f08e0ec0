//! Positions of a group, committed with a transaction.

use super::add::first_refused;
use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Producer, Request, flexible};

/// A member of a group at one generation: a commit of one that was replaced is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) group: String,
    /// -1 outside of any generation.
    pub(crate) generation: i32,
    pub(crate) id: String,
    /// What stays the same when it comes back, if anything does.
    pub(crate) instance: Option<String>,
}

/// A position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetToCommit {
    pub(crate) partition: u32,
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

/// Positions of a group, and which of its members commits them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupPositions {
    pub(crate) member: Member,
    /// By topic.
    pub(crate) topics: Vec<(String, Vec<OffsetToCommit>)>,
}

/// Commits positions.
pub(crate) struct CommitOffsets<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) producer: Producer,
    pub(crate) positions: &'a GroupPositions,
}

impl Request for CommitOffsets<'_> {
    // From 5 on the group's coordinator adds itself to the transaction.
    const API: Api = flexible("TxnOffsetCommit", 28, &(3..=5));
    /// The first that was refused, with its topic and partition.
    type Answer = Option<(ErrorCode, String, i32)>;

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        let Self { transactional_id, producer, positions: GroupPositions { member, topics } } = self;
        out.string(transactional_id);
        out.string(&member.group);
        out.i64(producer.id);
        out.i16(producer.epoch);
        out.i32(member.generation);
        out.string(&member.id);
        out.nullable_string(member.instance.as_deref());
        out.array(topics, |out, (topic, offsets)| {
            out.string(topic);
            out.array(offsets, |out, offset| {
                out.i32(offset.partition.cast_signed());
                out.i64(offset.offset);
                // The leader's epoch, which only a fetch would know.
                out.i32(-1);
                out.string(&offset.metadata);
                out.no_tags();
            });
            out.no_tags();
        });
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        first_refused(from)
    }
}
