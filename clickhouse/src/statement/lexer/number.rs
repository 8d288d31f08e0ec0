//! Where a number ends: the rules by which the engine's lexer passes over one, digits, separators, fractions and exponents.

/// What begins with a digit, or with a dot before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    Number,
    /// `1st` is a name.
    Word,
    /// `1.st` is nothing.
    Wrong,
}

/// What begins at `from` and where it ends. `is_member` says that a dot stands before it: of `x.1.2` each number is one of its own.
pub(super) fn digits(text: &[u8], from: usize, is_member: bool) -> (Digits, usize) {
    let mut scan = Scan { text, at: from, is_hexadecimal: false };
    if text.get(from) == Some(&b'.') {
        scan.at += 1;
        scan.run(true);
        scan.exponent();
        return (Digits::Number, scan.at);
    }
    if is_member {
        scan.at += 1;
        scan.run(false);
    } else {
        let is_block = scan.prefix();
        scan.run(is_block);
        if scan.byte(0) == Some(b'.') {
            scan.at += 1;
            scan.run(true);
        }
        scan.exponent();
    }
    if !scan.byte(0).is_some_and(is_letter) {
        return (Digits::Number, scan.at);
    }
    while scan.byte(0).is_some_and(is_letter) {
        scan.at += 1;
    }
    let is_word = text[from..scan.at].iter().all(|byte| is_letter(*byte));
    (if is_word { Digits::Word } else { Digits::Wrong }, scan.at)
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    is_hexadecimal: bool,
}

impl Scan<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// `0x` or `0b` and a digit of theirs, or else one digit. Whether a block of digits begins there.
    fn prefix(&mut self) -> bool {
        let kind = self.byte(1).filter(|_| self.byte(0) == Some(b'0'));
        let first = self.byte(2);
        self.is_hexadecimal = matches!(kind, Some(b'x' | b'X')) && first.is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_binary = matches!(kind, Some(b'b' | b'B')) && matches!(first, Some(b'0' | b'1'));
        let is_block = self.is_hexadecimal || is_binary;
        self.at += if is_block { 2 } else { 1 };
        is_block
    }

    /// Digits, with single underscores between them.
    fn run(&mut self, mut is_start: bool) {
        let is_hexadecimal = self.is_hexadecimal;
        let is_digit = |byte: u8| if is_hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        while let Some(byte) = self.byte(0) {
            let is_separator = byte == b'_' && !is_start && self.byte(1).is_some_and(is_digit);
            if !is_digit(byte) && !is_separator {
                return;
            }
            self.at += 1;
            is_start = false;
        }
    }

    /// `e` and a number to base ten, of hexadecimal ones `p`. As in the engine, no digit needs to follow.
    fn exponent(&mut self) {
        let letter = if self.is_hexadecimal { b'p' } else { b'e' };
        if self.byte(0).is_none_or(|byte| byte.to_ascii_lowercase() != letter) || self.byte(1).is_none() {
            return;
        }
        self.at += 1;
        if matches!(self.byte(0), Some(b'-' | b'+')) && self.byte(1).is_some() {
            self.at += 1;
        }
        self.is_hexadecimal = false;
        self.run(true);
    }
}
