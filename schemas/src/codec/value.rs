//! The Rust types that a field of a record can have.

use super::{Attributes, Fault, Headers, Reader, Strings, writer};

/// How a writer's field differs from ours where its type is the same but for the coding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Same,
    /// The writer's enum has other symbols: our index for each of its own.
    Symbols(Box<[u8]>),
    /// We have `["null", T]`, the writer a union of null and T in one of the two orders.
    Optional {
        /// Whether null is the first branch.
        null_first: bool,
        /// How T differs.
        value: Box<Coding>,
    },
    /// We have `["null", T]`, the writer T alone.
    Present(Box<Coding>),
}

/// A type with an Avro encoding of its own.
pub(crate) trait Value<'a>: Sized {
    /// Reads a value that our own schema wrote.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault>;

    /// Reads a value under another coding. Only enums and optional values have any.
    fn read_coded(reader: &mut Reader<'a>, _coding: &Coding) -> Result<Self, Fault> {
        Self::read(reader)
    }

    /// Appends the value as our own schema says.
    fn write(&self, out: &mut Vec<u8>);
}

macro_rules! value {
    ($type:ty, $reader:ident => $read:expr, $self:ident, $out:ident => $write:expr) => {
        impl<'a> Value<'a> for $type {
            #[inline(always)]
            fn read($reader: &mut Reader<'a>) -> Result<Self, Fault> {
                $read
            }

            #[inline]
            fn write(&$self, $out: &mut Vec<u8>) {
                $write;
            }
        }
    };
}

value!(bool, reader => reader.boolean(), self, out => out.push(u8::from(*self)));
value!(i32, reader => reader.int(), self, out => writer::long(i64::from(*self), out));
value!(i64, reader => reader.long(), self, out => writer::long(*self, out));
// Avro has no unsigned 64 bits: hashes are stored as the long of the same bits.
value!(u64, reader => reader.long().map(i64::cast_unsigned), self, out => writer::long(self.cast_signed(), out));
value!(f32, reader => reader.array().map(|bytes| Self::from_le_bytes(*bytes)), self, out => out.extend_from_slice(&self.to_le_bytes()));
value!(f64, reader => reader.array().map(|bytes| Self::from_le_bytes(*bytes)), self, out => out.extend_from_slice(&self.to_le_bytes()));
value!([u8; 16], reader => reader.array().copied(), self, out => out.extend_from_slice(self));
value!([u8; 32], reader => reader.array().copied(), self, out => out.extend_from_slice(self));
value!(&'a str, reader => reader.string(), self, out => writer::bytes(self.as_bytes(), out));
value!(&'a [u8], reader => reader.bytes(), self, out => writer::bytes(self, out));
value!(Attributes<'a>, reader => reader.with(Attributes::take), self, out => self.put(out));
value!(Strings<'a>, reader => reader.with(Strings::take), self, out => self.put(out));
value!(Headers<'a>, reader => reader.with(Headers::take), self, out => self.put(out));

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    #[inline(always)]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        if reader.is_second_branch()? { T::read(reader).map(Some) } else { Ok(None) }
    }

    fn read_coded(reader: &mut Reader<'a>, coding: &Coding) -> Result<Self, Fault> {
        match coding {
            Coding::Optional { null_first, value } => {
                if reader.is_second_branch()? == *null_first {
                    T::read_coded(reader, value).map(Some)
                } else {
                    Ok(None)
                }
            }
            Coding::Present(value) => T::read_coded(reader, value).map(Some),
            Coding::Same | Coding::Symbols(_) => Self::read(reader),
        }
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(2);
                value.write(out);
            }
        }
    }
}
