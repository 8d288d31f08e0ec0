//! Which broker keeps the state of a transactional id or of a group.

use super::metadata::broker;
use super::{Api, Broker, Decoder, Encoder, ErrorCode, Malformed, Request, flexible};

/// What is coordinated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoordinatorOf<'a> {
    Group(&'a str),
    Transactions(&'a str),
}

/// Asks for its coordinator.
pub(crate) struct FindCoordinator<'a>(pub(crate) CoordinatorOf<'a>);

impl Request for FindCoordinator<'_> {
    const API: Api = flexible("FindCoordinator", 10, &(3..=3));
    type Answer = (ErrorCode, Broker);

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        let (key, kind) = match self.0 {
            CoordinatorOf::Group(group) => (group, 0),
            CoordinatorOf::Transactions(id) => (id, 1),
        };
        out.string(key);
        out.i8(kind);
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        let code = ErrorCode(from.i16()?);
        from.nullable_string()?;
        Ok((code, broker(from)?))
    }
}
