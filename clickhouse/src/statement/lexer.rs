//! Words of ClickHouse's SQL, as far as it takes to see what a statement is. Follows the engine's own lexer in what is a comment and what is quoted.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword, a name or a number that stands bare.
    Word,
    /// A name in backticks or double quotes.
    QuotedName,
    /// A string in single quotes, or a heredoc.
    Text,
    /// Any other byte.
    Sign(u8),
    /// Something quoted that has no end.
    Unclosed,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) place: Range<usize>,
}

/// The tokens of a text, without white space and comments.
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte(self.at) {
            match (byte, self.byte(self.at + 1)) {
                (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => self.at += 1,
                (b'-', Some(b'-')) | (b'/', Some(b'/')) | (b'#', Some(b' ' | b'!')) => self.skip_line(),
                (b'/', Some(b'*')) => self.skip_to_end_of_comment(),
                // A no-break space, and a byte order mark.
                (0xc2, Some(0xa0)) => self.at += 2,
                (0xef, Some(0xbb)) if self.byte(self.at + 2) == Some(0xbf) => self.at += 3,
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_to_end_of_comment(&mut self) {
        let rest = &self.text[self.at + 2..];
        self.at += 2 + rest.windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |at| at + 2);
    }

    /// The end of what is quoted from `from` on, whose first byte is the quote: a quote is escaped by a backslash or by doubling it.
    fn end_of_quoted(&self, from: usize) -> Option<usize> {
        let quote = self.byte(from)?;
        let mut at = from + 1;
        loop {
            match self.byte(at)? {
                b'\\' => at += 2,
                byte if byte == quote && self.byte(at + 1) == Some(quote) => at += 2,
                byte if byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    /// The end of `$tag$ ... $tag$`, where one begins at `from`.
    fn end_of_heredoc(&self, from: usize) -> Option<usize> {
        let name = self.text[from + 1..].iter().position(|byte| !is_word(*byte) || *byte == b'$')?;
        if self.byte(from + 1 + name) != Some(b'$') {
            return None;
        }
        let body = from + name + 2;
        let mark = &self.text[from..body];
        let end = self.text[body..].windows(mark.len()).position(|window| window == mark)?;
        Some(body + end + mark.len())
    }
}

pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks();
        let from = self.at;
        let first = self.byte(from)?;
        let quoted = |kind| match self.end_of_quoted(from) {
            Some(end) => (kind, end),
            None => (TokenKind::Unclosed, self.text.len()),
        };
        let (kind, end) = match first {
            b'\'' => quoted(TokenKind::Text),
            b'"' | b'`' => quoted(TokenKind::QuotedName),
            b'$' if let Some(end) = self.end_of_heredoc(from) => (TokenKind::Text, end),
            _ if is_word(first) => {
                let length = self.text[from..].iter().position(|byte| !is_word(*byte)).unwrap_or(self.text.len() - from);
                (TokenKind::Word, from + length)
            }
            sign => (TokenKind::Sign(sign), from + 1),
        };
        self.at = end;
        Some(Token { kind, place: from..end })
    }
}
