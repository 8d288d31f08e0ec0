//! Which versions of which requests a broker knows, and which rules its cluster has agreed on.

use super::{
    AddOffsets, AddPartitions, Api, CommitOffsets, Decoder, Encoder, EndTransaction, ErrorCode, FindCoordinator, InitProducerId,
    ListOffsets, Malformed, Metadata, Produce, Request, SaslAuthenticate, SaslHandshake, flexible,
};

/// Asks for them.
pub(crate) struct AskVersions;

/// What a broker speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    /// Key, first and last version.
    ranges: Vec<(i16, i16, i16)>,
    /// The cluster's level of the feature `transaction.version`: from 2 on a transaction has an epoch of its own (KIP-890).
    pub(crate) transactions: i16,
}

/// What is spoken here, so that a broker that lacks one is told at the start.
const SPOKEN: [Api; 12] = [
    AddOffsets::API,
    AddPartitions::API,
    CommitOffsets::API,
    EndTransaction::API,
    FindCoordinator::API,
    InitProducerId::API,
    ListOffsets::API,
    Metadata::API,
    Produce::API,
    SaslAuthenticate::API,
    SaslHandshake::API,
    AskVersions::API,
];

impl Versions {
    /// The newest version of a request that both sides know.
    pub(crate) fn of(&self, api: Api) -> Option<i16> {
        let (_, first, last) = self.ranges.iter().find(|(key, ..)| *key == api.key)?;
        let newest = api.versions.1.min(*last);
        (newest >= api.versions.0.max(*first)).then_some(newest)
    }

    /// A request of which the broker knows no version that is spoken here.
    pub(crate) fn lacks(&self) -> Option<Api> {
        // A broker that asks for no password may not know how to.
        let is_needed = |api: &Api| ![SaslHandshake::API.key, SaslAuthenticate::API.key].contains(&api.key);
        SPOKEN.into_iter().filter(is_needed).find(|api| self.of(*api).is_none())
    }
}

impl Request for AskVersions {
    const API: Api = flexible("ApiVersions", 18, &(3..=3));
    type Answer = (ErrorCode, Versions);

    fn encode(&self, _: i16, out: &mut Encoder<'_>) {
        out.string("playhead");
        out.string(env!("CARGO_PKG_VERSION"));
        out.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Self::Answer, Malformed> {
        let code = ErrorCode(from.i16()?);
        if !code.is_none() {
            // In the form of version 0, which nobody needs: every broker since Kafka 2.4 knows this one.
            return Ok((code, Versions::default()));
        }
        let ranges = from.array(|from| {
            let range = (from.i16()?, from.i16()?, from.i16()?);
            from.skip_tags()?;
            Ok(range)
        })?;
        from.i32()?;
        let mut transactions = 0;
        from.tags(|tag, mut value| {
            if tag == FINALIZED_FEATURES {
                value.array(|feature| {
                    let (name, level, _) = (feature.string()?, feature.i16()?, feature.i16()?);
                    if name == "transaction.version" {
                        transactions = level;
                    }
                    feature.skip_tags()
                })?;
            }
            Ok(())
        })?;
        Ok((code, Versions { ranges, transactions }))
    }
}

const FINALIZED_FEATURES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_both_know_is_taken() {
        let versions = |first, last| Versions { ranges: vec![(Produce::API.key, first, last)], transactions: 0 };
        assert_eq!(versions(0, 13).of(Produce::API), Some(12));
        assert_eq!(versions(3, 9).of(Produce::API), Some(9));
        assert_eq!(versions(0, 8).of(Produce::API), None);
        assert_eq!(versions(13, 14).of(Produce::API), None);
        assert_eq!(Versions::default().of(Produce::API), None);
        assert!(versions(0, 13).lacks().is_some());
    }

    #[test]
    fn the_level_of_transactions_is_that_of_the_cluster() {
        let mut bytes = Vec::new();
        let mut out = Encoder(&mut bytes);
        out.i16(0);
        out.array(&[(0, 3, 13), (18, 0, 4)], |out, &(key, first, last)| {
            [key, first, last].into_iter().for_each(|number| out.i16(number));
            out.no_tags();
        });
        out.i32(0);
        // Supported, the epoch of what is agreed on, agreed on.
        let mut features = Vec::new();
        Encoder(&mut features).array(&[("metadata.version", 25), ("transaction.version", 2)], |out, &(name, level)| {
            out.string(name);
            out.i16(level);
            out.i16(level);
            out.no_tags();
        });
        out.varint(2);
        for (tag, value) in [(1, &[0; 8][..]), (2, &features)] {
            out.varint(tag);
            out.varint(value.len() as u64);
            out.0.extend_from_slice(value);
        }
        let (code, versions) = AskVersions::decode(3, &mut Decoder(&bytes)).unwrap();
        assert_eq!((code, versions.transactions, versions.of(Produce::API)), (ErrorCode::NONE, 2, Some(12)));
    }
}
