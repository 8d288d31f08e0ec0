//! The hash by which Kafka's Java clients choose a partition, so that all clients agree.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// Murmur2 as `org.apache.kafka.common.utils.Utils.murmur2` computes it, over the bytes of a key.
#[must_use]
pub fn murmur2(data: &[u8]) -> i32 {
    let length = u32::try_from(data.len() & 0xffff_ffff).expect("masked to 32 bits");
    let mut h = SEED ^ length;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes(word.try_into().expect("chunks of four")).wrapping_mul(M);
        k ^= k >> R;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        h ^= rest.iter().rev().fold(0, |word, &byte| (word << 8) | u32::from(byte));
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    (h ^ (h >> 15)).cast_signed()
}

/// The partition of a key among `partitions`: the positive part of [`murmur2`], as Java's default partitioner does it.
#[must_use]
pub fn partition_for(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & i32::MAX).cast_unsigned() % partitions.max(1)
}
