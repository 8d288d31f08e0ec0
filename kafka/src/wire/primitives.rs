//! The types that messages are made of. Lengths and counts are those of "flexible" versions: one more than they say, 0 for null.

/// Bytes from a broker that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer makes no sense: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

const CUT: Malformed = Malformed("it is cut short");

/// Appends values to a buffer.
pub(crate) struct Encoder<'b>(pub(crate) &'b mut Vec<u8>);

impl Encoder<'_> {
    pub(crate) fn i8(&mut self, value: i8) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    /// Seven bits a byte, the lowest first.
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A count of what follows.
    pub(crate) fn count(&mut self, count: usize) {
        self.varint(count as u64 + 1);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.0.extend_from_slice(value);
    }

    pub(crate) fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.varint(0),
        }
    }

    /// A string with a length of two bytes, as everywhere before there were flexible versions.
    pub(crate) fn long_string(&mut self, value: &str) {
        let length = i16::try_from(value.len()).unwrap_or(i16::MAX);
        self.i16(length);
        self.0.extend_from_slice(&value.as_bytes()[..usize::from(length.unsigned_abs())]);
    }

    pub(crate) fn array<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.count(items.len());
        items.iter().for_each(|item| each(self, item));
    }

    pub(crate) fn no_tags(&mut self) {
        self.0.push(0);
    }
}

/// Takes values off the front of bytes.
pub(crate) struct Decoder<'a>(pub(crate) &'a [u8]);

impl<'a> Decoder<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(CUT)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn run(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        self.take().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.take().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.take().map(i64::from_be_bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        self.take().map(|[byte]: [u8; 1]| byte != 0)
    }

    pub(crate) fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed("a number is too large"));
            }
        }
        Err(Malformed("a number does not end"))
    }

    /// None for null.
    fn length(&mut self) -> Result<Option<usize>, Malformed> {
        Ok(self.varint()?.checked_sub(1).map(|length| length as usize))
    }

    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        self.length()?.map(|length| self.run(length)).transpose()
    }

    /// Null is empty.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.nullable_bytes().map(Option::unwrap_or_default)
    }

    pub(crate) fn nullable_string(&mut self) -> Result<Option<String>, Malformed> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Malformed("a string is no UTF-8"));
        self.nullable_bytes()?.map(text).transpose()
    }

    /// Null is empty.
    pub(crate) fn string(&mut self) -> Result<String, Malformed> {
        self.nullable_string().map(Option::unwrap_or_default)
    }

    /// A string with a length of two bytes.
    pub(crate) fn long_string(&mut self) -> Result<String, Malformed> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        String::from_utf8(self.run(length)?.to_vec()).map_err(|_| Malformed("a string is no UTF-8"))
    }

    /// Null is empty. A count that the bytes can't hold ends with them, before there is memory for it.
    pub(crate) fn array<T>(&mut self, mut each: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let mut items = Vec::new();
        for _ in 0..self.length()?.unwrap_or(0) {
            if self.0.is_empty() {
                return Err(CUT);
            }
            items.push(each(self)?);
        }
        Ok(items)
    }

    /// Fields that newer brokers add: `each` is given the number of each and its bytes.
    pub(crate) fn tags(&mut self, mut each: impl FnMut(u32, Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let length = self.varint()? as usize;
            each(tag, Self(self.run(length)?))?;
        }
        Ok(())
    }

    pub(crate) fn skip_tags(&mut self) -> Result<(), Malformed> {
        self.tags(|_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_the_bytes_that_the_protocol_says() {
        // From the guide to Kafka's protocol, and of protocol buffers, whose varints they are.
        for (value, bytes) in
            [(0, vec![0]), (127, vec![0x7f]), (128, vec![0x80, 1]), (300, vec![0xac, 2]), (u32::MAX, vec![255, 255, 255, 255, 15])]
        {
            let mut out = Vec::new();
            Encoder(&mut out).varint(u64::from(value));
            assert_eq!(out, bytes, "{value}");
            assert_eq!(Decoder(&out).varint(), Ok(value));
        }
        let mut out = Vec::new();
        let mut encoder = Encoder(&mut out);
        encoder.i8(-2);
        encoder.i16(0x0102);
        encoder.i32(-1);
        encoder.bool(true);
        encoder.string("ab");
        encoder.nullable_string(None);
        encoder.long_string("c");
        encoder.array(&[7, 8], |encoder, &item| encoder.i16(item));
        encoder.no_tags();
        assert_eq!(out, b"\xfe\x01\x02\xff\xff\xff\xff\x01\x03ab\x00\x00\x01c\x03\x00\x07\x00\x08\x00");
    }

    #[test]
    fn what_is_cut_or_does_not_end_is_refused() {
        assert_eq!(Decoder(&[0x80]).varint(), Err(CUT));
        assert_eq!(Decoder(&[0xff; 9]).varint(), Err(Malformed("a number does not end")));
        assert_eq!(Decoder(&[0xff, 0xff, 0xff, 0xff, 0x7f]).varint(), Err(Malformed("a number is too large")));
        assert_eq!(Decoder(&[4, b'a']).string(), Err(CUT));
        assert_eq!(Decoder(&[2, 0xff]).string(), Err(Malformed("a string is no UTF-8")));
        // Four thousand million items of nothing.
        assert_eq!(Decoder(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]).array(|decoder| decoder.bool()), Err(CUT));
        let tags = [2, 0, 1, 9, 7, 2, 1, 1];
        let mut seen = Vec::new();
        let each = |tag, value: Decoder<'_>| {
            seen.push((tag, value.0.to_vec()));
            Ok(())
        };
        Decoder(&tags).tags(each).unwrap();
        assert_eq!(seen, [(0, vec![9]), (7, vec![1, 1])]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<u32>(), text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..300), long in any::<i64>()) {
            let mut out = Vec::new();
            let mut encoder = Encoder(&mut out);
            encoder.varint(u64::from(number));
            encoder.string(&text);
            encoder.bytes(&bytes);
            encoder.i64(long);
            let mut decoder = Decoder(&out);
            prop_assert_eq!(decoder.varint().unwrap(), number);
            prop_assert_eq!(decoder.string().unwrap(), text);
            prop_assert_eq!(decoder.bytes().unwrap(), &bytes[..]);
            prop_assert_eq!(decoder.i64().unwrap(), long);
            prop_assert!(decoder.0.is_empty());
        }
    }
}
