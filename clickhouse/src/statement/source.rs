//! Sources of dictionaries: of tables in the same engine, with SQL in strings.

use super::Words;
use super::lexer::TokenKind;
use super::refused::reaches;

/// What a source of the same engine may say. HOST and PORT name another server, NAME a collection that may.
const LOCAL: &[&str] = &["DB", "TABLE", "USER", "PASSWORD", "UPDATE_LAG"];

/// What of it is SQL.
const SQL: &[&str] = &["QUERY", "WHERE", "INVALIDATE_QUERY", "UPDATE_FIELD"];

/// What the source at a place (`SOURCE` itself) reaches beyond the tables.
pub(super) fn reaching_source(words: &Words<'_>, at: usize) -> Option<String> {
    let source = words.name(at + 2).unwrap_or_default();
    let is = |name: &str| name.eq_ignore_ascii_case(&source);
    if !words.is_sign(at + 3, b'(') || is("null") || is("cache") {
        return None;
    }
    if !is("clickhouse") {
        return Some(format!("SOURCE({source})"));
    }
    let mut at = at + 4;
    while !words.is_sign(at, b')') {
        let key = words.name(at).unwrap_or_default();
        let among = |keys: &[&str]| keys.iter().any(|known| known.eq_ignore_ascii_case(&key));
        let value = words.tokens.get(at + 1).map(|token| token.kind);
        let is_plain = matches!(value, Some(TokenKind::Text | TokenKind::Number | TokenKind::Word | TokenKind::QuotedName));
        if !is_plain || !(among(LOCAL) || among(SQL)) {
            return Some(format!("SOURCE(CLICKHOUSE({key}))"));
        }
        if among(SQL) && literal(words.bytes(at + 1)).is_none_or(|sql| reaches(&sql).is_some()) {
            return Some(format!("the {key} of SOURCE(CLICKHOUSE())"));
        }
        at += 2;
    }
    None
}

/// What stands in a string without escapes but doubled quotes.
fn literal(token: &[u8]) -> Option<Vec<u8>> {
    let text = token.strip_prefix(b"'")?.strip_suffix(b"'")?;
    let text = std::str::from_utf8(text).ok().filter(|text| !text.contains('\\'))?;
    Some(text.replace("''", "'").into_bytes())
}
