//! Ids as a row keeps them. Most are UUIDs, or lower-case hexadecimal digits, and those take a byte for two digits.
//!
//! ```text
//! 0                                      there is none
//! 1 + (length << 2 | form), as a varint  then that many bytes
//! ```
//! Digits are packed and unpacked eight at a time, without a branch or a look-up for any one of them.

use std::cmp::Ordering;

use super::varint::{self, Reader};

const UUID_BYTES: usize = 16;
const UUID_CHARACTERS: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// More digits than this are kept as text.
const MOST_DIGITS: usize = 64;

/// What the bytes of an id are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The id itself.
    Text = 0,
    /// An even number of lower-case hexadecimal digits, packed.
    Hexadecimal = 1,
    /// A UUID in its usual form, lower case with hyphens, packed.
    Uuid = 2,
}

/// Appends an id that may be missing.
pub(crate) fn put(out: &mut Vec<u8>, id: Option<&[u8]>) {
    let Some(id) = id else { return out.push(0) };
    let mut packed = [0; MOST_DIGITS / 2];
    let (form, bytes) = if pack_uuid(id, &mut packed) {
        (Form::Uuid, &packed[..UUID_BYTES])
    } else if pack_hexadecimal(id, &mut packed) {
        (Form::Hexadecimal, &packed[..id.len() / 2])
    } else {
        (Form::Text, id)
    };
    varint::put(out, 1 + ((bytes.len() as u64) << 2 | form as u64));
    out.extend_from_slice(bytes);
}

/// An id as it stands in a row; unpacked only where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedId<'a> {
    form: Form,
    /// None where there is no id.
    bytes: Option<&'a [u8]>,
}

impl<'a> PackedId<'a> {
    /// Reads what [`put`] wrote.
    #[inline]
    pub(crate) fn take(reader: &mut Reader<'a>) -> Self {
        let Some(header) = reader.take().checked_sub(1) else { return Self { form: Form::Text, bytes: None } };
        let form = match header & 3 {
            1 => Form::Hexadecimal,
            2 => Form::Uuid,
            _ => Form::Text,
        };
        Self { form, bytes: Some(reader.take_bytes((header >> 2) as usize)) }
    }

    /// Whether it is this id; none is none.
    #[inline]
    pub(crate) fn is(&self, id: Option<&[u8]>) -> bool {
        let (Some(bytes), Some(id)) = (self.bytes, id) else { return self.bytes.is_none() && id.is_none() };
        match self.form {
            Form::Text => bytes == id,
            Form::Hexadecimal => id.len() == 2 * bytes.len() && is_hexadecimal_of(bytes, id),
            Form::Uuid => {
                let (Ok(id), Ok(bytes)) = (<&[u8; UUID_CHARACTERS]>::try_from(id), <&[u8; UUID_BYTES]>::try_from(bytes)) else {
                    return false;
                };
                // All of it, without a branch for each part: it is mostly equal.
                let words = bytes.as_chunks::<4>().0.iter().zip(uuid_digits(id));
                has_hyphens(id) & words.fold(true, |is_equal, (bytes, digits)| is_equal & (unpack(*bytes) == digits))
            }
        }
    }

    /// The id as text.
    pub(crate) fn unpack(self) -> Id<'a> {
        let Some(bytes) = self.bytes else { return Id::Missing };
        match self.form {
            // Only texts are ever put in.
            Form::Text => Id::Text(schemas::text::from_utf8(bytes).unwrap_or_default()),
            Form::Hexadecimal => Id::Unpacked(unpack_hexadecimal(bytes), (2 * bytes.len()) as u8),
            Form::Uuid => Id::Unpacked(unpack_uuid(bytes), UUID_CHARACTERS as u8),
        }
    }
}

/// An id as text. Ordered as the text is; none comes first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Id<'a> {
    /// There is none.
    #[default]
    Missing,
    /// As it stands in the row, or in an event that says the same.
    Text(&'a str),
    /// Unpacked: so many of the bytes.
    Unpacked([u8; MOST_DIGITS], u8),
}

impl Id<'_> {
    /// The text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Id::Text(text) => Some(text),
            _ => schemas::text::from_utf8(self.as_bytes()?),
        }
    }

    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Id::Missing => None,
            Id::Text(text) => Some(text.as_bytes()),
            Id::Unpacked(bytes, length) => Some(&bytes[..usize::from(*length)]),
        }
    }

    /// This id, or where there is none the other.
    pub(crate) fn or(self, other: Self) -> Self {
        if matches!(self, Id::Missing) { other } else { self }
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Id<'_> {}

impl PartialOrd for Id<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(&other.as_bytes())
    }
}

fn pack_uuid(id: &[u8], packed: &mut [u8]) -> bool {
    let Ok(id) = <&[u8; UUID_CHARACTERS]>::try_from(id) else { return false };
    let mut all_digits = has_hyphens(id);
    for (place, digits) in packed.as_chunks_mut::<4>().0.iter_mut().zip(uuid_digits(id)) {
        *place = pack(digits);
        all_digits &= unpack(*place) == digits;
    }
    all_digits
}

fn pack_hexadecimal(id: &[u8], packed: &mut [u8]) -> bool {
    if id.is_empty() || !id.len().is_multiple_of(2) || id.len() > MOST_DIGITS {
        return false;
    }
    for (place, digits) in packed.as_chunks_mut::<4>().0.iter_mut().zip(id.chunks(8)) {
        *place = pack(u64::from_le_bytes(padded(digits, b'0')));
    }
    is_hexadecimal_of(&packed[..id.len() / 2], id)
}

/// Whether the bytes, unpacked, are these digits: twice as many.
#[inline]
fn is_hexadecimal_of(bytes: &[u8], digits: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<4>();
    let eights = digits.as_chunks::<8>().0;
    words.iter().zip(eights).all(|(word, digits)| unpack(*word) == u64::from_le_bytes(*digits))
        && (rest.is_empty() || last_eight(bytes) == digits.last_chunk().copied().unwrap_or_else(|| padded(digits, b'0')))
}

/// The last eight digits of packed ones; zeros behind where there are fewer.
#[inline]
fn last_eight(bytes: &[u8]) -> [u8; 8] {
    unpack(bytes.last_chunk().copied().unwrap_or_else(|| padded(bytes, 0))).to_le_bytes()
}

fn has_hyphens(id: &[u8; UUID_CHARACTERS]) -> bool {
    HYPHENS.iter().fold(true, |all, &at| all & (id[at] == b'-'))
}

/// The digits of a UUID, eight a word.
#[inline]
fn uuid_digits(id: &[u8; UUID_CHARACTERS]) -> [u64; 4] {
    let four = |at: usize| u64::from(u32::from_le_bytes([id[at], id[at + 1], id[at + 2], id[at + 3]]));
    [four(0) | four(4) << 32, four(9) | four(14) << 32, four(19) | four(24) << 32, four(28) | four(32) << 32]
}

fn unpack_hexadecimal(bytes: &[u8]) -> [u8; MOST_DIGITS] {
    let mut digits = [0; MOST_DIGITS];
    let (words, rest) = bytes.as_chunks::<4>();
    for (place, word) in digits.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *place = unpack(*word).to_le_bytes();
    }
    if !rest.is_empty() {
        let start = (2 * bytes.len()).saturating_sub(8);
        digits[start..start + 8].copy_from_slice(&last_eight(bytes));
    }
    digits
}

fn unpack_uuid(bytes: &[u8]) -> [u8; MOST_DIGITS] {
    let bytes: [u8; UUID_BYTES] = bytes.first_chunk().copied().unwrap_or_default();
    let word = |at: usize| unpack([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]).to_le_bytes();
    let (second, third) = (word(4), word(8));
    let mut id = [b'-'; MOST_DIGITS];
    id[..8].copy_from_slice(&word(0));
    id[9..13].copy_from_slice(&second[..4]);
    id[14..18].copy_from_slice(&second[4..]);
    id[19..23].copy_from_slice(&third[..4]);
    id[24..28].copy_from_slice(&third[4..]);
    id[28..36].copy_from_slice(&word(12));
    id
}

/// At most N bytes, and behind them as many of `filler` as are missing.
#[inline]
fn padded<const N: usize>(bytes: &[u8], filler: u8) -> [u8; N] {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(filler))
}

/// The same in each byte of a word.
const fn in_each_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Eight lower-case hexadecimal digits as four bytes. Of anything else it makes something that [`unpack`] does not turn back.
#[inline]
fn pack(digits: u64) -> [u8; 4] {
    let is_letter = (digits >> 6) & in_each_byte(1);
    let nibbles = ((digits & in_each_byte(0x0f)) + 9 * is_letter) & in_each_byte(0x0f);
    // Two nibbles lie in two bytes, the high one first: bring them together, then the bytes.
    let bytes = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    ((pairs | pairs >> 16) as u32).to_le_bytes()
}

/// Four bytes as eight lower-case hexadecimal digits.
#[inline]
fn unpack(bytes: [u8; 4]) -> u64 {
    let pairs = u64::from(u32::from_le_bytes(bytes));
    let bytes = (pairs | pairs << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (bytes | bytes << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = ((bytes >> 4) | (bytes << 8)) & in_each_byte(0x0f);
    let is_letter = ((nibbles + in_each_byte(6)) >> 4) & in_each_byte(1);
    nibbles + in_each_byte(b'0') + is_letter * u64::from(b'a' - b'0' - 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(id: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, Some(id.as_bytes()));
        out
    }

    #[test]
    fn uuids_and_digits_take_half_and_all_else_is_kept_as_it_is() {
        let cases = [
            ("0f8fad5b-d9cb-469f-a165-70867728950e", 17),
            ("0F8FAD5B-d9cb-469f-a165-70867728950e", 38),
            ("0f8fad5bd9cb469fa16570867728950e----", 38),
            ("0f8fad5bd9cb469fa16570867728950e", 17),
            ("0f8fad5bd9cb469fa1657", 22),
            ("g0", 3),
            ("", 1),
            ("s", 2),
        ];
        for (id, length) in cases {
            assert_eq!(packed(id).len(), length, "{id}");
        }
    }

    #[test]
    fn no_other_character_passes_for_a_digit() {
        for byte in 0..=u8::MAX {
            let digits = [b'0', byte, b'f', b'0', b'1', b'2', b'3', b'4'];
            let word = u64::from_le_bytes(digits);
            assert_eq!(unpack(pack(word)) == word, matches!(byte, b'0'..=b'9' | b'a'..=b'f'), "{byte}");
        }
    }

    #[test]
    fn none_is_told_from_an_empty_id() {
        let mut out = Vec::new();
        put(&mut out, None);
        let missing = PackedId::take(&mut Reader::new(&out, 0));
        let empty_bytes = packed("");
        let empty = PackedId::take(&mut Reader::new(&empty_bytes, 0));
        assert!(missing.is(None) && !missing.is(Some(b"")));
        assert!(empty.is(Some(b"")) && !empty.is(None));
        assert_eq!((missing.unpack().as_str(), empty.unpack().as_str()), (None, Some("")));
    }

    const IDS: &str = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{0,70}|[0-9a-fA-F-]{36}|[ -~]{1,300}";

    proptest! {
        #[test]
        fn comes_back_as_it_was(id in IDS, other in IDS, at in any::<prop::sample::Index>(), byte in b' '..=b'~') {
            let bytes = packed(&id);
            let mut reader = Reader::new(&bytes, 0);
            let read = PackedId::take(&mut reader);
            prop_assert_eq!(reader.at(), bytes.len());
            let unpacked = read.unpack();
            prop_assert_eq!(unpacked.as_str(), Some(&id[..]));
            prop_assert!(read.is(Some(id.as_bytes())));
            prop_assert_eq!(read.is(Some(other.as_bytes())), id == other);
            prop_assert_eq!(unpacked.cmp(&PackedId::take(&mut Reader::new(&packed(&other), 0)).unpack()), id.cmp(&other));
            if !id.is_empty() {
                let mut changed = id.clone().into_bytes();
                changed[at.index(id.len())] = byte;
                prop_assert_eq!(read.is(Some(&changed)), changed == id.as_bytes());
            }
        }
    }
}
