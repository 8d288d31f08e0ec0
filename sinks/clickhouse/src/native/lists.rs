//! Columns of which a row holds several values: where each row's end, then all values one behind the other.

use schemas::{Attributes, Strings};

use super::{Column, Plain, Text};

/// `Array(String)`.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    ends: Plain<u64>,
    count: u64,
    values: Text,
}

impl Column for Texts {
    type Value<'a> = Strings<'a>;

    fn type_name() -> String {
        "Array(String)".to_owned()
    }

    #[inline]
    fn push(&mut self, value: Strings<'_>) {
        value.iter().for_each(|text| self.values.push(text));
        self.count += value.len() as u64;
        self.ends.push(self.count);
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.ends.write(out);
        self.values.write(out);
    }

    fn size_bytes(&self) -> usize {
        self.ends.size_bytes() + self.values.size_bytes()
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.count = 0;
        self.values.clear();
    }
}

/// `Map(String, String)`. Of a key that stands twice both are kept, as in the record.
#[derive(Debug, Default)]
pub(crate) struct Map {
    ends: Plain<u64>,
    count: u64,
    keys: Text,
    values: Text,
}

impl Column for Map {
    type Value<'a> = Attributes<'a>;

    fn type_name() -> String {
        "Map(String, String)".to_owned()
    }

    #[inline]
    fn push(&mut self, value: Attributes<'_>) {
        if !value.is_empty() {
            for (key, value) in value.iter() {
                self.keys.push(key);
                self.values.push(value);
            }
            self.count += value.len() as u64;
        }
        self.ends.push(self.count);
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.ends.write(out);
        self.keys.write(out);
        self.values.write(out);
    }

    fn size_bytes(&self) -> usize {
        self.ends.size_bytes() + self.keys.size_bytes() + self.values.size_bytes()
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.count = 0;
        self.keys.clear();
        self.values.clear();
    }
}
