//! Batches against a reader of their own, written from the description of the format.

use std::io::Read as _;

use expect_test::expect;
use pipeline::{Headers, OutputRecord};
use proptest::prelude::*;

use super::*;
use crate::wire::Compression;

/// A record as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plain {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

const PRODUCER: Producer = Producer { id: 0x0102_0304_0506_0708, epoch: 0x090a };

fn push(batch: &mut RecordBatch, record: &Plain) {
    let mut encoded = Vec::new();
    record.headers.iter().for_each(|(name, value)| Headers::append(&mut encoded, name, value));
    let headers = Headers::from_encoded(&encoded);
    let Plain { timestamp_ms, key, value, .. } = record;
    let record =
        OutputRecord { topic: 0, partition: 0, timestamp_ms: *timestamp_ms, key: key.as_deref(), value: value.as_deref(), headers };
    let before = batch.bytes();
    batch.push(&record);
    assert!(batch.bytes() - before <= RecordBatch::bytes_of(&record), "{record:?}");
}

fn sealed(records: &[Plain], compression: Compression) -> Vec<u8> {
    let mut batch = RecordBatch::default();
    records.iter().for_each(|record| push(&mut batch, record));
    // What lies before it is left alone.
    let mut out = b"before".to_vec();
    batch.seal(PRODUCER, 7, &mut Compressor::new(compression), &mut out);
    assert!(batch.is_empty());
    assert_eq!(&out[..6], b"before");
    out.split_off(6)
}

/// Reads numbers of the format off the front.
struct Reading<'a>(&'a [u8]);

impl Reading<'_> {
    fn signed(&mut self) -> i64 {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let (byte, rest) = self.0.split_first().unwrap();
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
            }
        }
    }

    fn part(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.signed()).ok()?;
        let (part, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(part.to_vec())
    }
}

fn uncompressed(bits: i16, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match bits {
        0 => out.extend_from_slice(bytes),
        1 => _ = flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
        3 => {
            let mut rest = bytes.strip_prefix(b"\x04\x22\x4d\x18\x60\x40\x82").unwrap();
            loop {
                let (length, tail) = rest.split_first_chunk::<4>().unwrap();
                let length = u32::from_le_bytes(*length);
                if length == 0 {
                    assert!(tail.is_empty());
                    break;
                }
                let (block, tail) = tail.split_at((length & 0x7fff_ffff) as usize);
                if length >> 31 == 1 {
                    out.extend_from_slice(block);
                } else {
                    out.extend_from_slice(&lz4_flex::block::decompress(block, 65_536).unwrap());
                }
                rest = tail;
            }
        }
        4 => out = zstd::stream::decode_all(bytes).unwrap(),
        other => panic!("compression {other}"),
    }
    out
}

/// Reads a batch as a broker would: compression and records.
fn read(bytes: &[u8]) -> (i16, Vec<Plain>) {
    let i16_at = |at: usize| i16::from_be_bytes(bytes[at..at + 2].try_into().unwrap());
    let i32_at = |at: usize| i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let i64_at = |at: usize| i64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!((i64_at(0), i32_at(8), bytes[16]), (0, i32::try_from(bytes.len()).unwrap() - 12, 2));
    assert_eq!(i32_at(17).cast_unsigned(), crc32c::crc32c(&bytes[21..]));
    let (attributes, count) = (i16_at(21), i32_at(57));
    assert_eq!((attributes & !7, i32_at(23)), (16, count - 1), "part of a transaction");
    assert_eq!((i64_at(43), i16_at(51), i32_at(53)), (PRODUCER.id, PRODUCER.epoch, 7));
    let records = uncompressed(attributes & 7, &bytes[61..]);
    let mut reading = Reading(&records);
    let mut read = Vec::new();
    for index in 0..i64::from(count) {
        let record = reading.part().unwrap();
        let mut record = Reading(record.strip_prefix(&[0]).unwrap_or_else(|| panic!("attributes of {record:?}")));
        let timestamp_ms = i64_at(27) + record.signed();
        assert_eq!(record.signed(), index);
        let (key, value) = (record.part(), record.part());
        let headers = (0..record.signed()).map(|_| (record.part().unwrap(), record.part().unwrap())).collect();
        assert!(record.0.is_empty());
        read.push(Plain { timestamp_ms, key, value, headers });
    }
    assert!(reading.0.is_empty());
    assert_eq!(i64_at(35), read.iter().map(|record| record.timestamp_ms).max().unwrap());
    (attributes & 7, read)
}

fn plain(timestamp_ms: i64, key: &[u8], value: Option<&[u8]>) -> Plain {
    Plain { timestamp_ms, key: Some(key.to_vec()), value: value.map(<[u8]>::to_vec), headers: Vec::new() }
}

/// Kafka's Java client reads these bytes (`e2e/tests/it/java.rs`).
#[test]
fn the_bytes_of_a_batch() {
    let with_header = Plain { headers: vec![(b"h".to_vec(), b"v".to_vec())], ..plain(1_000, b"key", Some(b"value")) };
    let bytes = sealed(&[with_header, plain(999, b"", None)], Compression::None);
    let hex: String =
        bytes.chunks(16).map(|line| format!("{}\n", line.iter().map(|byte| format!("{byte:02x}")).collect::<String>())).collect();
    expect![[r#"
        00000000000000000000004bffffffff
        02cb87b6410010000000010000000000
        0003e800000000000003e80102030405
        060708090a0000000700000002240000
        00066b65790a76616c75650202680276
        0c000102000100
    "#]]
    .assert_eq(&hex);
    assert_eq!(read(&bytes).1.len(), 2);
}

#[test]
fn what_does_not_get_smaller_stays_as_it_is() {
    let small = [plain(0, b"a", Some(b"b"))];
    let large = [plain(0, b"", Some(&[7; 200_000])), plain(1, b"k", Some(&[8; 70_000]))];
    for (compression, bits) in [(Compression::None, 0), (Compression::Gzip, 1), (Compression::Lz4, 3), (Compression::Zstd, 4)] {
        assert_eq!(read(&sealed(&small, compression)), (0, small.to_vec()), "{compression:?}");
        let bytes = sealed(&large, compression);
        assert_eq!(read(&bytes), (bits, large.to_vec()), "{compression:?}");
        assert_eq!(bytes.len() < 10_000, bits > 0, "{compression:?}: {}", bytes.len());
    }
}

fn records() -> impl Strategy<Value = Vec<Plain>> {
    let bytes = |most| proptest::collection::vec(prop_oneof![Just(b'x'), any::<u8>()], 0..most);
    let headers = proptest::collection::vec((bytes(10), bytes(10)), 0..3);
    let time = prop_oneof![0..2_000_000_000_000i64, Just(0), Just(i64::MAX / 2)];
    let record = (time, proptest::option::of(bytes(90)), proptest::option::of(bytes(400)), headers);
    let plain = record.prop_map(|(timestamp_ms, key, value, headers)| Plain { timestamp_ms, key, value, headers });
    proptest::collection::vec(plain, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_is_read(records in records(), compression in 0usize..4) {
        let compression = [Compression::None, Compression::Gzip, Compression::Lz4, Compression::Zstd][compression];
        prop_assert_eq!(read(&sealed(&records, compression)).1, records);
    }

    #[test]
    fn numbers_take_the_bytes_that_are_counted(value in any::<i64>()) {
        let mut out = Vec::new();
        Encoder(&mut out).varint(zigzag(value));
        prop_assert_eq!(out.len(), length_of(zigzag(value)));
        prop_assert_eq!(Reading(&out).signed(), value);
    }
}
