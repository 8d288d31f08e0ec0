//! The cursor over one Avro body.

use crate::{Reason, Rejection, text};

/// What can be wrong with the bytes themselves. One byte, so that a failed read costs no more to return than a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body ends within a value.
    CutShort,
    /// A variable-length integer of more than 64 bits.
    LongTooWide,
    /// An int outside 32 bits.
    IntTooWide,
    /// A length or count below 0.
    NegativeLength,
    /// A string that is not UTF-8.
    NotUtf8,
    /// A union branch that the schema does not have.
    BadBranch,
    /// A boolean that is neither 0 nor 1.
    BadBoolean,
    /// An enum index that the schema does not have.
    BadSymbol,
    /// More levels of nesting than are followed.
    TooDeep,
    /// More items than a record can have.
    TooMany,
}

impl Fault {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::CutShort => "the body ends within the value",
            Self::LongTooWide => "an integer of more than 64 bits",
            Self::IntTooWide => "an int of more than 32 bits",
            Self::NegativeLength => "a length below 0",
            Self::NotUtf8 => "not UTF-8",
            Self::BadBranch => "a union branch that the schema does not have",
            Self::BadBoolean => "a boolean that is neither 0 nor 1",
            Self::BadSymbol => "an enum symbol that the schema does not have",
            Self::TooDeep => "nested too deep",
            Self::TooMany => "more items than a record can have",
        }
    }

    /// The refusal of a record whose `field` could not be read.
    #[cold]
    #[inline(never)]
    pub(crate) fn in_field(self, field: &'static str) -> Box<Rejection> {
        Rejection::of_field(if self == Self::NotUtf8 { Reason::NotUtf8 } else { Reason::Undecodable }, field, self.as_str())
    }
}

/// Undoes Avro's zigzag: 0, -1, 1, -2 are stored as 0, 1, 2, 3.
#[inline(always)]
const fn unzigzag(stored: u64) -> i64 {
    (stored >> 1) as i64 ^ -((stored & 1) as i64)
}

const CONTINUES: u64 = 0x8080_8080_8080_8080;

/// What is left of a body. Every read takes from the front or fails and leaves the record refused.
///
/// Rare cases are functions of their own that take the rest and give it back: a pointer to the reader would force it out of registers.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline(always)]
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    #[inline(always)]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses bytes after the last field.
    #[inline(always)]
    pub(crate) fn finish(&self) -> Result<(), Box<Rejection>> {
        if self.rest.is_empty() { Ok(()) } else { Err(trailing(self.rest.len())) }
    }

    /// Takes what `read` takes from the rest.
    #[inline(always)]
    pub(crate) fn with<T>(&mut self, read: impl FnOnce(&'a [u8]) -> Result<(T, &'a [u8]), Fault>) -> Result<T, Fault> {
        let (value, rest) = read(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    #[inline(always)]
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (&first, rest) = self.rest.split_first().ok_or(Fault::CutShort)?;
        self.rest = rest;
        Ok(first)
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Fault::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Fault::BadBoolean),
        }
    }

    /// Times are eight bytes, positions and bitrates three to five: found and squeezed together in one word, without a loop.
    #[inline(always)]
    pub(crate) fn long(&mut self) -> Result<i64, Fault> {
        if let Some((word, _)) = self.rest.split_first_chunk::<8>() {
            let word = u64::from_le_bytes(*word);
            let ends = !word & CONTINUES;
            if ends != 0 {
                let used = (ends.trailing_zeros() / 8 + 1) as usize;
                self.rest = &self.rest[used..];
                return Ok(unzigzag(squeeze(word & (ends ^ (ends - 1)))));
            }
        }
        self.with(any_long)
    }

    #[inline(always)]
    pub(crate) fn int(&mut self) -> Result<i32, Fault> {
        i32::try_from(self.long()?).map_err(|_| Fault::IntTooWide)
    }

    /// The length of a string, of bytes or of a block.
    #[inline(always)]
    pub(crate) fn length(&mut self) -> Result<usize, Fault> {
        self.index(Fault::NegativeLength)
    }

    /// The branch of a union, the index of an enum symbol, a length: not below 0, and mostly one byte.
    #[inline(always)]
    pub(crate) fn index(&mut self, fault: Fault) -> Result<usize, Fault> {
        if let [first, ref rest @ ..] = *self.rest
            && first & 0x81 == 0
        {
            self.rest = rest;
            return Ok(usize::from(first >> 1));
        }
        let long = self.with(any_long)?;
        usize::try_from(long).map_err(|_| fault)
    }

    /// The branch of a union of null and one type: whether it is the second.
    #[inline(always)]
    pub(crate) fn is_second_branch(&mut self) -> Result<bool, Fault> {
        let second = match *self.rest {
            [2, ..] => true,
            [0, ..] => false,
            _ => return self.with(any_branch),
        };
        self.rest = &self.rest[1..];
        Ok(second)
    }

    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.length()?;
        self.take(length)
    }

    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<&'a str, Fault> {
        let length = self.length()?;
        let at = self.rest;
        let bytes = self.take(length)?;
        text::checked(bytes, text::is_ascii_before(bytes, at)).ok_or(Fault::NotUtf8)
    }
}

/// A long of up to ten bytes, seven bits each, the lowest first: near the end of the body, or wider than a word.
#[inline(never)]
fn any_long(mut rest: &[u8]) -> Result<(i64, &[u8]), Fault> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(Fault::CutShort)?;
        rest = tail;
        if shift == 63 && byte > 1 {
            return Err(Fault::LongTooWide);
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((unzigzag(value), rest));
        }
    }
    Err(Fault::LongTooWide)
}

/// A branch in more bytes than it needs, or one that there is not.
#[cold]
#[inline(never)]
fn any_branch(rest: &[u8]) -> Result<(bool, &[u8]), Fault> {
    match any_long(rest)? {
        (0, rest) => Ok((false, rest)),
        (1, rest) => Ok((true, rest)),
        _ => Err(Fault::BadBranch),
    }
}

/// Eight groups of seven bits to one number of 56 bits: pairs, then fours, then all.
#[inline(always)]
const fn squeeze(word: u64) -> u64 {
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4)
}

#[cold]
#[inline(never)]
fn trailing(length: usize) -> Box<Rejection> {
    Rejection::of_record(Reason::TrailingBytes, format!("{length} bytes after the last field"))
}
