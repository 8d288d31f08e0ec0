//! Headers of a record in one flat run of bytes, so that a batch borrows them without a structure of its own.

/// The headers of one record: for each a name and a value, both preceded by their length (u32, little endian).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Headers<'a> {
    encoded: &'a [u8],
}

impl<'a> Headers<'a> {
    /// No headers.
    pub const NONE: Self = Self { encoded: &[] };

    /// Reads what [`Headers::append`] wrote. Bytes that are cut short end the list.
    #[must_use]
    pub fn from_encoded(encoded: &'a [u8]) -> Self {
        Self { encoded }
    }

    /// Appends one header to an encoded list.
    pub fn append(encoded: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        for part in [name, value] {
            let length = u32::try_from(part.len()).expect("a header is smaller than 4 GiB: records are at most megabytes");
            encoded.extend_from_slice(&length.to_le_bytes());
            encoded.extend_from_slice(part);
        }
    }

    /// The encoded list.
    #[must_use]
    pub fn as_encoded(&self) -> &'a [u8] {
        self.encoded
    }

    /// True without headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// The value of the first header of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        if self.is_empty() {
            return None;
        }
        self.iter().find(|(header, _)| *header == name.as_bytes()).map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.encoded;
        std::iter::from_fn(move || {
            let name = take_part(&mut rest)?;
            Some((name, take_part(&mut rest)?))
        })
    }
}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value)))).finish()
    }
}

fn take_part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (part, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = tail;
    Some(part)
}
