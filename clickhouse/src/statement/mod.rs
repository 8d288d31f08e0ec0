//! What a statement is, seen from its words: which kind, in which format its answer or its data are, and where data begin. The engine parses it
//! again, and has the last word on whether it is one.

mod insert;
pub(crate) mod lexer;
mod refused;
mod settings;
mod source;

use lexer::{Lexer, Token, TokenKind};

pub(crate) use insert::{Data, Insert, begins_insert, find_insert};
pub(crate) use refused::{Refusal, TABLE_ENGINES, refusal};
pub(crate) use settings::{QUERY_NAME, RESULT_BOUND, is_bound, is_reaching};

/// What has to be known of a statement that is no INSERT with data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The statement itself: no semicolon at its end.
    pub(crate) text: Vec<u8>,
    pub(crate) kind: Kind,
    /// As it says after FORMAT.
    pub(crate) format: Option<String>,
}

/// Kinds that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No statement at all.
    Empty,
    /// Its answer can be streamed.
    Select,
    /// Changes the session's database.
    Use,
    /// Whatever else.
    Other,
}

impl Statement {
    /// Looks at a whole text. The error is where a second statement begins.
    pub(crate) fn of(text: &[u8]) -> Result<Self, usize> {
        let mut tokens: Vec<Token> = Lexer::new(text).collect();
        while tokens.last().is_some_and(|token| token.kind == TokenKind::Sign(b';')) {
            tokens.pop();
        }
        if let Some(middle) = tokens.iter().find(|token| token.kind == TokenKind::Sign(b';')) {
            return Err(middle.place.start);
        }
        // A comment after the last word is kept out too: a semicolon before it would be left in the middle.
        let end = tokens.last().map_or(0, |token| token.place.end);
        let words = Words { text, tokens: &tokens };
        Ok(Self { kind: words.kind(), format: words.format(), text: text[..end].to_vec() })
    }
}

/// Whether a statement sets the bound of its answer above `most`.
pub(crate) fn lifts_bound(text: &[u8], most: u64) -> bool {
    let tokens: Vec<Token> = Lexer::new(text).collect();
    settings::lifts_bound(&Words { text, tokens: &tokens }, most)
}

/// Tokens with their text.
pub(crate) struct Words<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) tokens: &'a [Token],
}

impl<'a> Words<'a> {
    pub(crate) fn bytes(&self, at: usize) -> &'a [u8] {
        self.tokens.get(at).map_or(&[], |token| &self.text[token.place.clone()])
    }

    /// Whether a bare word stands there, in any case.
    pub(crate) fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Word) && self.bytes(at).eq_ignore_ascii_case(word.as_bytes())
    }

    pub(crate) fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Sign(sign))
    }

    /// A name as it is meant, without its quotes. None where none stands there.
    pub(crate) fn name(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at)?;
        let text = self.bytes(at);
        let name = match token.kind {
            TokenKind::Word => text,
            // ASCII quotes are of one byte, the others of three.
            TokenKind::QuotedName if text[0].is_ascii() => &text[1..text.len() - 1],
            TokenKind::QuotedName => &text[3..text.len() - 3],
            TokenKind::Number | TokenKind::Text | TokenKind::Sign(_) | TokenKind::Wrong => return None,
        };
        let name = String::from_utf8_lossy(name);
        Some(if token.kind == TokenKind::Word { name.into_owned() } else { name.replace(['`', '"', '\\'], "") })
    }

    fn kind(&self) -> Kind {
        let first = (0..self.tokens.len()).find(|at| !self.is_sign(*at, b'('));
        let Some(first) = first else { return if self.tokens.is_empty() { Kind::Empty } else { Kind::Other } };
        if self.is(first, "USE") {
            return Kind::Use;
        }
        let is_select = ["SELECT", "FROM"].iter().any(|word| self.is(first, word)) || (self.is(first, "WITH") && !self.has_insert(first));
        if is_select { Kind::Select } else { Kind::Other }
    }

    /// `WITH ... INSERT INTO ... SELECT` is no SELECT.
    fn has_insert(&self, from: usize) -> bool {
        (from..self.tokens.len()).any(|at| self.is(at, "INSERT") && self.is(at + 1, "INTO"))
    }

    /// The format of the answer: FORMAT and a name, outside of parentheses, at the end or before SETTINGS.
    fn format(&self) -> Option<String> {
        let mut depth = 0_usize;
        let mut format = None;
        for at in 0..self.tokens.len() {
            match self.tokens[at].kind {
                TokenKind::Sign(b'(' | b'[' | b'{') => depth += 1,
                TokenKind::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                TokenKind::Word if depth == 0 && at > 0 && self.is(at, "FORMAT") => {
                    let is_last = at + 2 == self.tokens.len() || self.is(at + 2, "SETTINGS");
                    format = self.name(at + 1).filter(|_| is_last).or(format);
                }
                _ => {}
            }
        }
        format
    }
}

#[cfg(test)]
mod tests;
