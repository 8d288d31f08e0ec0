//! Who a producer is to the brokers.

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Request, flexible};

/// An id, and which of those that have had it: whoever comes later has a greater epoch, and fences the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// Takes a transactional id over: ends what is open under it, and fences whoever had it.
pub(crate) struct InitProducerId<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) timeout_ms: i32,
}

impl Request for InitProducerId<'_> {
    const API: Api = flexible("InitProducerId", 22, &(3..=5));
    type Answer = (ErrorCode, Producer);

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.string(self.transactional_id);
        out.i32(self.timeout_ms);
        // Nobody before: not a producer that goes on.
        out.i64(-1);
        out.i16(-1);
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        Ok((ErrorCode(from.i16()?), Producer { id: from.i64()?, epoch: from.i16()? }))
    }
}
