//! How bodies of one writer's schema are read into one of our records. Made once per schema id, used for every record.

use crate::Record;
use crate::codec::Coding;
use crate::schema::{Kind, Meaning, NodeId, Schema, SchemaError};

/// Our index for a symbol of the writer that we neither know nor have a default for.
const NO_SYMBOL: u8 = u8::MAX;

/// The way from a writer's schema to one of our records.
///
/// A schema that begins like our own is read field after field, and what it adds at its end is passed over. Any other one becomes a list
/// of steps in the writer's order: fields that we know are read into their place, others are passed over, missing ones keep their
/// defaults, enum symbols are taken by name.
#[derive(Clone, Debug)]
pub struct Plan {
    record: &'static str,
    writer: Schema,
    /// The writer's first fields are ours, all of them.
    begins_as_ours: bool,
    /// What is done with the writer's fields; with those after ours, where it begins with them.
    steps: Box<[Step]>,
}

/// What is done with one field of the writer.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Read it into the field with this index in our schema.
    Read { slot: u16, coding: Coding },
    /// Pass over it.
    Skip { field: Box<str>, node: NodeId },
}

/// Why a writer's schema can't be read into a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The schema itself is of no use.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The schema is that of another record: `wrong_schema_for_topic`.
    #[error("the schema is that of {found:?}, not of {expected:?}")]
    WrongRecord {
        /// Our record.
        expected: &'static str,
        /// The writer's.
        found: String,
    },
    /// The writer has no such field, and it has no default.
    #[error("{record}: the writer's schema lacks field {field:?}, which has no default")]
    MissingField {
        /// Our record.
        record: &'static str,
        /// The field.
        field: String,
    },
    /// The writer's field has another type.
    #[error("{record}: field {field:?} is {writer} in the writer's schema, {reader} in ours")]
    OtherType {
        /// Our record.
        record: &'static str,
        /// The field.
        field: String,
        /// The writer's type.
        writer: String,
        /// Our type.
        reader: String,
    },
}

impl Plan {
    /// Makes the plan for a writer's schema (JSON).
    ///
    /// # Errors
    /// Where the schema is not Avro, is another record's, or can't be resolved to ours by Avro's rules.
    pub fn compile<'a, R: Record<'a>>(writer_schema: &str) -> Result<Self, PlanError> {
        let writer = Schema::parse(writer_schema)?;
        if writer.name() != R::NAME {
            return Err(PlanError::WrongRecord { expected: R::NAME, found: writer.name().to_owned() });
        }
        let reader = Schema::parse(R::SCHEMA)?;
        let ours = reader.fields();
        let lacking = ours.iter().find(|field| field.default.is_none() && !writer.field_names().any(|name| name == field.name));
        if let Some(field) = lacking {
            return Err(PlanError::MissingField { record: R::NAME, field: field.name.clone() });
        }
        let mut steps = Vec::with_capacity(writer.fields().len());
        for field in writer.fields() {
            let Some(slot) = ours.iter().position(|our| our.name == field.name) else {
                steps.push(Step::Skip { field: field.name.as_str().into(), node: field.node });
                continue;
            };
            let coding = resolve(&writer, field.node, &reader, ours[slot].node).ok_or_else(|| PlanError::OtherType {
                record: R::NAME,
                field: field.name.clone(),
                writer: writer.describe(field.node),
                reader: reader.describe(ours[slot].node),
            })?;
            steps.push(Step::Read { slot: u16::try_from(slot).expect("a record has fewer than 65,536 fields"), coding });
        }
        let is_ours =
            |(index, step): (usize, &Step)| matches!(step, Step::Read { slot, coding: Coding::Same } if usize::from(*slot) == index);
        let begins_as_ours = steps.len() >= ours.len() && steps.iter().take(ours.len()).enumerate().all(is_ours);
        if begins_as_ours {
            steps.drain(..ours.len());
        }
        Ok(Self { record: R::NAME, writer, begins_as_ours, steps: steps.into() })
    }

    /// The plan for bodies that this version wrote.
    #[must_use]
    pub fn current<'a, R: Record<'a>>() -> Self {
        Self::compile::<R>(R::SCHEMA).expect("a schema reads what it wrote, and every schema that is compiled in is tested")
    }

    /// The writer's schema.
    #[must_use]
    pub const fn writer(&self) -> &Schema {
        &self.writer
    }

    /// The record that the plan reads.
    #[must_use]
    pub const fn record(&self) -> &'static str {
        self.record
    }

    /// Whether the writer's schema is ours.
    #[must_use]
    #[inline]
    pub const fn is_current(&self) -> bool {
        self.begins_as_ours && self.steps.is_empty()
    }

    /// Whether the writer's first fields are ours, all of them.
    #[inline(always)]
    pub(crate) const fn begins_as_ours(&self) -> bool {
        self.begins_as_ours
    }

    #[inline(always)]
    pub(crate) const fn steps(&self) -> &[Step] {
        &self.steps
    }

    #[inline(always)]
    pub(crate) fn assert_for(&self, record: &'static str) {
        // Mostly the same constant, which is told by its address; the compiler may have made two of it.
        if !std::ptr::eq(self.record, record) {
            assert_eq!(self.record, record, "a plan of another record");
        }
    }
}

/// How the writer's type is read as ours. None: not at all.
fn resolve(writer: &Schema, theirs: NodeId, reader: &Schema, ours: NodeId) -> Option<Coding> {
    let (their_node, our_node) = (writer.node(theirs), reader.node(ours));
    match (&their_node.kind, &our_node.kind) {
        (Kind::Union(their_branches), Kind::Union(our_branches)) => {
            let (their_value, null_first) = optional(writer, their_branches)?;
            let (our_value, _) = optional(reader, our_branches)?;
            let value = resolve(writer, their_value, reader, our_value)?;
            let same = null_first && value == Coding::Same;
            Some(if same { Coding::Same } else { Coding::Optional { null_first, value: Box::new(value) } })
        }
        (_, Kind::Union(our_branches)) => {
            let (our_value, _) = optional(reader, our_branches)?;
            Some(Coding::Present(Box::new(resolve(writer, theirs, reader, our_value)?)))
        }
        (Kind::Enum { symbols: theirs, .. }, Kind::Enum { symbols: ours, default }) => Some(symbols(theirs, ours, default.as_deref())),
        (Kind::Array(theirs), Kind::Array(ours)) | (Kind::Map(theirs), Kind::Map(ours)) => {
            resolve(writer, *theirs, reader, *ours).filter(|coding| *coding == Coding::Same)
        }
        (Kind::Record(theirs), Kind::Record(ours)) => {
            let same = theirs.len() == ours.len()
                && theirs.iter().zip(ours).all(|(theirs, ours)| {
                    theirs.name == ours.name && resolve(writer, theirs.node, reader, ours.node) == Some(Coding::Same)
                });
            same.then_some(Coding::Same)
        }
        (theirs, ours) => (same_bytes(theirs, ours) && same_time(their_node.meaning, our_node.meaning)).then_some(Coding::Same),
    }
}

/// Of a union of null and one other type: the other, and whether null comes first.
fn optional(schema: &Schema, branches: &[NodeId]) -> Option<(NodeId, bool)> {
    let &[first, second] = branches else { return None };
    match (&schema.node(first).kind, &schema.node(second).kind) {
        (Kind::Null, Kind::Null) => None,
        (Kind::Null, _) => Some((second, true)),
        (_, Kind::Null) => Some((first, false)),
        _ => None,
    }
}

/// Types whose values have the same bytes: an int is a long of fewer bits, a string is bytes.
fn same_bytes(theirs: &Kind, ours: &Kind) -> bool {
    theirs == ours || matches!((theirs, ours), (Kind::Int, Kind::Long) | (Kind::String, Kind::Bytes) | (Kind::Bytes, Kind::String))
}

/// A time of another unit, or a number of none, is not the time that we mean.
fn same_time(theirs: Meaning, ours: Meaning) -> bool {
    theirs == ours || !(theirs.is_time() || ours.is_time())
}

fn symbols(theirs: &[String], ours: &[String], default: Option<&str>) -> Coding {
    let index = |symbol: &str| ours.iter().position(|our| our == symbol).and_then(|index| u8::try_from(index).ok());
    let fallback = default.and_then(index).unwrap_or(NO_SYMBOL);
    let map: Box<[u8]> = theirs.iter().map(|symbol| index(symbol).unwrap_or(fallback)).collect();
    if theirs == ours { Coding::Same } else { Coding::Symbols(map) }
}
