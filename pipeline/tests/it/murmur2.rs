//! The partition of a key is the one that Kafka's Java clients choose.

use pipeline::{murmur2, partition_for};

/// Keys and hashes as Kafka's own class computed them; the first line says how.
const TABLE: &str = include_str!("../data/murmur2.csv");

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len() / 2).map(|index| u8::from_str_radix(&hexadecimal[2 * index..2 * index + 2], 16).unwrap()).collect()
}

#[test]
fn the_vectors_of_kafkas_own_test() {
    for (key, hash) in [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
    }
}

#[test]
fn every_length_equals_java() {
    let mut lengths = [0; 65];
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let (key, hash) = line.split_once(',').unwrap();
        let key = bytes_of(key);
        assert_eq!(murmur2(&key), hash.parse::<i32>().unwrap(), "{line}");
        lengths[key.len()] += 1;
    }
    assert!(lengths.iter().all(|&count| count >= 20), "every length from 0 to 64: {lengths:?}");
}

#[test]
fn a_negative_hash_has_a_partition() {
    // Java: (murmur2(key) & 0x7fffffff) % partitions.
    assert_eq!(partition_for(b"21", 12), ((-973_932_308_i32 & i32::MAX) % 12).cast_unsigned());
    assert_eq!(partition_for(b"21", 1), 0);
}
