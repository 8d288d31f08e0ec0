//! Frames by their bytes, and answers that are no answers.

use expect_test::{Expect, expect};
use pipeline::testing::Seeded;

use super::metadata::Metadata;
use super::*;

const ID: &str = "playhead.playback.a.0";
const PRODUCER: Producer = Producer { id: 5, epoch: 3 };

fn member() -> Member {
    Member { group: "playback".to_owned(), generation: 9, id: "m-1".to_owned(), instance: None }
}

fn check<R: Request>(request: &R, version: i16, expected: &Expect) {
    let mut out = b"of the request before".to_vec();
    frame(request, version, 77, "c", &mut out);
    expected.assert_eq(&out.escape_ascii().to_string());
}

#[test]
fn frames() {
    check(&SaslHandshake { mechanism: "PLAIN" }, 1, &expect![[r#"\x00\x00\x00\x12\x00\x11\x00\x01\x00\x00\x00M\x00\x01c\x00\x05PLAIN"#]]);
    check(
        &FindCoordinator(CoordinatorOf::Group("g")),
        3,
        &expect![[r#"\x00\x00\x00\x10\x00\n\x00\x03\x00\x00\x00M\x00\x01c\x00\x02g\x00\x00"#]],
    );
    check(
        &InitProducerId { transactional_id: ID, timeout_ms: 10_000 },
        5,
        &expect![[
            r#"\x00\x00\x001\x00\x16\x00\x05\x00\x00\x00M\x00\x01c\x00\x16playhead.playback.a.0\x00\x00\'\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"#
        ]],
    );
    check(
        &EndTransaction { transactional_id: ID, producer: PRODUCER },
        5,
        &expect![[
            r#"\x00\x00\x00.\x00\x1a\x00\x05\x00\x00\x00M\x00\x01c\x00\x16playhead.playback.a.0\x00\x00\x00\x00\x00\x00\x00\x05\x00\x03\x01\x00"#
        ]],
    );
    check(
        &AddPartitions { transactional_id: ID, producer: PRODUCER, topics: &[("t", vec![1, 2])] },
        3,
        &expect![[
            r#"\x00\x00\x00:\x00\x18\x00\x03\x00\x00\x00M\x00\x01c\x00\x16playhead.playback.a.0\x00\x00\x00\x00\x00\x00\x00\x05\x00\x03\x02\x02t\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00"#
        ]],
    );
    let topics = vec![("t".to_owned(), vec![OffsetToCommit { partition: 1, offset: 258, metadata: "m".to_owned() }])];
    let positions = GroupPositions { member: member(), topics };
    let request = CommitOffsets { transactional_id: ID, producer: PRODUCER, positions: &positions };
    check(
        &request,
        5,
        &expect![[
            r#"\x00\x00\x00W\x00\x1c\x00\x05\x00\x00\x00M\x00\x01c\x00\x16playhead.playback.a.0\tplayback\x00\x00\x00\x00\x00\x00\x00\x05\x00\x03\x00\x00\x00\t\x04m-1\x00\x02\x02t\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x02\xff\xff\xff\xff\x02m\x00\x00\x00"#
        ]],
    );
    let names = ["t".to_owned(), "u".to_owned()];
    check(
        &ListOffsets { topics: &[("t", vec![0, 1])] },
        6,
        &expect![[
            r#"\x00\x00\x009\x00\x02\x00\x06\x00\x00\x00M\x00\x01c\x00\xff\xff\xff\xff\x00\x02\x02t\x03\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00"#
        ]],
    );
    check(
        &Metadata { topics: &names },
        9,
        &expect![[r#"\x00\x00\x00\x17\x00\x03\x00\t\x00\x00\x00M\x00\x01c\x00\x03\x02t\x00\x02u\x00\x00\x00\x00\x00"#]],
    );
    let sealed = |topic, partition, bytes| Sealed { topic, partition, bytes };
    let batches = [sealed(0, 4, 0..2), sealed(1, 0, 2..5), sealed(1, 1, 5..6)];
    let request = Produce { transactional_id: ID, timeout_ms: 1, topics: &names, batches: &batches, bytes: b"aabbbc" };
    check(
        &request,
        12,
        &expect![[
            r#"\x00\x00\x00J\x00\x00\x00\x0c\x00\x00\x00M\x00\x01c\x00\x16playhead.playback.a.0\xff\xff\x00\x00\x00\x01\x03\x02t\x02\x00\x00\x00\x04\x03aa\x00\x00\x02u\x03\x00\x00\x00\x00\x04bbb\x00\x00\x00\x00\x01\x02c\x00\x00\x00"#
        ]],
    );
}

/// Whether some version reads these bytes.
type Decodes = fn(&[u8]) -> bool;

/// An answer of each kind, as a broker gives it, without the head.
fn answers() -> Vec<(Decodes, Vec<u8>)> {
    fn decodes<R: Request>(bytes: &[u8]) -> bool {
        let (first, last) = R::API.versions;
        (first..=last).map(|version| R::decode(version, &mut Decoder(bytes))).any(|decoded| decoded.is_ok())
    }
    let bytes = |write: &dyn Fn(&mut Encoder<'_>)| {
        let mut out = Vec::new();
        write(&mut Encoder(&mut out));
        out
    };
    let partitions = |out: &mut Encoder<'_>, each: &dyn Fn(&mut Encoder<'_>)| {
        out.array(&["t", "u"], |out, topic| {
            out.string(topic);
            out.array(&[0, 1, 2], |out, &partition| {
                out.i32(partition);
                each(out);
                out.no_tags();
            });
            out.no_tags();
        });
    };
    let produced = bytes(&|out| {
        partitions(out, &|out| {
            out.i16(87);
            [5; 3].into_iter().for_each(|number| out.i64(number));
            out.array(&["a record"], |out, why| {
                out.i32(0);
                out.nullable_string(Some(why));
                out.no_tags();
            });
            out.nullable_string(None);
        });
        out.i32(0);
        out.no_tags();
    });
    let refused = bytes(&|out| {
        out.i32(0);
        partitions(out, &|out| out.i16(51));
        out.no_tags();
    });
    let metadata = bytes(&|out| {
        out.i32(0);
        out.array(&[1, 2], |out, &node| {
            out.i32(node);
            out.string("host");
            out.i32(9_092);
            out.nullable_string(None);
            out.no_tags();
        });
        out.nullable_string(Some("cluster"));
        out.i32(1);
        out.array(&["t"], |out, topic| {
            out.i16(0);
            out.string(topic);
            out.bool(false);
            out.array(&[0, 1], |out, &partition| {
                out.i16(0);
                [partition, 1, 7].into_iter().for_each(|number| out.i32(number));
                (0..3).for_each(|_| out.array(&[1, 2], |out, &node| out.i32(node)));
                out.no_tags();
            });
            out.i32(0);
            out.no_tags();
        });
        out.i32(0);
        out.no_tags();
    });
    let ends = bytes(&|out| {
        out.i32(0);
        partitions(out, &|out| {
            out.i16(6);
            [-1, 5].into_iter().for_each(|number| out.i64(number));
            out.i32(-1);
        });
        out.no_tags();
    });
    vec![
        (decodes::<ListOffsets<'_>>, ends),
        (decodes::<Produce<'_>>, produced),
        (decodes::<CommitOffsets<'_>>, refused.clone()),
        (decodes::<AddPartitions<'_>>, refused),
        (decodes::<Metadata<'_>>, metadata),
        (decodes::<EndTransaction<'_>>, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\x03\0".to_vec()),
        (decodes::<InitProducerId<'_>>, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\x03\0".to_vec()),
        (decodes::<AddOffsets<'_>>, b"\0\0\0\0\0\x2f\0".to_vec()),
        (decodes::<FindCoordinator<'_>>, b"\0\0\0\0\0\0\0\0\0\0\x01\x05host\0\0\x23\x84\0".to_vec()),
        (decodes::<SaslHandshake<'_>>, b"\0\x21\0\0\0\x01\0\x05PLAIN".to_vec()),
        (decodes::<SaslAuthenticate<'_>>, b"\0\x3a\x04why\x03ab\0\0\0\0\0\0\x03\xe8\0".to_vec()),
        (decodes::<AskVersions>, b"\0\0\x02\0\0\0\0\0\x0c\0\0\0\0\0\x01\x02\x09\x02\x03tv\0\x02\0\0\0".to_vec()),
    ]
}

#[test]
fn the_first_refusal_that_says_something_is_told() {
    let answer = |codes: &[i16]| {
        let mut bytes = vec![0; 4];
        let mut out = Encoder(&mut bytes);
        out.array(&["t"], |out, topic| {
            out.string(topic);
            out.array(codes, |out, &code| {
                out.i32(i32::from(code));
                out.i16(code);
                out.no_tags();
            });
            out.no_tags();
        });
        AddPartitions::decode(3, &mut Decoder(&bytes)).unwrap().map(|(code, ..)| code.0)
    };
    assert_eq!([answer(&[0, 0]), answer(&[0, 47, 48]), answer(&[55, 29, 55]), answer(&[0, 55])], [None, Some(47), Some(29), Some(55)]);
}

#[test]
fn an_answer_to_another_request_is_none() {
    let ended = |bytes| answer::<EndTransaction<'_>>(4, 77, bytes).map(|(code, _)| code.0);
    assert_eq!(ended(b"\0\0\0\x4d\0\0\0\0\0\0\x2f\0"), Ok(47));
    assert!(ended(b"\0\0\0\x4e\0\0\0\0\0\0\x2f\0").is_err());
    assert!(ended(b"\0\0\0").is_err());
}

/// Whatever comes is read or refused, in the end and within its own length.
#[test]
fn damaged_answers() {
    let runs: u64 = std::env::var("PLAYHEAD_FUZZ_RUNS").map_or(100_000, |runs| runs.parse().expect("PLAYHEAD_FUZZ_RUNS is a number"));
    let answers = answers();
    for (index, (decodes, good)) in answers.iter().enumerate() {
        assert!(decodes(good), "{index}");
        assert!((0..good.len() - 1).any(|length| !decodes(&good[..length])), "{index}: one that is cut short is refused");
    }
    let mut numbers = Seeded::new(1);
    for _ in 0..runs {
        let (decodes, good) = &answers[numbers.below(answers.len() as u64) as usize];
        let mut bytes = good.clone();
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(bytes.len() as u64) as usize;
            match numbers.below(4) {
                0 => bytes[at] ^= 1 << numbers.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5) as usize],
                2 => bytes.truncate(at + 1),
                _ => bytes.insert(at, numbers.bits() as u8),
            }
        }
        decodes(&bytes);
    }
}
