use std::io::Read as _;

use proptest::prelude::*;

use super::blocks::{BlockError, BlockReader, write};
use super::encoding::{Encoder, Encoding};

fn read(blocks: &[u8]) -> Result<Vec<u8>, u32> {
    let mut data = Vec::new();
    match BlockReader::new(blocks).read_to_end(&mut data) {
        Ok(_) => Ok(data),
        Err(error) => Err(error.get_ref().and_then(|inner| inner.downcast_ref::<BlockError>()).expect("an exception of ClickHouse").code.0),
    }
}

#[test]
fn a_checksum_is_clickhouse_s() {
    for length in [0_usize, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 100, 127, 128, 143, 144, 145, 160, 255, 256, 257, 1000, 4096]
    {
        let text: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
        let theirs = cityhash_rs::cityhash_102_128(&text);
        let ours = super::city_hash::checksum(&text);
        let halves = (u64::from_le_bytes(ours[..8].try_into().unwrap()), u64::from_le_bytes(ours[8..].try_into().unwrap()));
        assert_eq!(halves, ((theirs >> 64) as u64, theirs as u64), "{length} bytes");
    }
}

#[test]
fn damaged_blocks_are_refused() {
    let mut blocks = Vec::new();
    write(b"some data, some data, some data", &mut blocks);
    assert_eq!(read(&blocks).unwrap(), b"some data, some data, some data");
    for length in 1..blocks.len() {
        assert_eq!(read(&blocks[..length]), Err(33), "cut off after {length}");
    }
    for at in 0..blocks.len() {
        let mut damaged = blocks.clone();
        damaged[at] ^= 0x41;
        let code = read(&damaged).expect_err("a damaged block");
        assert!([33, 39, 40, 271].contains(&code), "byte {at}: {code}");
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(data in proptest::collection::vec(any::<u8>(), 0..5000), repeated in 0_usize..300) {
        let data = data.repeat(repeated / 10 + 1);
        let mut blocks = Vec::new();
        write(&data, &mut blocks);
        prop_assert_eq!(read(&blocks), Ok(data));
    }

    #[test]
    fn what_was_encoded_is_decoded(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 0..6)) {
        for encoding in ["zstd", "lz4", "gzip", "deflate"] {
            let encoding = Encoding::named(encoding).unwrap();
            let mut encoder = Encoder::new(Some(encoding)).unwrap();
            let mut encoded = Vec::new();
            for piece in &pieces {
                encoded.extend(encoder.encode(piece).unwrap().unwrap());
            }
            encoded.extend(encoder.finish().unwrap());
            let mut decoded = Vec::new();
            encoding.decoder(encoded.as_slice()).unwrap().read_to_end(&mut decoded).unwrap();
            prop_assert_eq!(&decoded, &pieces.concat());
        }
    }
}

#[test]
fn the_best_encoding_that_a_client_knows_is_taken() {
    assert_eq!(Encoding::accepted("gzip, deflate, br"), Some(Encoding::Gzip));
    assert_eq!(Encoding::accepted("deflate;q=0.5, LZ4"), Some(Encoding::Lz4));
    assert_eq!(Encoding::accepted("zstd;q=0, gzip;q=0"), None);
    assert_eq!(Encoding::accepted("br"), None);
}
