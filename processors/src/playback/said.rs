//! What an event says besides its own figures: who watches what, on which device, over which network. Events of one session nearly always
//! say the same, so that a row keeps a hash of it: where an event's is equal, none of the texts need be read from the log and compared.

use schemas::PlaybackEvent;

/// A hash of what an event says; 0: of none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said(u64);

/// The golden ratio's bits: odd, and in no order.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Another: lengths that differ are to differ in many bits.
const LENGTH_FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

impl Said {
    /// What this event says.
    #[inline]
    pub(crate) fn by(event: &PlaybackEvent<'_>) -> Self {
        let texts = [
            Some(event.title_id),
            event.profile_id,
            event.account_id,
            event.episode_id,
            event.device_id,
            event.device_type,
            event.country,
            event.region,
            event.cdn,
            event.player,
            event.app_version,
        ];
        // Each text is hashed for itself, so that the processor's multiplications need not wait for one another.
        let hashes = (1..).zip(texts).map(|(place, text)| text.map_or(place, |text| hash(text.as_bytes(), FACTOR.wrapping_mul(place))));
        let preview = event.preview.map_or(2, u64::from);
        Self(hashes.fold(preview, u64::wrapping_add).max(1))
    }
}

/// Hash of a text, another for each key: a multiplication for sixteen bytes.
#[inline(always)]
fn hash(text: &[u8], key: u64) -> u64 {
    let mut rest = text;
    let mut hash = key ^ (rest.len() as u64).wrapping_mul(LENGTH_FACTOR);
    while rest.len() > 16
        && let Some((chunk, after)) = rest.split_first_chunk::<16>()
    {
        hash = fold(hash, u128::from_le_bytes(*chunk));
        rest = after;
    }
    fold(hash, number(rest))
}

/// Up to sixteen bytes as a number; of the same length, other bytes are another number.
#[inline(always)]
fn number(bytes: &[u8]) -> u128 {
    let both = |first: u64, last: u64| u128::from(first) << 64 | u128::from(last);
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        both(u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        both(u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
    } else if let [first, .., last] = *bytes {
        both(first.into(), u64::from(bytes[bytes.len() / 2]) << 8 | u64::from(last))
    } else {
        bytes.first().map_or(0, |&only| only.into())
    }
}

/// Multiplies to 128 bits and folds these to 64: each bit comes to depend on each.
#[inline(always)]
fn fold(hash: u64, number: u128) -> u64 {
    let product = u128::from(hash ^ number as u64) * u128::from((number >> 64) as u64 ^ hash.rotate_left(32) ^ 0x243f_6a88_85a3_08d3);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_byte_or_none_makes_another_hash() {
        let texts: Vec<Vec<u8>> = (0..70).map(|length| vec![b'a'; length]).collect();
        let mut hashes = Vec::new();
        for text in &texts {
            hashes.push(hash(text, FACTOR));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] = b'b';
                hashes.push(hash(&other, FACTOR));
            }
        }
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    proptest! {
        #[test]
        fn other_texts_say_other_things(title in "[a-c]{0,3}", device in "[a-c]{0,3}", others in ("[a-c]{0,3}", "[a-c]{0,3}"), preview: bool) {
            let event = |title, device, preview| PlaybackEvent { title_id: title, device_id: device, preview, ..PlaybackEvent::default() };
            let said = Said::by(&event(&title, Some(&device), Some(preview)));
            let same = (&title, &device) == (&others.0, &others.1);
            prop_assert_eq!(said == Said::by(&event(&others.0, Some(&others.1), Some(preview))), same);
            prop_assert_ne!(said, Said::by(&event(&title, None, Some(preview))));
            prop_assert_ne!(said, Said::by(&event(&title, Some(&device), None)));
            prop_assert_ne!(said, Said::by(&event(&title, Some(&device), Some(!preview))));
            prop_assert_ne!(said, Said::default());
        }
    }
}
