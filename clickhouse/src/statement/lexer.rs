//! Words of ClickHouse's SQL, by the rules of the engine's own lexer: what reads otherwise here than there would be carried out unseen.

mod number;

use std::ops::Range;

use number::Digits;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or a name that stands bare.
    Word,
    Number,
    /// A name in backticks or double quotes.
    QuotedName,
    /// A string in single quotes, or a heredoc.
    Text,
    /// Any other byte.
    Sign(u8),
    /// What no statement may hold: something quoted or a comment that has no end, a number that is none.
    Wrong,
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
    /// What a dot means depends on it.
    before: Option<TokenKind>,
    has_foreign_blanks: bool,
}

impl<'a> Lexer<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, before: None, has_foreign_blanks: false }
    }

    /// Whether a blank beyond ASCII has stood between the tokens so far.
    pub(crate) const fn has_foreign_blanks(&self) -> bool {
        self.has_foreign_blanks
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// Passes over blanks and comments. The error is where a comment has no end.
    fn skip_blanks(&mut self) -> Result<(), usize> {
        while let Some(byte) = self.byte(self.at) {
            match (byte, self.byte(self.at + 1)) {
                (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => self.at += 1,
                (b'-', Some(b'-')) | (b'/', Some(b'/')) | (b'#', Some(b' ' | b'!')) => self.skip_line(),
                (b'/', Some(b'*')) => self.skip_to_end_of_comment()?,
                _ => match foreign_blank(&self.text[self.at..]) {
                    0 => return Ok(()),
                    length => {
                        self.has_foreign_blanks = true;
                        self.at += length;
                    }
                },
            }
        }
        Ok(())
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// Comments nest.
    fn skip_to_end_of_comment(&mut self) -> Result<(), usize> {
        let from = self.at;
        let mut depth = 0_usize;
        loop {
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                (_, None) => {
                    self.at = self.text.len();
                    return Err(from);
                }
                _ => self.at += 1,
            }
        }
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
        let tag = self.text[from + 1..].iter().position(|byte| !is_word(*byte) || *byte == b'$')?;
        if self.byte(from + 1 + tag) != Some(b'$') {
            return None;
        }
        let body = from + tag + 2;
        let mark = &self.text[from..body];
        let end = self.text[body..].windows(mark.len()).position(|window| window == mark)?;
        Some(body + end + mark.len())
    }

    /// What a byte of `E2` begins that is no blank: a minus, ‘text’, or a “name”.
    fn typographic(&self, from: usize) -> Option<(TokenKind, usize)> {
        let (kind, end_byte) = match self.text.get(from + 1..from + 3)? {
            [0x88, 0x92] => return Some((TokenKind::Sign(b'-'), from + 3)),
            [0x80, 0x98] => (TokenKind::Text, 0x99),
            [0x80, 0x9c] => (TokenKind::QuotedName, 0x9d),
            _ => return None,
        };
        self.byte(from + 5)?;
        let rest = &self.text[from + 3..];
        let end = rest.windows(3).position(|bytes| bytes == [0xe2, 0x80, end_byte]);
        Some(end.map_or((TokenKind::Wrong, self.text.len()), |end| (kind, from + 3 + end + 3)))
    }

    /// Whether the dot at `from` begins a number, and is not one between names.
    fn dot_begins_a_number(&self, from: usize) -> bool {
        let is_after_a_name =
            matches!(self.before, Some(TokenKind::Sign(b')' | b']') | TokenKind::Word | TokenKind::QuotedName | TokenKind::Number));
        // The engine takes a dot at the very beginning for a number whatever follows.
        from == 0 || (self.byte(from + 1).is_some_and(|byte| byte.is_ascii_digit()) && !is_after_a_name)
    }

    fn token(&self, from: usize, first: u8) -> (TokenKind, usize) {
        let quoted = |kind| match self.end_of_quoted(from) {
            Some(end) => (kind, end),
            None => (TokenKind::Wrong, self.text.len()),
        };
        match first {
            b'\'' => quoted(TokenKind::Text),
            b'"' | b'`' => quoted(TokenKind::QuotedName),
            b'$' if let Some(end) = self.end_of_heredoc(from) => (TokenKind::Text, end),
            b'$' if !self.byte(from + 1).is_some_and(|byte| is_word(byte) && byte != b'$') => (TokenKind::Sign(b'$'), from + 1),
            b'x' | b'X' | b'b' | b'B' if self.byte(from + 1) == Some(b'\'') && from + 2 < self.text.len() => self.coded(from, first),
            b'0'..=b'9' | b'.' if first != b'.' || self.dot_begins_a_number(from) => {
                let (digits, end) = number::digits(self.text, from, self.before == Some(TokenKind::Sign(b'.')));
                let kind = match digits {
                    Digits::Number => TokenKind::Number,
                    Digits::Word => TokenKind::Word,
                    Digits::Wrong => TokenKind::Wrong,
                };
                (kind, end)
            }
            b'\\' if self.byte(from + 1) == Some(b'G') => (TokenKind::Sign(first), from + 2),
            0xe2 if let Some(token) = self.typographic(from) => token,
            _ if is_word(first) => {
                let length = self.text[from..].iter().position(|byte| !is_word(*byte)).unwrap_or(self.text.len() - from);
                (TokenKind::Word, from + length)
            }
            sign => (TokenKind::Sign(sign), from + 1),
        }
    }

    /// `x'6162'` or `b'0110'`.
    fn coded(&self, from: usize, first: u8) -> (TokenKind, usize) {
        let is_digit = |byte: u8| if first.eq_ignore_ascii_case(&b'x') { byte.is_ascii_hexdigit() } else { matches!(byte, b'0' | b'1') };
        let end = self.text[from + 2..].iter().position(|byte| !is_digit(*byte)).map(|length| from + 2 + length);
        match end.filter(|end| self.text[*end] == b'\'') {
            Some(end) => (TokenKind::Text, end + 1),
            None => (TokenKind::Wrong, self.text.len()),
        }
    }
}

/// How long the blank beyond ASCII is with which a text begins; 0 where none does.
fn foreign_blank(text: &[u8]) -> usize {
    match text {
        [0xc2, 0x85 | 0xa0, ..] => 2,
        [0xe1, 0xa0, 0x8e, ..]
        | [0xe2, 0x80, 0x80..=0x8d | 0xa8 | 0xa9 | 0xaf, ..]
        | [0xe2, 0x81, 0x9f | 0xa0, ..]
        | [0xe3, 0x80, 0x80, ..]
        | [0xef, 0xbb, 0xbf, ..] => 3,
        _ => 0,
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let token = match self.skip_blanks() {
            Ok(()) => {
                let from = self.at;
                let (kind, end) = self.token(from, self.byte(from)?);
                self.at = end;
                Token { kind, place: from..end }
            }
            Err(from) => Token { kind: TokenKind::Wrong, place: from..self.text.len() },
        };
        self.before = Some(token.kind);
        Some(token)
    }
}
