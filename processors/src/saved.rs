//! How states are saved: fields one behind the other, little-endian, texts and bytes behind their length.

use pipeline::NotAState;

/// Appends fields.
pub(crate) struct Writer<'o>(pub(crate) &'o mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn optional(&mut self, value: Option<i64>) {
        self.u8(u8::from(value.is_some()));
        self.i64(value.unwrap_or_default());
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) {
        self.u8(u8::from(text.is_some()));
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    /// At most 4 GiB.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).expect("a session's log and an id are far below 4 GiB"));
        self.0.extend_from_slice(bytes);
    }
}

/// Takes fields from the front of what was saved. Its hash was checked, so that what is amiss is a fault of the program, and no panic.
pub(crate) struct Reader<'s>(pub(crate) &'s [u8]);

fn cut_short() -> NotAState {
    NotAState("the state is cut short".to_owned())
}

impl<'s> Reader<'s> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NotAState> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, NotAState> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, NotAState> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, NotAState> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn optional(&mut self) -> Result<Option<i64>, NotAState> {
        let is_some = self.u8()? != 0;
        let value = self.i64()?;
        Ok(is_some.then_some(value))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'s [u8], NotAState> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'s [u8], NotAState> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<&'s str>, NotAState> {
        let is_some = self.u8()? != 0;
        let text = self.text()?;
        Ok(is_some.then_some(text))
    }

    pub(crate) fn text(&mut self) -> Result<&'s str, NotAState> {
        schemas::text::from_utf8(self.bytes()?).ok_or_else(|| NotAState("a text in the state is not UTF-8".to_owned()))
    }
}
