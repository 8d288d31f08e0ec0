use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..longest)
}

fn record() -> impl Strategy<Value = Owned> {
    let timestamp = prop_oneof![any::<i64>(), 1_700_000_000_000..1_700_000_100_000_i64];
    let headers = proptest::collection::vec((bytes(8), bytes(8)), 0..3);
    (timestamp, proptest::option::of(bytes(20)), proptest::option::of(bytes(300)), headers)
        .prop_map(|(timestamp_ms, key, value, headers)| Owned { timestamp_ms, key, value, headers })
}

fn build(records: &[Owned]) -> Block {
    let mut builder = BlockBuilder::default();
    for record in records {
        let mut encoded = Vec::new();
        record.headers.iter().for_each(|(name, value)| Headers::append(&mut encoded, name, value));
        builder.push(&BlockRecord {
            timestamp_ms: record.timestamp_ms,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: Headers::from_encoded(&encoded),
        });
    }
    let block = builder.finish();
    assert!(builder.is_empty());
    block
}

fn read(bytes: &[u8]) -> Result<(i64, Vec<Owned>), Damage> {
    let block = BlockReader::open(bytes)?;
    let max_timestamp_ms = block.max_timestamp_ms;
    let mut records = Vec::new();
    block.read(|number, record| {
        assert_eq!(number as usize, records.len());
        records.push(Owned {
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(Vec::from),
            value: record.value.map(Vec::from),
            headers: record.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        });
    })?;
    Ok((max_timestamp_ms, records))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(records in proptest::collection::vec(record(), 1..20)) {
        let block = build(&records);
        prop_assert_eq!(block.count as usize, records.len());
        let largest = records.iter().map(|record| record.timestamp_ms).max().unwrap();
        prop_assert_eq!(block.max_timestamp_ms, largest);
        prop_assert_eq!(read(&block.bytes), Ok((largest, records)));
        fuzz_block(&block.bytes);
    }

    #[test]
    fn no_change_goes_unnoticed(records in proptest::collection::vec(record(), 1..6), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let block = build(&records);
        let mut flipped = block.bytes.clone();
        flipped[place.index(block.bytes.len())] ^= 1 << bit;
        prop_assert_eq!(read(&flipped), Err(Damage::Checksum));
        let mut cut = block.bytes.clone();
        cut.truncate(place.index(block.bytes.len()));
        prop_assert!(read(&cut).is_err());
        // With a checksum that matches the parser itself has to cope.
        fuzz_block(&flipped);
        seal(&mut cut);
        prop_assert!(read(&cut).is_err());
        let mut longer = block.bytes;
        longer.push(0);
        seal(&mut longer);
        prop_assert_eq!(read(&longer), Err(Damage::TrailingBytes));
    }

    #[test]
    fn numbers_of_any_size(number in any::<i64>()) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, zigzag(number));
        let mut rest = &bytes[..];
        prop_assert_eq!(take_varint(&mut rest).map(unzigzag), Ok(number));
        prop_assert!(rest.is_empty());
    }
}

#[test]
fn impossible_headers() {
    let sealed = |rest: &[u8]| {
        let mut bytes = vec![0; CHECKSUM_BYTES];
        bytes.extend_from_slice(rest);
        seal(&mut bytes);
        read(&bytes).map(|(_, records)| records.len())
    };
    assert_eq!(sealed(&[]), Err(Damage::Truncated));
    assert_eq!(sealed(&[VERSION + 1, 0, 0, 0]), Err(Damage::Version(2)));
    assert_eq!(sealed(&[VERSION, 0, 0, 0]), Ok(0));
    assert_eq!(sealed(&[VERSION, 1, 0, 0, 0, 0, 0]), Err(Damage::Count));
    assert_eq!(sealed(&[VERSION, 1, 0, 0, 0, 0, 0, 0]), Ok(1));
    assert_eq!(sealed(&[VERSION, 1, 0, 0, 0, 0, 0, 1]), Err(Damage::Truncated));
    let endless = [&[VERSION, 1, 0, 0][..], &[0xff; 12]].concat();
    assert_eq!(sealed(&endless), Err(Damage::Truncated));
    let huge = [&[VERSION][..], &[0xff, 0xff, 0xff, 0xff, 0x7f], &[0; 40]].concat();
    assert_eq!(sealed(&huge), Err(Damage::Count));
}

#[test]
fn an_event_costs_few_bytes_more_than_its_own() {
    let records = vec![Owned { timestamp_ms: 1_700_000_000_000, key: Some(vec![1; 36]), value: Some(vec![2; 200]), headers: vec![] }; 100];
    let block = build(&records);
    assert!(block.bytes.len() < 100 * (236 + 6) + 24, "{}", block.bytes.len());
}
