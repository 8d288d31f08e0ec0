//! A session id as a row keeps it: most are UUIDs, and those take 16 bytes instead of 36.

use super::varint::Reader;

const UUID_TEXT_BYTES: usize = 36;
const UUID_BYTES: usize = 16;
/// Stands where a length would, for a UUID in its usual form: lower case, with hyphens.
const IS_UUID: u8 = u8::MAX;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const LONGEST: usize = schemas::limits::SESSION_ID_BYTES;

/// A session id, packed, outside of any row.
#[derive(Clone, Copy)]
pub(crate) struct PackedId {
    bytes: [u8; 1 + LONGEST],
    length: u8,
}

impl PackedId {
    /// Packs an id. An id that is too long to be valid is cut to its first bytes; such events are refused before they come here.
    pub(crate) fn of(session_id: &str) -> Self {
        let mut packed = Self { bytes: [0; 1 + LONGEST], length: 0 };
        if let Some(uuid) = parse_uuid(session_id.as_bytes()) {
            packed.bytes[0] = IS_UUID;
            packed.bytes[1..=UUID_BYTES].copy_from_slice(&uuid);
            packed.length = 1 + UUID_BYTES as u8;
        } else {
            let text = &session_id.as_bytes()[..session_id.len().min(LONGEST)];
            packed.bytes[0] = text.len() as u8;
            packed.bytes[1..=text.len()].copy_from_slice(text);
            packed.length = 1 + text.len() as u8;
        }
        packed
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A session id as text again. Ordered as the text is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionId {
    text: [u8; LONGEST],
    length: u8,
}

impl SessionId {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }

    /// Reads what [`PackedId`] holds.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let mut id = Self { text: [0; LONGEST], length: 0 };
        match reader.byte() {
            IS_UUID => {
                id.text[..UUID_TEXT_BYTES].copy_from_slice(&format_uuid(reader.take_bytes(UUID_BYTES)));
                id.length = UUID_TEXT_BYTES as u8;
            }
            length => {
                let text = reader.take_bytes(usize::from(length));
                id.text[..text.len()].copy_from_slice(text);
                id.length = length;
            }
        }
        id
    }

    /// Passes over it.
    pub(crate) fn skip(reader: &mut Reader<'_>) {
        let length = match reader.byte() {
            IS_UUID => UUID_BYTES,
            length => usize::from(length),
        };
        reader.take_bytes(length);
    }
}

fn parse_uuid(text: &[u8]) -> Option<[u8; UUID_BYTES]> {
    let text: &[u8; UUID_TEXT_BYTES] = text.try_into().ok()?;
    let digit = |at: usize| match text[at] {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if HYPHENS.iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut bytes = [0; UUID_BYTES];
    let mut at = 0;
    for byte in &mut bytes {
        if HYPHENS.contains(&at) {
            at += 1;
        }
        *byte = digit(at)? << 4 | digit(at + 1)?;
        at += 2;
    }
    Some(bytes)
}

fn format_uuid(bytes: &[u8]) -> [u8; UUID_TEXT_BYTES] {
    let mut text = [b'-'; UUID_TEXT_BYTES];
    let mut at = 0;
    for byte in bytes {
        if HYPHENS.contains(&at) {
            at += 1;
        }
        text[at] = b"0123456789abcdef"[usize::from(byte >> 4)];
        text[at + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        at += 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(id: &str) -> String {
        let packed = PackedId::of(id);
        let mut reader = Reader::new(packed.as_bytes(), 0);
        let text = SessionId::read(&mut reader).as_str().to_owned();
        let mut skipped = Reader::new(packed.as_bytes(), 0);
        SessionId::skip(&mut skipped);
        assert_eq!((reader.at(), skipped.at()), (packed.as_bytes().len(), packed.as_bytes().len()));
        text
    }

    #[test]
    fn a_uuid_in_its_usual_form_takes_17_bytes_and_any_other_is_kept_as_it_is() {
        let cases = [
            ("0f8fad5b-d9cb-469f-a165-70867728950e", 17),
            ("0F8FAD5B-d9cb-469f-a165-70867728950e", 37),
            ("0f8fad5bd9cb469fa16570867728950e----", 37),
            ("s", 2),
        ];
        for (id, length) in cases {
            assert_eq!(PackedId::of(id).as_bytes().len(), length, "{id}");
            assert_eq!(unpacked(id), id);
        }
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(id in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[ -~]{1,64}") {
            prop_assert_eq!(unpacked(&id), id);
        }
    }
}
