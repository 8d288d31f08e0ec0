//! Ends of partitions. They are asked of leaders only, so who answers does lead: a broker may be named as the leader of a new partition
//! before it knows of it.

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Request, flexible};

/// Asks for them, by topic.
pub(crate) struct ListOffsets<'a> {
    pub(crate) topics: &'a [(&'a str, Vec<u32>)],
}

/// The end that uncommitted records count for.
const LATEST: i64 = -1;

impl Request for ListOffsets<'_> {
    const API: Api = flexible("ListOffsets", 2, &(6..=6));
    /// The first that was refused, with its topic and partition. Nobody needs the ends.
    type Answer = Option<(ErrorCode, String, i32)>;

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        // Not a replica.
        out.i32(-1);
        out.i8(0);
        out.array(self.topics, |out, (topic, partitions)| {
            out.string(topic);
            out.array(partitions, |out, &partition| {
                out.i32(partition.cast_signed());
                // The leader's epoch: any.
                out.i32(-1);
                out.i64(LATEST);
                out.no_tags();
            });
            out.no_tags();
        });
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        let mut refused = None;
        from.array(|from| {
            let topic = from.string()?;
            from.array(|from| {
                let (partition, code) = (from.i32()?, ErrorCode(from.i16()?));
                let (_time, _end, _epoch) = (from.i64()?, from.i64()?, from.i32()?);
                if !code.is_none() && refused.is_none() {
                    refused = Some((code, topic.clone(), partition));
                }
                from.skip_tags()
            })?;
            from.skip_tags()
        })?;
        Ok(refused)
    }
}
