//! Names of headers as text, as dead letters have them. In the log a name is bytes; in a dead letter it is a string.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands before the bytes in hexadecimal, as PostgreSQL shows them (`bytea`).
const BYTES: &str = "\\x";

/// A name as text from which its bytes can be had again: itself where it is UTF-8, else `\x` and its bytes in hexadecimal, two digits each. A
/// name that begins with `\x` by itself is written so too; hence different names stay different. At most 2 bytes for a byte, and 2 more.
#[must_use]
pub fn as_text(name: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(name) {
        Ok(text) if !text.starts_with(BYTES) => Cow::Borrowed(text),
        _ => {
            let mut text = String::with_capacity(BYTES.len() + 2 * name.len());
            text.push_str(BYTES);
            for byte in name {
                write!(text, "{byte:02x}").expect("writing to a string");
            }
            Cow::Owned(text)
        }
    }
}

/// The bytes of a name that [`as_text`] wrote. What it cannot have written stands for itself.
#[must_use]
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    let of_digits = |digits: &str| {
        let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        pairs.collect::<Option<Vec<u8>>>().filter(|_| digits.len().is_multiple_of(2))
    };
    match text.strip_prefix(BYTES).and_then(of_digits) {
        Some(bytes) => Cow::Owned(bytes),
        None => Cow::Borrowed(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_are_no_text_are_written_in_hexadecimal() {
        let cases: [(&[u8], &str); 7] = [
            (b"", ""),
            (b"trace-id", "trace-id"),
            ("\u{e9}\0\\".as_bytes(), "\u{e9}\0\\"),
            (b"caf\xe9", "\\x636166e9"),
            (b"\xff\x00", "\\xff00"),
            (b"\\x", "\\x5c78"),
            (b"\\xff00", "\\x5c7866663030"),
        ];
        for (name, text) in cases {
            assert_eq!(as_text(name), text);
        }
    }

    #[test]
    fn what_is_no_such_name_stands_for_itself() {
        for text in ["\\x0", "\\xzz", "\\x\u{e9}\u{e9}", "plain"] {
            assert_eq!(&*to_bytes(text), text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn the_bytes_of_a_name_can_be_had_again(name in prop_oneof![any::<Vec<u8>>(), r"(\\x)?[0-9a-f]{0,4}".prop_map(String::into_bytes)]) {
            let text = as_text(&name);
            prop_assert_eq!(&*to_bytes(&text), name.as_slice());
            prop_assert!(text.len() <= 2 * name.len() + 2);
        }
    }
}
