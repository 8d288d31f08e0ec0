//! Columns of values that stand by themselves.

use std::marker::PhantomData;

use schemas::{EndedBy, EventType, Outcome, ProfileKind, TitleKind};

use super::put_text;

/// A column under construction.
pub(crate) trait Column: Default {
    /// What is pushed.
    type Value<'a>;

    /// The type's name as ClickHouse writes it.
    fn type_name() -> String;

    /// Appends a value.
    fn push(&mut self, value: Self::Value<'_>);

    /// Appends the values of all rows as a block holds them.
    fn write(&self, out: &mut Vec<u8>);

    /// Bytes that [`Column::write`] appends, roughly.
    fn size_bytes(&self) -> usize;

    /// Forgets all values.
    fn clear(&mut self);
}

/// A value of a fixed number of bytes.
pub(crate) trait Scalar: Copy + Default {
    /// The type's name as ClickHouse writes it.
    fn type_name() -> String;

    /// Appends the value's bytes.
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! number {
    ($($number:ty => $name:literal),* $(,)?) => {
        $(impl Scalar for $number {
            fn type_name() -> String {
                $name.to_owned()
            }

            #[inline(always)]
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        })*
    };
}

number!(i64 => "Int64", u64 => "UInt64", u32 => "UInt32", f32 => "Float32", f64 => "Float64");

impl Scalar for bool {
    fn type_name() -> String {
        "Bool".to_owned()
    }

    #[inline(always)]
    fn put(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
}

/// Microseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Time(pub(crate) i64);

impl Scalar for Time {
    fn type_name() -> String {
        "DateTime64(6, 'UTC')".to_owned()
    }

    #[inline(always)]
    fn put(self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
}

/// Sixteen bytes in the order of their text. ClickHouse keeps both halves as little-endian numbers, the first one first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uuid(pub(crate) [u8; 16]);

impl Scalar for Uuid {
    fn type_name() -> String {
        "UUID".to_owned()
    }

    #[inline(always)]
    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&u128::from_be_bytes(self.0).rotate_left(64).to_le_bytes());
    }
}

macro_rules! symbols {
    ($($symbols:ty),* $(,)?) => {
        $(impl Scalar for $symbols {
            fn type_name() -> String {
                let symbols: Vec<String> =
                    <$symbols>::ALL.iter().map(|symbol| format!("'{}' = {}", symbol.as_str(), *symbol as u8)).collect();
                format!("Enum8({})", symbols.join(", "))
            }

            #[inline(always)]
            fn put(self, out: &mut Vec<u8>) {
                out.push(self as u8);
            }
        })*
    };
}

symbols!(EventType, EndedBy, Outcome, TitleKind, ProfileKind);

/// Values that are always there.
#[derive(Debug)]
pub(crate) struct Plain<T> {
    bytes: Vec<u8>,
    of: PhantomData<T>,
}

impl<T> Default for Plain<T> {
    fn default() -> Self {
        Self { bytes: Vec::new(), of: PhantomData }
    }
}

impl<T> Plain<T> {
    /// The values' bytes, one behind the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Scalar> Column for Plain<T> {
    type Value<'a> = T;

    fn type_name() -> String {
        T::type_name()
    }

    #[inline(always)]
    fn push(&mut self, value: T) {
        value.put(&mut self.bytes);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }

    fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Values that may be missing: first which are, then all of them.
#[derive(Debug, Default)]
pub(crate) struct Nullable<T> {
    is_null: Vec<u8>,
    bytes: Vec<u8>,
    of: PhantomData<T>,
}

impl<T: Scalar> Column for Nullable<T> {
    type Value<'a> = Option<T>;

    fn type_name() -> String {
        format!("Nullable({})", T::type_name())
    }

    #[inline(always)]
    fn push(&mut self, value: Option<T>) {
        self.is_null.push(u8::from(value.is_none()));
        value.unwrap_or_default().put(&mut self.bytes);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.is_null);
        out.extend_from_slice(&self.bytes);
    }

    fn size_bytes(&self) -> usize {
        self.is_null.len() + self.bytes.len()
    }

    fn clear(&mut self) {
        self.is_null.clear();
        self.bytes.clear();
    }
}

/// Texts, each with its length before it.
#[derive(Debug, Default)]
pub(crate) struct Text {
    bytes: Vec<u8>,
}

impl Column for Text {
    type Value<'a> = &'a str;

    fn type_name() -> String {
        "String".to_owned()
    }

    #[inline(always)]
    fn push(&mut self, value: &str) {
        put_text(value, &mut self.bytes);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }

    fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}
