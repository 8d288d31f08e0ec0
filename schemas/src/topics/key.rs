//! Keys of topics: which fields they are made of.

use crate::schema::{Kind, Meaning, NodeId, Schema};

/// Joins the parts of a composite key.
pub const KEY_SEPARATOR: u8 = 0x1F;

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// Where it comes from: of several, the first that the record has, or the writer's choice.
    pub sources: Vec<KeySource>,
    /// Keys without it exist as well.
    pub optional: bool,
}

/// Where a part of a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A field of the record.
    Field(String),
    /// A fixed text.
    Text(String),
}

impl KeyPart {
    /// Reads a part: `field`, `field or field`, `field or 'text'`, each with `optional` before it or not.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (optional, text) = text.strip_prefix("optional ").map_or((false, text), |rest| (true, rest));
        let sources = text.split(" or ").map(KeySource::parse).collect::<Result<_, _>>()?;
        Ok(Self { sources, optional })
    }

    /// What is wrong with the part in a key of records of `schema`; `first` chooses the partition.
    pub(super) fn problems(&self, first: bool, schema: &Schema) -> Vec<String> {
        let mut problems: Vec<_> = self.sources.iter().filter_map(|source| source.problem(first, schema)).collect();
        if first && self.optional {
            problems.push("the first part of a key chooses the partition, so it can't be optional".to_owned());
        }
        if problems.is_empty() && self.sources.iter().all(|source| source.may_be_missing(schema)) {
            problems.push(format!("{:?} may be null: give what stands in its place after \"or\"", self.name()));
        }
        problems
    }

    fn name(&self) -> &str {
        match self.sources.last() {
            Some(KeySource::Field(name) | KeySource::Text(name)) => name,
            None => "",
        }
    }
}

impl KeySource {
    fn parse(text: &str) -> Result<Self, String> {
        let is_name =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if let Some(literal) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Ok(Self::Text(literal.to_owned()));
        }
        if is_name(text) {
            Ok(Self::Field(text.to_owned()))
        } else {
            Err(format!("{text:?} is neither a field nor a text in single quotes"))
        }
    }

    fn problem(&self, first: bool, schema: &Schema) -> Option<String> {
        let Self::Field(name) = self else {
            return first.then(|| "the first part of a key chooses the partition, so it can't be a fixed text".to_owned());
        };
        let Some(node) = node_of(schema, name) else { return Some(format!("{} has no field {name:?}", schema.name())) };
        let (value, _) = value_of(schema, node);
        let node = schema.node(value);
        let fits = match node.kind {
            Kind::String => true,
            Kind::Fixed(16) => node.meaning == Meaning::Uuid,
            // Written as their symbol and in decimal; they say too little to choose a partition.
            Kind::Enum { .. } | Kind::Int => !first,
            _ => false,
        };
        let words = if first { "a string or a uuid" } else { "a string, a uuid, an enum or an int" };
        (!fits).then(|| format!("field {name:?} is {}, must be {words}", schema.describe(value)))
    }

    fn may_be_missing(&self, schema: &Schema) -> bool {
        match self {
            Self::Field(name) => node_of(schema, name).is_some_and(|node| value_of(schema, node).1),
            Self::Text(_) => false,
        }
    }
}

fn node_of(schema: &Schema, field: &str) -> Option<NodeId> {
    schema.fields().iter().find(|candidate| candidate.name == field).map(|field| field.node)
}

/// The type of a field's value, and whether it may be null.
fn value_of(schema: &Schema, node: NodeId) -> (NodeId, bool) {
    let Kind::Union(branches) = &schema.node(node).kind else { return (node, false) };
    let value = branches.iter().find(|branch| schema.node(**branch).kind != Kind::Null);
    (value.copied().unwrap_or(node), branches.iter().any(|branch| schema.node(*branch).kind == Kind::Null))
}
