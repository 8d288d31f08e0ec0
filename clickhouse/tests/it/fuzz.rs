//! Seeded runs of the fuzz targets. PLAYHEAD_FUZZ_RUNS says how many inputs each of them gets.

use clickhouse_engine::fuzz::{fuzz_compressed, fuzz_deduplication_log, fuzz_request, fuzz_statement};

use crate::support::{Numbers, how_many};

/// Changes a few bytes of a seed: flips, extremes, cuts, insertions, pieces of itself elsewhere.
fn mutated(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const EXTREMES: &[u8] = b"\0\x01\x7f\x80\xff'\"`()$;/*-# \n\t%&=";
    let mut data = seed.to_vec();
    for _ in 0..numbers.below(5) {
        if data.is_empty() {
            break;
        }
        let at = numbers.below(data.len());
        match numbers.below(6) {
            0 => data[at] ^= 1 << numbers.below(8),
            1 => data[at] = EXTREMES[numbers.below(EXTREMES.len())],
            2 => data.truncate(at),
            3 => data.insert(at, EXTREMES[numbers.below(EXTREMES.len())]),
            4 => drop(data.remove(at)),
            _ => {
                let piece = data[at..(at + numbers.below(12)).min(data.len())].to_vec();
                let to = numbers.below(data.len());
                data.splice(to..to, piece);
            }
        }
    }
    data
}

fn run(seeds: &[&[u8]], usual: usize, target: fn(&[u8])) {
    let mut numbers = Numbers(1);
    for seed in seeds {
        target(seed);
    }
    for _ in 0..how_many("PLAYHEAD_FUZZ_RUNS", usual) {
        let seed = seeds[numbers.below(seeds.len())];
        target(&mutated(seed, &mut numbers));
    }
}

#[test]
fn statements() {
    let seeds: [&[u8]; 9] = [
        b"INSERT INTO db.t (a, `b)`) SETTINGS x = 1, y = 'FORMAT' FORMAT JSONEachRow\n{\"a\": 1}",
        b"INSERT INTO t VALUES (1, 'it''s'), (2, '\\'')",
        b"INSERT INTO FUNCTION file('x', 'CSV', 'a Int8') (a) (SELECT 1)",
        b"WITH 1 AS x SELECT x, (SELECT 1 FORMAT JSON) FROM t FORMAT CSV SETTINGS a = 1; -- the end",
        b"CREATE TABLE t (a Int8) /* c */ ENGINE = URL('http://x', CSV)",
        b"SELECT 1 INTO OUTFILE 'x' FORMAT TSV",
        b"SYSTEM SHUTDOWN",
        b"SELECT $x$ ; $x$, \"a\\\"b\", `c``d` # end\n; SELECT 2",
        b"CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id'))",
    ];
    run(&seeds, 60_000, fuzz_statement);
}

#[test]
fn compressed_bodies() {
    let zeros = [0; 300];
    let seeds: [&[u8]; 4] = [b"", b"some data, some data, some data", &zeros, b"\x1f\x8b\x08\0\0\0\0\0\0\x03"];
    run(&seeds, 4_000, fuzz_compressed);
}

#[test]
fn requests() {
    let seeds: [&[u8]; 5] = [
        b"query=SELECT+1%2B1&database=d&param_a=%D0%B9&max_threads=3&session_id=s&session_timeout=5&compress=1&readonly=1",
        b"--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--b\r\ncontent-disposition: form-data; name=\"p\"\r\n\r\n-\r\n--b--\r\n",
        b"\x02\x01a\x02bb\x05UInt8\x06String\x01\x01x",
        b"\"a\n\"\"b\",\"c\"\n1,2\n",
        b"a\\n\tb\nInt8\tInt8\n1\t2\n",
    ];
    run(&seeds, 60_000, fuzz_request);
}

#[test]
fn deduplication_logs() {
    let seeds: [&[u8]; 3] = [
        b"1\tall_1_1_0\tall_a\n1\tall_3_3_0\tall_b\n1\tall_8_8_0\tall_lost\n2\tall_6_6_0\tall_dropped\n",
        b"1\t202601_7_7_0\tx\n1\t202601_7_8_1\tx\n",
        b"1\tall_-1_9223372036854775807_0_0\tx",
    ];
    run(&seeds, 60_000, fuzz_deduplication_log);
}
