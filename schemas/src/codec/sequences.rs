//! Maps and arrays of a record, kept as the bytes they are: reading one checks it and borrows it.

use std::fmt;

use super::{Blocks, Fault, Reader, writer};

/// Defines a borrowed map or array over its encoded region.
macro_rules! sequence {
    ($(#[$doc:meta])* $name:ident of $item:ty, read $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'a> {
            /// All blocks, the closing zero included.
            encoded: &'a [u8],
            count: u32,
        }

        impl<'a> $name<'a> {
            /// None.
            pub const EMPTY: Self = Self { encoded: &[0], count: 0 };

            /// How many there are.
            #[must_use]
            pub const fn len(&self) -> usize {
                self.count as usize
            }

            /// True without any.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.count == 0
            }

            /// All of them, in the order of the bytes.
            pub fn iter(&self) -> impl Iterator<Item = $item> + use<'a> {
                let mut reader = Reader::new(self.encoded);
                let mut blocks = Blocks::default();
                // The region was checked when it was read, so an error can't come up here.
                std::iter::from_fn(move || match blocks.next(&mut reader) {
                    Ok(true) => $read(&mut reader).ok(),
                    _ => None,
                })
            }

            /// Borrows an Avro encoding: blocks and the closing zero. None where the bytes are not one.
            #[must_use]
            pub fn from_encoded(encoded: &'a [u8]) -> Option<Self> {
                let (value, rest) = Self::take(encoded).ok()?;
                rest.is_empty().then_some(value)
            }

            /// Takes one from the front of a body; gives back the rest.
            #[inline(always)]
            pub(crate) fn take(start: &'a [u8]) -> Result<(Self, &'a [u8]), Fault> {
                match start {
                    [0, rest @ ..] => Ok((Self::EMPTY, rest)),
                    _ => Self::take_filled(start),
                }
            }

            #[inline(never)]
            fn take_filled(start: &'a [u8]) -> Result<(Self, &'a [u8]), Fault> {
                let mut reader = Reader::new(start);
                let mut blocks = Blocks::default();
                let mut count = 0_u32;
                while blocks.next(&mut reader)? {
                    $read(&mut reader)?;
                    count += 1;
                }
                let rest = reader.rest();
                Ok((Self { encoded: &start[..start.len() - rest.len()], count }, rest))
            }

            /// How many bytes the encoding has.
            #[must_use]
            pub const fn encoded_bytes(&self) -> usize {
                self.encoded.len()
            }

            pub(crate) fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.encoded);
            }
        }

        impl Default for $name<'_> {
            fn default() -> Self {
                Self::EMPTY
            }
        }

        /// Equal where the items are; how they are cut into blocks does not matter.
        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.count == other.count && self.iter().eq(other.iter())
            }
        }
    };
}

sequence! {
    /// A map of strings to strings.
    Attributes of (&'a str, &'a str), read |reader: &mut Reader<'a>| -> Result<(&'a str, &'a str), Fault> {
        Ok((reader.string()?, reader.string()?))
    }
}

sequence! {
    /// An array of strings.
    Strings of &'a str, read |reader: &mut Reader<'a>| reader.string()
}

sequence! {
    /// The headers of a record: names and values, in order.
    Headers of (&'a str, &'a [u8]), read |reader: &mut Reader<'a>| -> Result<(&'a str, &'a [u8]), Fault> {
        Ok((reader.string()?, reader.bytes()?))
    }
}

impl<'a> Attributes<'a> {
    /// Encodes a map into `buffer`, which it replaces, and borrows it from there.
    pub fn encode<'p>(entries: impl IntoIterator<Item = (&'p str, &'p str)>, buffer: &'a mut Vec<u8>) -> Self {
        let count = encode(entries, buffer, |(key, value), out| {
            writer::bytes(key.as_bytes(), out);
            writer::bytes(value.as_bytes(), out);
        });
        Self { encoded: buffer, count }
    }

    /// The value of a key; of a key that stands twice, the last.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.iter().filter(|(name, _)| *name == key).last().map(|(_, value)| value)
    }
}

impl<'a> Strings<'a> {
    /// Encodes a list into `buffer`, which it replaces, and borrows it from there.
    pub fn encode<'p>(items: impl IntoIterator<Item = &'p str>, buffer: &'a mut Vec<u8>) -> Self {
        let count = encode(items, buffer, |item, out| writer::bytes(item.as_bytes(), out));
        Self { encoded: buffer, count }
    }
}

impl<'a> Headers<'a> {
    /// Encodes headers into `buffer`, which they replace, and borrows them from there.
    pub fn encode<'p>(headers: impl IntoIterator<Item = (&'p str, &'p [u8])>, buffer: &'a mut Vec<u8>) -> Self {
        let count = encode(headers, buffer, |(name, value), out| {
            writer::bytes(name.as_bytes(), out);
            writer::bytes(value, out);
        });
        Self { encoded: buffer, count }
    }
}

/// One block of all items, then the closing zero; of no items, the zero alone.
fn encode<T>(items: impl IntoIterator<Item = T>, out: &mut Vec<u8>, write: impl Fn(T, &mut Vec<u8>)) -> u32 {
    let mut body = Vec::new();
    let mut count = 0_u32;
    for item in items {
        write(item, &mut body);
        count += 1;
    }
    out.clear();
    if count > 0 {
        writer::long(i64::from(count), out);
        out.extend_from_slice(&body);
    }
    out.push(0);
    count
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Strings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, value.escape_ascii().to_string()))).finish()
    }
}
