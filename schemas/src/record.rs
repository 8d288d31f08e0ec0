//! What every record has in common, and the macro that makes a record from its list of fields.

use crate::codec::{Coding, Fault, Reader, skip};
use crate::plan::{Plan, Step};
use crate::{Reason, Rejection};

/// An event or a derived record: borrowed from the bytes of one Kafka value, encoded as its own Avro schema says.
pub trait Record<'a>: Sized + Default {
    /// Name in the Avro schema, without namespace.
    const NAME: &'static str;

    /// The current Avro schema, JSON.
    const SCHEMA: &'static str;

    /// Appends the Avro body (without framing) under the current schema.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads a body that was written under the schema for which `plan` was made.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the bytes. Raw events are also held to their limits.
    ///
    /// # Panics
    /// If `plan` was made for another record: a mistake of the program, not of the data.
    #[inline]
    fn decode(plan: &Plan, body: &'a [u8]) -> Result<Self, Box<Rejection>> {
        let mut record = Self::default();
        record.decode_into(plan, body)?;
        Ok(record)
    }

    /// [`Record::decode`] into a record that is there already: in a loop it saves making and moving some hundred bytes for each.
    /// Where it fails, the record holds anything.
    ///
    /// # Errors
    /// As [`Record::decode`].
    ///
    /// # Panics
    /// As [`Record::decode`].
    fn decode_into(&mut self, plan: &Plan, body: &'a [u8]) -> Result<(), Box<Rejection>>;
}

/// The fields of a record, one by one.
pub(crate) trait Fields<'a>: Default {
    /// Reads all fields in the order of our own schema. Values are held to their limits if `CHECKED`.
    fn read_all<const CHECKED: bool>(&mut self, reader: &mut Reader<'a>) -> Result<(), Box<Rejection>>;

    /// Reads the field with this index in our own schema.
    fn read_slot<const CHECKED: bool>(&mut self, slot: u16, coding: &Coding, reader: &mut Reader<'a>) -> Result<(), Box<Rejection>>;
}

/// Reads a whole body under a plan, every field of it.
#[inline(always)]
pub(crate) fn decode_into<'a, R: Fields<'a> + Record<'a>, const CHECKED: bool>(
    record: &mut R,
    plan: &Plan,
    body: &'a [u8],
) -> Result<(), Box<Rejection>> {
    plan.assert_for(R::NAME);
    let mut reader = Reader::new(body);
    if plan.begins_as_ours() {
        record.read_all::<CHECKED>(&mut reader)?;
        if plan.is_current() {
            return reader.finish();
        }
    } else {
        // What the writer does not have must read as its default, not as what was read before.
        *record = R::default();
    }
    read_steps::<R, CHECKED>(record, plan, reader.rest())
}

#[inline(never)]
fn read_steps<'a, R: Fields<'a>, const CHECKED: bool>(record: &mut R, plan: &Plan, body: &'a [u8]) -> Result<(), Box<Rejection>> {
    let mut reader = Reader::new(body);
    for step in plan.steps() {
        match step {
            Step::Read { slot, coding } => record.read_slot::<CHECKED>(*slot, coding, &mut reader)?,
            Step::Skip { field, node } => skip(plan.writer(), *node, &mut reader).map_err(|fault| unskippable(fault, field))?,
        }
    }
    reader.finish()
}

#[cold]
#[inline(never)]
fn unskippable(fault: Fault, field: &str) -> Box<Rejection> {
    Rejection::of_record(Reason::Undecodable, format!("field {field:?} of the writer's schema: {}", fault.as_str()))
}

/// The name of a field in the schema: its own, or the one in brackets where Rust has another use for the word.
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:literal) => {
        $wire
    };
}

/// Makes a record from its fields, in the order of its schema: the struct, the encoder, the straight-line decoder and the decoder by
/// slot. `field: Type => check` holds the value to a limit when raw input is read.
macro_rules! avro_record {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $field:ident $(($wire:literal))? : $type:ty $(=> $check:path)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name<'a> {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl<'a> $crate::record::Fields<'a> for $name<'a> {
            #[inline(always)]
            fn read_all<const CHECKED: bool>(
                &mut self,
                reader: &mut $crate::codec::Reader<'a>,
            ) -> Result<(), Box<$crate::Rejection>> {
                $({
                    let field = wire_name!($field $($wire)?);
                    self.$field = match <$type as $crate::codec::Value>::read(reader) {
                        Ok(value) => value,
                        Err(fault) => return Err(fault.in_field(field)),
                    };
                    $(if CHECKED {
                        $check(&mut self.$field, field)?;
                    })?
                })*
                Ok(())
            }

            fn read_slot<const CHECKED: bool>(
                &mut self,
                slot: u16,
                coding: &$crate::codec::Coding,
                reader: &mut $crate::codec::Reader<'a>,
            ) -> Result<(), Box<$crate::Rejection>> {
                #[expect(non_camel_case_types, reason = "numbers the fields by their own names")]
                enum Slot {
                    $($field,)*
                }
                $(if slot == Slot::$field as u16 {
                    let field = wire_name!($field $($wire)?);
                    let read = match coding {
                        $crate::codec::Coding::Same => <$type as $crate::codec::Value>::read(reader),
                        other => <$type as $crate::codec::Value>::read_coded(reader, other),
                    };
                    self.$field = match read {
                        Ok(value) => value,
                        Err(fault) => return Err(fault.in_field(field)),
                    };
                    $(if CHECKED {
                        $check(&mut self.$field, field)?;
                    })?
                    return Ok(());
                })*
                unreachable!("a plan names the slots of its record only, not {slot}")
            }
        }

        impl<'a> $crate::Record<'a> for $name<'a> {
            const NAME: &'static str = stringify!($name);
            const SCHEMA: &'static str = include_str!(concat!("../../avro/", stringify!($name), ".avsc"));

            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::codec::Value::write(&self.$field, out);)*
            }

            fn decode_into(&mut self, plan: &$crate::Plan, body: &'a [u8]) -> Result<(), Box<$crate::Rejection>> {
                $crate::record::decode_into::<Self, true>(self, plan, body)
            }
        }

        #[cfg(test)]
        impl $name<'_> {
            /// Names in the schema, in order.
            pub(crate) const FIELDS: &'static [&'static str] = &[$(wire_name!($field $($wire)?)),*];
        }
    };
}
