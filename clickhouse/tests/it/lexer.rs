//! Statements are read as the engine reads them: token by token against its own lexer, and by what gets past the guard if they are not.
//! PLAYHEAD_FUZZ_RUNS says how many texts are compared.

use std::fmt::Write as _;

use clickhouse_engine::fuzz::tokens;

use crate::support::{Numbers, TestServer, how_many, shared};

/// Pieces of which texts are made where lexers differ.
const PIECES: &[&str] = &[
    "a", "e", "x", "b", "G", "1", "0", "_", "$", "$$", "$t$", "$ й$", ".", ".1", "1.", "1e", "1e-", "0x", "0b", "0xf", "p3", "x'", "b'01'",
    "X'4", "'", "''", "\"", "`", "\\", "\\'", "\\G", "--", "-", "->", "/*", "*/", "/", "*", "//", "#", "# ", "#!", "\n", " ", "\t", "(",
    ")", "[", "]", "{", ",", ";", ":", "@", "=", "<", ">", "!", "|", "?", "^", "%", "\u{2018}", "\u{2019}", "\u{201c}", "\u{201d}",
    "\u{2212}", "\u{a0}", "\u{85}", "\u{180e}", "\u{2003}", "\u{200b}", "\u{2028}", "\u{202f}", "\u{205f}", "\u{2060}", "\u{3000}",
    "\u{feff}", "\u{e9}", "\u{20ac}",
];

fn text(numbers: &mut Numbers) -> Vec<u8> {
    let mut text: Vec<u8> = (0..=numbers.below(12)).flat_map(|_| PIECES[numbers.below(PIECES.len())].bytes()).collect();
    if numbers.below(20) == 0 {
        text.truncate(numbers.below(text.len()));
    }
    text
}

/// What the engine's lexer makes of texts, in the same words.
fn engine_tokens(server: &TestServer, texts: &[Vec<u8>]) -> String {
    let list: Vec<String> = texts
        .iter()
        .map(|text| {
            let digits = text.iter().fold(String::new(), |mut digits, byte| {
                write!(digits, "{byte:02x}").unwrap();
                digits
            });
            format!("'{digits}'")
        })
        .collect();
    server.query(&format!(
        "SELECT arrayStringConcat(arrayMap(t -> concat(multiIf(t.3 = 'BareWord', 'word', t.3 = 'Number', 'number', t.3 = 'QuotedIdentifier', 'name', \
         t.3 IN ('StringLiteral', 'HereDoc'), 'text', 'wrong'), ' ', toString(t.1), '..', toString(t.2)), \
         arrayFilter(t -> t.3 IN ('BareWord', 'Number', 'QuotedIdentifier', 'StringLiteral', 'HereDoc', 'ErrorMultilineCommentIsNotClosed', \
         'ErrorSingleQuoteIsNotClosed', 'ErrorDoubleQuoteIsNotClosed', 'ErrorBackQuoteIsNotClosed', 'ErrorWrongNumber'), \
         tokenizeQuery(unhex(text)))), ', ') FROM (SELECT arrayJoin([{}]) AS text)",
        list.join(", ")
    ))
}

#[test]
fn tokens_are_the_engine_s() {
    let server = shared("lexer");
    let mut numbers = Numbers(11);
    for _ in 0..how_many("PLAYHEAD_FUZZ_RUNS", 20_000) / 500 {
        let texts: Vec<Vec<u8>> = (0..500).map(|_| text(&mut numbers)).collect();
        let theirs = engine_tokens(server, &texts);
        assert_eq!(theirs.lines().count(), texts.len());
        for (text, theirs) in texts.iter().zip(theirs.lines()) {
            let ours: Vec<String> = tokens(text).iter().map(|(kind, place)| format!("{kind} {}..{}", place.start, place.end)).collect();
            assert_eq!(ours.join(", "), theirs, "{:?}", String::from_utf8_lossy(text));
        }
    }
}

#[test]
fn what_reads_otherwise_than_it_looks_reaches_no_file() {
    let server = shared("lexer_files");
    server.query("CREATE TABLE lexer_files.t (a String) ENGINE = Memory");
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "kept apart").unwrap();
    let (file, out) = (secret.display(), folder.path().join("out").display().to_string());
    for statement in [
        format!("SELECT 1 /* /* */ ' */, file('{file}') -- '"),
        format!("SELECT \u{2018}'\u{2019}, file('{file}') -- '"),
        format!("SELECT 1 AS \u{201c}'\u{201d}, file('{file}') -- '"),
        format!("SELECT file\u{2003}('{file}')"),
        format!("SELECT \"fi\\x6ce\"('{file}')"),
        format!("SELECT $ '$, file('{file}'), $ '$ -- '"),
        format!("SELECT 1 INTO\u{2003}OUTFILE '{out}'"),
        format!("\u{2003}INSERT INTO lexer_files.t FROM\u{2003}INFILE '{file}' FORMAT TSV"),
        format!("\u{2003}INSERT INTO lexer_files.t SELECT file\u{2003}('{file}')"),
    ] {
        let reply = server.post("/", &statement);
        assert!(matches!(reply.status, 400 | 403), "{statement}: {} {}", reply.status, reply.text());
        assert!(!reply.text().contains("kept apart"), "{statement}");
    }
    assert!(!std::path::Path::new(&out).exists());
    assert_eq!(server.query("SELECT count() FROM lexer_files.t"), "0\n");
    // Within quotes and comments all is as it was.
    assert_eq!(server.query("SELECT 'file(\u{e9})' AS `\u{e9}` /* \u{2003} */ -- \u{e9}"), "file(\u{e9})\n");
}
