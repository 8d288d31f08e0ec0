//! Fuzz targets as plain functions: parsers of what comes over the network. Each panics where an invariant is broken.

use std::io::Read as _;
use std::ops::Range;

use crate::Rights;
use crate::compression::blocks::{self, BlockReader};
use crate::compression::encoding::Encoding;
use crate::engine::repair::{Part, without_lost_parts};
use crate::formats::{Header, Joining};
use crate::http::fuzzed;
use crate::statement::{
    Data, Refusal, Statement, find_insert,
    lexer::{Lexer, TokenKind},
    refusal,
};

/// A statement: its tokens stand one after the other within it, where its data begin does not change with what follows, and what is refused to
/// writers is refused to readers.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_statement(text: &[u8]) {
    let mut end = 0;
    for token in Lexer::new(text) {
        assert!(token.place.start >= end && token.place.end > token.place.start && token.place.end <= text.len(), "{token:?}");
        end = token.place.end;
    }
    if let Ok(statement) = Statement::of(text) {
        let again = Statement::of(&statement.text).expect("a statement without its end is one statement");
        assert_eq!(again, statement, "a statement stays what it is");
    }
    let whole = find_insert(text, true);
    if let Ok(Data::Follow(insert)) = &whole {
        assert!(insert.head_end <= insert.data_start && insert.data_start <= text.len());
    }
    for length in [text.len() / 2, text.len().saturating_sub(1), text.len()] {
        if let Ok(Data::Follow(early)) = find_insert(&text[..length], false) {
            assert_eq!(whole, Ok(Data::Follow(early)), "what follows changes nothing once it is clear");
        }
    }
    let (reader, writer) = (refusal(text, Rights::Read), refusal(text, Rights::Write));
    assert!(writer.is_none() || reader.is_some(), "whoever may only read may no more than whoever may write");
    assert!(matches!(refusal(text, Rights::Owner), None | Some(Refusal::EndsTheProcess | Refusal::SetsItsName)));
}

/// Words, numbers, texts and quoted names of a text, and what is none of them but is no sign either (`wrong`): kind, and where it stands. For
/// comparison with the engine's own lexer.
#[must_use]
pub fn tokens(text: &[u8]) -> Vec<(&'static str, Range<usize>)> {
    let kind = |kind| match kind {
        TokenKind::Word => Some("word"),
        TokenKind::Number => Some("number"),
        TokenKind::QuotedName => Some("name"),
        TokenKind::Text => Some("text"),
        TokenKind::Wrong => Some("wrong"),
        TokenKind::Sign(_) => None,
    };
    Lexer::new(text).filter_map(|token| Some((kind(token.kind)?, token.place))).collect()
}

/// Compressed blocks, and every content encoding: any bytes are read to an end or an error, in bounded memory; and what was written is read again.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_compressed(data: &[u8]) {
    const BOUND: u64 = 1 << 22;
    BlockReader::new(data).take(BOUND).read_to_end(&mut Vec::new()).ok();
    for encoding in ["zstd", "lz4", "gzip", "deflate"] {
        let encoding = Encoding::named(encoding).expect("one of ours");
        if let Ok(reader) = encoding.decoder(data) {
            reader.take(BOUND).read_to_end(&mut Vec::new()).ok();
        }
    }
    let mut written = Vec::new();
    blocks::write(data, &mut written);
    let mut read = Vec::new();
    BlockReader::new(written.as_slice()).read_to_end(&mut read).expect("what was written is whole");
    assert_eq!(read, data);
}

/// A URL's query, a form, and the beginning of a document of each format.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_request(data: &[u8]) {
    fuzzed::url(&String::from_utf8_lossy(data));
    fuzzed::form(data);
    for format in ["RowBinaryWithNamesAndTypes", "RowBinaryWithNames", "TSVWithNamesAndTypes", "CSVWithNamesAndTypes"] {
        let Joining::Headed(header) = Joining::of(format) else { panic!("{format} has a header") };
        assert!(header.length(data).is_none_or(|length| length <= data.len()), "{header:?}");
    }
    assert_eq!(Header::Lines(1).length(b"a\nb"), Some(2));
}

/// A deduplication log: only whole lines are left out, those of parts that are there stay, and a second look finds nothing.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_deduplication_log(data: &[u8]) {
    let parts = ["all_1_5_1", "202601_7_7_0"].iter().filter_map(|name| Part::parse(name)).collect();
    let (kept, dropped) = without_lost_parts(data, &parts);
    let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(lines(&kept) + dropped, lines(data));
    assert_eq!(without_lost_parts(&kept, &parts), (kept.clone(), 0));
}
