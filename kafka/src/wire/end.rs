//! The end of a transaction.

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Producer, Request, flexible};

/// Commits what is open.
pub(crate) struct EndTransaction<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) producer: Producer,
}

impl Request for EndTransaction<'_> {
    const API: Api = flexible("EndTxn", 26, &(3..=5));
    /// From version 5 on with the epoch of the next transaction, so that nothing of this one can come after its end.
    type Answer = (ErrorCode, Option<Producer>);

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.string(self.transactional_id);
        out.i64(self.producer.id);
        out.i16(self.producer.epoch);
        out.bool(true);
        out.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        let code = ErrorCode(from.i16()?);
        let next = if version >= 5 && code.is_none() { Some(Producer { id: from.i64()?, epoch: from.i16()? }) } else { None };
        Ok((code, next))
    }
}
