//! Kafka's protocol, as far as a transactional producer needs it: bytes in, bytes out, no connections.
//!
//! Messages are those of Kafka's `clients/src/main/resources/common/message`. Every version that is spoken here is known to Kafka 3.0 and
//! 4.x; which one a broker gets is agreed on by [`Versions`].

mod add;
mod code;
mod compression;
mod coordinator;
mod end;
mod list_offsets;
mod metadata;
mod offsets;
mod primitives;
mod produce;
mod producer_id;
mod record_batch;
mod sasl;
mod versions;

pub(crate) use add::{AddOffsets, AddPartitions};
pub(crate) use code::ErrorCode;
pub(crate) use compression::{Compression, Compressor};
pub(crate) use coordinator::{CoordinatorOf, FindCoordinator};
pub(crate) use end::EndTransaction;
pub(crate) use list_offsets::ListOffsets;
pub(crate) use metadata::{Broker, Metadata};
pub(crate) use offsets::{CommitOffsets, GroupPositions, Member, OffsetToCommit};
pub(crate) use primitives::{Decoder, Encoder, Malformed};
pub(crate) use produce::{Produce, Sealed};
pub(crate) use producer_id::{InitProducerId, Producer};
pub(crate) use record_batch::{BATCH_OVERHEAD, RecordBatch};
pub(crate) use sasl::{SaslAuthenticate, SaslHandshake};
pub(crate) use versions::{AskVersions, Versions};

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    pub(crate) name: &'static str,
    pub(crate) key: i16,
    /// What is spoken here.
    pub(crate) versions: (i16, i16),
    /// Whether these versions have tagged fields, in headers too.
    is_flexible: bool,
}

/// A request, and how its answer is read.
pub(crate) trait Request {
    const API: Api;
    type Answer;

    fn encode(&self, version: i16, out: &mut Encoder<'_>);

    /// # Errors
    /// Where the bytes are not what this version says.
    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed>;
}

/// A whole request as it goes over a connection, with its length before it. What `out` held is lost.
pub(crate) fn frame<R: Request>(request: &R, version: i16, correlation: i32, client_id: &str, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[0; 4]);
    let mut encoder = Encoder(out);
    encoder.i16(R::API.key);
    encoder.i16(version);
    encoder.i32(correlation);
    encoder.long_string(client_id);
    if R::API.is_flexible {
        encoder.no_tags();
    }
    request.encode(version, &mut encoder);
    let length = u32::try_from(out.len() - 4).expect("requests are some megabytes");
    out[..4].copy_from_slice(&length.to_be_bytes());
}

/// The answer in a frame, without the length before it.
///
/// # Errors
/// Where it is no answer to this request.
pub(crate) fn answer<R: Request>(version: i16, correlation: i32, bytes: &[u8]) -> Result<R::Answer, Malformed> {
    let mut decoder = Decoder(bytes);
    if decoder.i32()? != correlation {
        return Err(Malformed("the answer to another request"));
    }
    // The answer that says which versions there are is one that any client can read.
    if R::API.is_flexible && R::API.key != AskVersions::API.key {
        decoder.skip_tags()?;
    }
    R::decode(version, &mut decoder)
}

/// Versions of an API with tagged fields.
const fn flexible(name: &'static str, key: i16, versions: &RangeInclusive<i16>) -> Api {
    Api { name, key, versions: (*versions.start(), *versions.end()), is_flexible: true }
}
