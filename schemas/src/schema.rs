//! A parsed Avro schema: the writer's, whatever its version, as an arena of types.

use std::collections::HashMap;
use std::sync::Arc;

use apache_avro::Schema as Parsed;
use apache_avro::schema::{Name, UuidSchema};

use crate::defaults::default_body;

/// Index of a type in its schema.
pub(crate) type NodeId = u32;

/// An Avro schema of a record, parsed and with every reference resolved.
#[derive(Clone, Debug)]
pub struct Schema {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    nodes: Vec<Node>,
    root: NodeId,
    name: String,
}

/// A type: its encoding and what its values mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) meaning: Meaning,
}

/// How a value is encoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum { symbols: Vec<String>, default: Option<String> },
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record(Vec<Field>),
}

/// The logical types that change how a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Plain,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    Uuid,
}

impl Meaning {
    /// Whether it is a point in time.
    pub(crate) const fn is_time(self) -> bool {
        matches!(self, Self::TimestampMillis | Self::TimestampMicros | Self::TimestampNanos)
    }
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    /// The encoded default, where there is one.
    pub(crate) default: Option<Vec<u8>>,
}

/// Why a schema can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not an Avro schema.
    #[error("not an Avro schema: {0}")]
    Invalid(String),
    /// Its top is not a record.
    #[error("the schema is not that of a record")]
    NotARecord,
    /// A field's default is not a value of its type.
    #[error("field {field:?}: the default is not a value of its type: {problem}")]
    BadDefault {
        /// The field.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

impl Schema {
    /// Parses a record's schema.
    ///
    /// # Errors
    /// Where it is no Avro schema, or not a record's.
    pub fn parse(json: &str) -> Result<Self, SchemaError> {
        let parsed = Parsed::parse_str(json).map_err(|error| SchemaError::Invalid(error.to_string()))?;
        let Parsed::Record(record) = &parsed else { return Err(SchemaError::NotARecord) };
        let name = record.name.name().to_owned();
        let mut build = Build::default();
        let root = build.node(&parsed)?;
        let mut nodes = build.nodes;
        for (record, field, default) in build.defaults {
            let Kind::Record(fields) = &nodes[record as usize].kind else { unreachable!("defaults are noted for records only") };
            let bytes = default_body(&nodes, fields[field].node, &default)
                .map_err(|problem| SchemaError::BadDefault { field: fields[field].name.clone(), problem })?;
            let Kind::Record(fields) = &mut nodes[record as usize].kind else { unreachable!("defaults are noted for records only") };
            fields[field].default = Some(bytes);
        }
        Ok(Self { inner: Arc::new(Inner { nodes, root, name }) })
    }

    /// The record's name, without namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The names of the record's fields, in order.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields().iter().map(|field| field.name.as_str())
    }

    pub(crate) fn root(&self) -> NodeId {
        self.inner.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.inner.nodes[id as usize]
    }

    /// A type in words, for messages.
    pub(crate) fn describe(&self, id: NodeId) -> String {
        let node = self.node(id);
        let words = match &node.kind {
            Kind::Null => "null".to_owned(),
            Kind::Boolean => "boolean".to_owned(),
            Kind::Int => "int".to_owned(),
            Kind::Long => "long".to_owned(),
            Kind::Float => "float".to_owned(),
            Kind::Double => "double".to_owned(),
            Kind::Bytes => "bytes".to_owned(),
            Kind::String => "string".to_owned(),
            Kind::Fixed(size) => format!("fixed({size})"),
            Kind::Enum { .. } => "enum".to_owned(),
            Kind::Array(_) => "array".to_owned(),
            Kind::Map(_) => "map".to_owned(),
            Kind::Record(_) => "record".to_owned(),
            Kind::Union(branches) => format!("[{}]", branches.iter().map(|branch| self.describe(*branch)).collect::<Vec<_>>().join(", ")),
        };
        match node.meaning {
            Meaning::Plain => words,
            Meaning::TimestampMillis => format!("{words} (timestamp-millis)"),
            Meaning::TimestampMicros => format!("{words} (timestamp-micros)"),
            Meaning::TimestampNanos => format!("{words} (timestamp-nanos)"),
            Meaning::Uuid => format!("{words} (uuid)"),
        }
    }

    pub(crate) fn fields(&self) -> &[Field] {
        match &self.node(self.inner.root).kind {
            Kind::Record(fields) => fields,
            _ => unreachable!("only a record's schema is parsed"),
        }
    }
}

#[derive(Default)]
struct Build {
    nodes: Vec<Node>,
    named: HashMap<Name, NodeId>,
    /// Record, index of the field, default: encoded once all types are known.
    defaults: Vec<(NodeId, usize, serde_json::Value)>,
}

impl Build {
    fn push(&mut self, kind: Kind, meaning: Meaning) -> NodeId {
        self.nodes.push(Node { kind, meaning });
        NodeId::try_from(self.nodes.len() - 1).expect("a schema has fewer than 2^32 types")
    }

    fn node(&mut self, parsed: &Parsed) -> Result<NodeId, SchemaError> {
        let plain = |kind| (kind, Meaning::Plain);
        let (kind, meaning) = match parsed {
            Parsed::Null => plain(Kind::Null),
            Parsed::Boolean => plain(Kind::Boolean),
            Parsed::Int | Parsed::Date | Parsed::TimeMillis => plain(Kind::Int),
            Parsed::Long | Parsed::TimeMicros => plain(Kind::Long),
            Parsed::LocalTimestampMillis | Parsed::LocalTimestampMicros | Parsed::LocalTimestampNanos => plain(Kind::Long),
            Parsed::TimestampMillis => (Kind::Long, Meaning::TimestampMillis),
            Parsed::TimestampMicros => (Kind::Long, Meaning::TimestampMicros),
            Parsed::TimestampNanos => (Kind::Long, Meaning::TimestampNanos),
            Parsed::Float => plain(Kind::Float),
            Parsed::Double => plain(Kind::Double),
            Parsed::Bytes | Parsed::BigDecimal => plain(Kind::Bytes),
            Parsed::String => plain(Kind::String),
            Parsed::Uuid(UuidSchema::String) => (Kind::String, Meaning::Uuid),
            Parsed::Uuid(UuidSchema::Bytes) => (Kind::Bytes, Meaning::Uuid),
            Parsed::Uuid(UuidSchema::Fixed(fixed)) => return self.fixed(fixed, Meaning::Uuid),
            Parsed::Fixed(fixed) | Parsed::Duration(fixed) => return self.fixed(fixed, Meaning::Plain),
            Parsed::Decimal(decimal) => match &decimal.inner {
                apache_avro::schema::InnerDecimalSchema::Bytes => plain(Kind::Bytes),
                apache_avro::schema::InnerDecimalSchema::Fixed(fixed) => return self.fixed(fixed, Meaning::Plain),
            },
            Parsed::Array(array) => plain(Kind::Array(self.node(&array.items)?)),
            Parsed::Map(map) => plain(Kind::Map(self.node(&map.types)?)),
            Parsed::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.node(branch)).collect::<Result<_, _>>()?;
                plain(Kind::Union(branches))
            }
            Parsed::Enum(parsed) => {
                let id = self.push(Kind::Enum { symbols: parsed.symbols.clone(), default: parsed.default.clone() }, Meaning::Plain);
                self.name(&parsed.name, id)?;
                return Ok(id);
            }
            Parsed::Record(record) => return self.record(record),
            Parsed::Ref { name } => {
                return self.named.get(name).copied().ok_or_else(|| SchemaError::Invalid(format!("unknown type {name:?}")));
            }
        };
        Ok(self.push(kind, meaning))
    }

    fn fixed(&mut self, fixed: &apache_avro::schema::FixedSchema, meaning: Meaning) -> Result<NodeId, SchemaError> {
        let id = self.push(Kind::Fixed(fixed.size), meaning);
        self.name(&fixed.name, id)?;
        Ok(id)
    }

    /// Takes down a named type. A second one of that name is an error that apache-avro lets pass, and other readers do not.
    fn name(&mut self, name: &Name, id: NodeId) -> Result<(), SchemaError> {
        match self.named.insert(name.clone(), id) {
            None => Ok(()),
            Some(_) => Err(SchemaError::Invalid(format!("type {} is defined twice", name.fullname(None)))),
        }
    }

    fn record(&mut self, record: &apache_avro::schema::RecordSchema) -> Result<NodeId, SchemaError> {
        // Known before its fields are read, so that a type may hold itself.
        let id = self.push(Kind::Record(Vec::new()), Meaning::Plain);
        self.name(&record.name, id)?;
        let mut fields = Vec::with_capacity(record.fields.len());
        for (index, field) in record.fields.iter().enumerate() {
            let node = self.node(&field.schema)?;
            if let Some(default) = &field.default {
                self.defaults.push((id, index, default.clone()));
            }
            fields.push(Field { name: field.name.clone(), node, default: None });
        }
        self.nodes[id as usize].kind = Kind::Record(fields);
        Ok(id)
    }
}
