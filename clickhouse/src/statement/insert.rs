//! Where the data of an INSERT begin, found in as much of a request as has come.

use super::Words;
use super::lexer::{Lexer, Token, TokenKind};

/// How far the lexer looks to know what a byte begins.
const LONGEST_LOOK: usize = 6;

/// What the beginning of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// It takes more of the request to tell.
    Unclear,
    /// No INSERT, or one whose rows come from elsewhere: the whole request is a statement.
    None,
    /// An INSERT whose data a SELECT from `input()` would read: to the engine they would be part of the statement.
    OfInput,
    /// An INSERT whose data follow.
    Follow(Insert),
}

/// An INSERT up to its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Insert {
    /// Where the statement ends: before FORMAT or VALUES.
    pub(crate) head_end: usize,
    pub(crate) format: String,
    /// Where data begin.
    pub(crate) data_start: usize,
}

/// Whether a statement is an INSERT, by its first word.
pub(crate) fn begins_insert(text: &[u8]) -> bool {
    Lexer::new(text).next().is_some_and(|token| text[token.place].eq_ignore_ascii_case(b"INSERT"))
}

/// Looks for the data of an INSERT. `is_whole` says that nothing follows `text`. The error is ClickHouse's, in words.
///
/// # Errors
/// Where a semicolon stands before the data, which ClickHouse does not take.
pub(crate) fn find_insert(text: &[u8], is_whole: bool) -> Result<Data, &'static str> {
    let mut tokens: Vec<Token> = Lexer::new(text).collect();
    if !is_whole {
        // A heredoc may end, and what stands at the end may go on, in what is still to come.
        let is_open = |token: &Token| token.kind != TokenKind::Text && text[token.place.start] == b'$';
        tokens.truncate(tokens.iter().position(is_open).unwrap_or(tokens.len()));
        while tokens.last().is_some_and(|token| goes_on(text, token)) {
            tokens.pop();
        }
    }
    let words = Words { text, tokens: &tokens };
    let unclear = if is_whole { Data::None } else { Data::Unclear };
    if tokens.len() < 2 {
        return Ok(unclear);
    }
    if !words.is(0, "INSERT") {
        return Ok(if words.is(0, "WITH") && words.has_insert(0) { query(&words, 0) } else { Data::None });
    }
    let Some(after_table) = after_table(&words) else { return Ok(unclear) };
    clause(&words, after_table, is_whole)
}

/// Whether what follows `text` may make another token of one: where it ends with the text, or where the lexer looks beyond its end.
fn goes_on(text: &[u8], token: &Token) -> bool {
    let bytes = &text[token.place.start..];
    let is_looked_into = !bytes[0].is_ascii() || bytes.get(1) == Some(&b'\'');
    token.place.end == text.len() || (is_looked_into && bytes.len() <= LONGEST_LOOK)
}

/// The place after `INSERT INTO [TABLE] [FUNCTION] name[.name] [(...)]`. None where the text ends before.
fn after_table(words: &Words<'_>) -> Option<usize> {
    let mut at = 1;
    if words.is(at, "INTO") {
        at += 1;
    }
    if words.is(at, "TABLE") && !words.is_sign(at + 1, b'.') {
        at += 1;
    }
    let is_function = words.is(at, "FUNCTION");
    if is_function {
        at += 1;
    }
    words.tokens.get(at)?;
    at += 1;
    while words.is_sign(at, b'.') {
        at += 2;
    }
    // Columns; before them a function's arguments.
    for _ in 0..if is_function { 2 } else { 1 } {
        if words.is_sign(at, b'(') && !words.is(at + 1, "SELECT") && !words.is(at + 1, "WITH") {
            at = after_parentheses(words, at)?;
        }
    }
    (at <= words.tokens.len()).then_some(at)
}

fn after_parentheses(words: &Words<'_>, from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in from..words.tokens.len() {
        match words.tokens[at].kind {
            TokenKind::Sign(b'(') => depth += 1,
            TokenKind::Sign(b')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// What follows the table: SETTINGS, then VALUES, FORMAT, a SELECT, or at once the data.
fn clause(words: &Words<'_>, from: usize, is_whole: bool) -> Result<Data, &'static str> {
    let unclear = Ok(if is_whole { Data::None } else { Data::Unclear });
    let mut at = from;
    let mut has_settings = false;
    loop {
        let Some(token) = words.tokens.get(at) else {
            // A head without a word on data: they would follow as VALUES. Whether some do is not known before they come.
            let end = words.tokens.last().map_or(0, |token| token.place.end);
            return if is_whole {
                Ok(Data::Follow(Insert { head_end: end, format: "Values".to_owned(), data_start: end }))
            } else {
                unclear
            };
        };
        if words.is(at, "FORMAT") {
            return format(words, at, is_whole);
        }
        if words.is(at, "VALUES") {
            let place = token.place.clone();
            return Ok(Data::Follow(Insert { head_end: place.start, format: "Values".to_owned(), data_start: place.end }));
        }
        let is_query = ["SELECT", "WITH", "WATCH", "FROM"].iter().any(|word| words.is(at, word));
        let is_query = is_query || (words.is_sign(at, b'(') && ["SELECT", "WITH"].iter().any(|word| words.is(at + 1, word)));
        if is_query {
            return Ok(query(words, at));
        }
        if token.kind == TokenKind::Wrong || words.is_sign(at, b';') {
            return Ok(Data::None);
        }
        if words.is(at, "SETTINGS") || words.is(at, "PARTITION") {
            has_settings = true;
        } else if !has_settings {
            // Data without a word before them. Of a parenthesis it takes the next word to tell.
            if words.is_sign(at, b'(') && words.tokens.len() == at + 1 {
                return unclear;
            }
            let start = token.place.start;
            return Ok(Data::Follow(Insert { head_end: start, format: "Values".to_owned(), data_start: start }));
        }
        at += 1;
    }
}

/// What a query, from `from` on, makes of the data.
fn query(words: &Words<'_>, from: usize) -> Data {
    let is_input = |at: usize| words.is_sign(at + 1, b'(') && words.name(at).is_some_and(|name| name.eq_ignore_ascii_case("input"));
    if (from..words.tokens.len()).any(is_input) { Data::OfInput } else { Data::None }
}

/// `FORMAT name`, then blanks and at most one line break, as in ClickHouse; the data may begin with anything.
fn format(words: &Words<'_>, at: usize, is_whole: bool) -> Result<Data, &'static str> {
    let unclear = Ok(if is_whole { Data::None } else { Data::Unclear });
    let Some(token) = words.tokens.get(at + 1) else { return unclear };
    let Some(format) = words.name(at + 1) else { return Ok(Data::None) };
    // `FORMAT x SETTINGS ...` is a place for settings too.
    let rest = &words.text[token.place.end..];
    if rest.first() == Some(&b';') {
        return Err("You have excessive ';' symbol before data for INSERT");
    }
    let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | 0x0c)).unwrap_or(rest.len());
    let mut start = token.place.end + blanks;
    let byte = |at: usize| words.text.get(at).copied();
    // Not clear before it is known whether a line break follows.
    if !is_whole && (byte(start).is_none() || (byte(start) == Some(b'\r') && byte(start + 1).is_none())) {
        return Ok(Data::Unclear);
    }
    if byte(start) == Some(b'\r') {
        start += 1;
    }
    if byte(start) == Some(b'\n') {
        start += 1;
    }
    Ok(Data::Follow(Insert { head_end: words.tokens[at].place.start, format, data_start: start }))
}
