//! What belongs to a transaction, told to its coordinator beforehand. From level 2 of `transaction.version` on brokers do that themselves.

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Producer, Request, flexible};

/// Partitions that are about to be written to, by topic.
pub(crate) struct AddPartitions<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) producer: Producer,
    pub(crate) topics: &'a [(&'a str, Vec<u32>)],
}

impl Request for AddPartitions<'_> {
    // Versions from 4 on are for brokers.
    const API: Api = flexible("AddPartitionsToTxn", 24, &(3..=3));
    /// The first that was refused, with its topic and partition.
    type Answer = Option<(ErrorCode, String, i32)>;

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.string(self.transactional_id);
        out.i64(self.producer.id);
        out.i16(self.producer.epoch);
        out.array(self.topics, |out, (topic, partitions)| {
            out.string(topic);
            out.array(partitions, |out, &partition| out.i32(partition.cast_signed()));
            out.no_tags();
        });
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        first_refused(from)
    }
}

/// The first partition of an answer by topic and partition that was refused; of those that were not attempted because of another, that one.
pub(super) fn first_refused(from: &mut Decoder<'_>) -> Result<Option<(ErrorCode, String, i32)>, Malformed> {
    let mut refused: Option<(ErrorCode, String, i32)> = None;
    from.array(|from| {
        let topic = from.string()?;
        from.array(|from| {
            let (partition, code) = (from.i32()?, ErrorCode(from.i16()?));
            let says_more = refused.as_ref().is_none_or(|(known, ..)| *known == ErrorCode::OPERATION_NOT_ATTEMPTED);
            if !code.is_none() && says_more {
                refused = Some((code, topic.clone(), partition));
            }
            from.skip_tags()
        })?;
        from.skip_tags()
    })?;
    Ok(refused)
}

/// The positions of a group.
pub(crate) struct AddOffsets<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) producer: Producer,
    pub(crate) group: &'a str,
}

impl Request for AddOffsets<'_> {
    const API: Api = flexible("AddOffsetsToTxn", 25, &(3..=3));
    type Answer = ErrorCode;

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.string(self.transactional_id);
        out.i64(self.producer.id);
        out.i16(self.producer.epoch);
        out.string(self.group);
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        from.i16().map(ErrorCode)
    }
}
