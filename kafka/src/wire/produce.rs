//! Records to the leaders of their partitions.

use std::ops::Range;

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Request, flexible};

/// A record batch that is ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Index in the list of topics.
    pub(crate) topic: u16,
    pub(crate) partition: u32,
    /// Where its bytes are.
    pub(crate) bytes: Range<usize>,
}

/// Batches for partitions that one broker leads.
pub(crate) struct Produce<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) timeout_ms: i32,
    pub(crate) topics: &'a [String],
    /// Those of a topic one after another, one for each partition.
    pub(crate) batches: &'a [Sealed],
    pub(crate) bytes: &'a [u8],
}

/// A partition that took nothing.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) code: ErrorCode,
    /// In the broker's words.
    pub(crate) why: Option<String>,
}

/// What became of the batches.
#[derive(Debug)]
pub(crate) struct Produced {
    /// Partitions that were answered for.
    pub(crate) partitions: usize,
    pub(crate) refused: Vec<Refused>,
}

impl Request for Produce<'_> {
    // From 12 on the leader adds the partition to the transaction; from 13 on topics have ids in place of names.
    const API: Api = flexible("Produce", 0, &(9..=12));
    type Answer = Produced;

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.string(self.transactional_id);
        // All replicas in sync.
        out.i16(-1);
        out.i32(self.timeout_ms);
        let of_topics = || self.batches.chunk_by(|a, b| a.topic == b.topic);
        out.count(of_topics().count());
        for batches in of_topics() {
            out.string(&self.topics[usize::from(batches[0].topic)]);
            out.array(batches, |out, batch| {
                out.i32(batch.partition.cast_signed());
                out.bytes(&self.bytes[batch.bytes.clone()]);
                out.no_tags();
            });
            out.no_tags();
        }
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        let mut produced = Produced { partitions: 0, refused: Vec::new() };
        from.array(|from| {
            let topic = from.string()?;
            from.array(|from| {
                produced.partitions += 1;
                produced.refused.extend(refused(&topic, from)?);
                Ok(())
            })?;
            from.skip_tags()
        })?;
        Ok(produced)
    }
}

fn refused(topic: &str, from: &mut Decoder<'_>) -> Result<Option<Refused>, Malformed> {
    let (partition, code) = (from.i32()?, ErrorCode(from.i16()?));
    // First offset, time of the log, where the log begins.
    for _ in 0..3 {
        from.i64()?;
    }
    let of_records = from.array(|from| {
        from.i32()?;
        let why = from.nullable_string()?;
        from.skip_tags()?;
        Ok(why)
    })?;
    let of_batch = from.nullable_string()?;
    from.skip_tags()?;
    let why = of_records.into_iter().flatten().next().or(of_batch);
    Ok((!code.is_none()).then(|| Refused { topic: topic.to_owned(), partition, code, why }))
}
