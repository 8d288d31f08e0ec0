//! Who leads which partition, and where the brokers are.

use super::{Api, Decoder, Encoder, ErrorCode, Malformed, Request, flexible};

/// Asks for these topics.
pub(crate) struct Metadata<'a> {
    pub(crate) topics: &'a [String],
}

/// A broker as the cluster names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broker {
    pub(crate) node: i32,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Partition and leader of it; below zero where there is none.
pub(crate) type Leader = (ErrorCode, u32, i32);

/// A topic and who leads its partitions.
#[derive(Debug)]
pub(crate) struct TopicLeaders {
    pub(crate) code: ErrorCode,
    pub(crate) name: String,
    pub(crate) leaders: Vec<Leader>,
}

impl Request for Metadata<'_> {
    const API: Api = flexible("Metadata", 3, &(9..=9));
    type Answer = (Vec<Broker>, Vec<TopicLeaders>);

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.array(self.topics, |out, topic| {
            out.string(topic);
            out.no_tags();
        });
        // No topic is made by asking for it, and nobody asks for rights.
        [false; 3].into_iter().for_each(|answer| out.bool(answer));
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        from.i32()?;
        let brokers = from.array(|from| {
            let broker = broker(from)?;
            from.nullable_string()?;
            from.skip_tags()?;
            Ok(broker)
        })?;
        from.nullable_string()?;
        from.i32()?;
        let topics = from.array(|from| {
            let (code, name, _) = (ErrorCode(from.i16()?), from.string()?, from.bool()?);
            let leaders = from.array(leader)?;
            from.i32()?;
            from.skip_tags()?;
            Ok(TopicLeaders { code, name, leaders })
        })?;
        Ok((brokers, topics))
    }
}

fn leader(from: &mut Decoder<'_>) -> Result<Leader, Malformed> {
    let (code, partition, leader, _) = (ErrorCode(from.i16()?), from.i32()?, from.i32()?, from.i32()?);
    // Replicas, those in sync, those offline.
    for _ in 0..3 {
        from.array(Decoder::i32)?;
    }
    from.skip_tags()?;
    Ok((code, u32::try_from(partition).map_err(|_| Malformed("a partition below zero"))?, leader))
}

/// Node, host and port.
pub(super) fn broker(from: &mut Decoder<'_>) -> Result<Broker, Malformed> {
    let (node, host) = (from.i32()?, from.string()?);
    // Where there is no broker it is -1.
    Ok(Broker { node, host, port: u16::try_from(from.i32()?).unwrap_or(0) })
}
