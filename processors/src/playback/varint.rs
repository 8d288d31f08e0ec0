//! Variable-length integers of the session log: seven bits a byte, the lowest first.

/// Appends `value`.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed value, small magnitudes in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a text that may be missing: its length + 1, or 0.
pub(crate) fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => {
            put(out, text.len() as u64 + 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Reads what was written above, from the front of `bytes`. The log is our own, so it is never cut short; if it were, zeros are read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn take_bytes(&mut self, length: usize) -> &'a [u8] {
        let bytes = self.bytes.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        bytes
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    #[inline]
    pub(crate) fn take(&mut self) -> u64 {
        let first = self.byte();
        if first < 0x80 {
            return u64::from(first);
        }
        let second = self.byte();
        let mut value = u64::from(first & 0x7f) | u64::from(second & 0x7f) << 7;
        if second < 0x80 {
            return value;
        }
        let mut shift = 14;
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 63 {
                return value;
            }
        }
    }

    #[inline]
    pub(crate) fn take_signed(&mut self) -> i64 {
        let value = self.take();
        (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
    }

    /// The bytes of a text.
    #[inline]
    pub(crate) fn take_text_bytes(&mut self) -> Option<&'a [u8]> {
        let length = (self.take() as usize).checked_sub(1)?;
        let bytes = self.bytes.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        Some(bytes)
    }

    pub(crate) fn take_text(&mut self) -> Option<&'a str> {
        schemas::text::from_utf8(self.take_text_bytes()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_was_written(signed: i64, unsigned: u64, text: Option<String>) {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, signed);
            put(&mut bytes, unsigned);
            put_text(&mut bytes, text.as_deref());
            let mut reader = Reader::new(&bytes, 0);
            prop_assert_eq!(reader.take_signed(), signed);
            prop_assert_eq!(reader.take(), unsigned);
            prop_assert_eq!(reader.take_text(), text.as_deref());
            prop_assert_eq!(reader.at(), bytes.len());
        }
    }
}
