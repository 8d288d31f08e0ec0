//! From JSON to Avro.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::time;
use crate::codec::writer;
use crate::limits::DEPTH;
use crate::schema::{Field, Kind, Meaning, NodeId, Schema};

/// How much of a refused value is shown.
const SHOWN_BYTES: usize = 80;

/// What is wrong with a JSON document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {reason} (found {value})")]
pub struct FieldError {
    /// Where, as a JSON pointer (RFC 6901): `/attributes/key`. The document itself is the empty one.
    pub pointer: String,
    /// The field of the record that it is in; empty for the document itself.
    pub field: String,
    /// The value found, as JSON, shortened; `nothing` where a field is missing.
    pub value: String,
    /// What is wrong.
    pub reason: String,
}

/// A JSON object as an Avro body under a schema. Absent fields take their default, else null where they may be null.
///
/// # Errors
/// The first field that is unknown, missing or of the wrong type.
pub fn to_body(schema: &Schema, document: &Value) -> Result<Vec<u8>, FieldError> {
    let mut out = Vec::with_capacity(256);
    let mut encode = Encode { schema, out: &mut out };
    encode.value(schema.root(), document, &Path { parent: None, name: "" }, DEPTH)?;
    Ok(out)
}

/// Where a value stands in the document. Lives on the stack; made into text for an error only.
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'p str,
}

impl<'p> Path<'p> {
    fn child(&'p self, name: &'p str) -> Self {
        Path { parent: Some(self), name }
    }

    fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut path = self;
        while let Some(parent) = path.parent {
            names.push(path.name);
            path = parent;
        }
        names.reverse();
        names
    }

    #[cold]
    fn error(&self, value: Option<&Value>, reason: impl Into<String>) -> FieldError {
        let names = self.names();
        let mut shown = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
        if shown.len() > SHOWN_BYTES {
            shown.truncate(shown.floor_char_boundary(SHOWN_BYTES));
            shown.push_str("...");
        }
        FieldError {
            pointer: names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect(),
            field: names.first().map_or_else(String::new, |name| (*name).to_owned()),
            value: shown,
            reason: reason.into(),
        }
    }
}

struct Encode<'e> {
    schema: &'e Schema,
    out: &'e mut Vec<u8>,
}

impl Encode<'_> {
    fn value(&mut self, node: NodeId, value: &Value, path: &Path<'_>, levels: usize) -> Result<(), FieldError> {
        let Some(levels) = levels.checked_sub(1) else { return Err(path.error(None, "nested too deep")) };
        let schema = self.schema;
        let meaning = schema.node(node).meaning;
        let wrong = |must: &str| path.error(Some(value), format!("must be {must}"));
        match &schema.node(node).kind {
            Kind::Null => value.as_null().ok_or_else(|| wrong("null"))?,
            Kind::Boolean => self.out.push(u8::from(value.as_bool().ok_or_else(|| wrong("true or false"))?)),
            Kind::Int => {
                let int = value.as_i64().and_then(|long| i32::try_from(long).ok()).ok_or_else(|| wrong("an integer of 32 bits"))?;
                writer::long(i64::from(int), self.out);
            }
            Kind::Long if meaning.is_time() => {
                let stored = stored_time(value, meaning);
                writer::long(stored.ok_or_else(|| wrong("a time: RFC 3339, or integer microseconds since 1970"))?, self.out);
            }
            Kind::Long => writer::long(value.as_i64().ok_or_else(|| wrong("an integer of 64 bits"))?, self.out),
            Kind::Float => {
                let float = number(value).map(|double| double as f32);
                let float = float.filter(|float| float.is_finite() || value.is_string()).ok_or_else(|| wrong("a number of 32 bits"))?;
                self.out.extend_from_slice(&float.to_le_bytes());
            }
            Kind::Double => self.out.extend_from_slice(&number(value).ok_or_else(|| wrong("a number"))?.to_le_bytes()),
            Kind::String => {
                let text = value.as_str().ok_or_else(|| wrong("a string"))?;
                if meaning == Meaning::Uuid && Uuid::try_parse(text).is_err() {
                    return Err(wrong("a UUID"));
                }
                writer::bytes(text.as_bytes(), self.out);
            }
            Kind::Bytes => {
                let bytes = binary(value, meaning).ok_or_else(|| wrong(binary_words(meaning)))?;
                writer::bytes(&bytes, self.out);
            }
            Kind::Fixed(size) => {
                let bytes = binary(value, meaning).ok_or_else(|| wrong(binary_words(meaning)))?;
                if bytes.len() != *size {
                    return Err(wrong(&format!("{size} bytes")));
                }
                self.out.extend_from_slice(&bytes);
            }
            Kind::Enum { symbols, default } => {
                let text = value.as_str().ok_or_else(|| wrong("a string"))?;
                // A symbol of a newer client is taken for the default (UNKNOWN), never refused.
                let index = position(symbols, text).or_else(|| position(symbols, default.as_ref()?));
                writer::length(index.ok_or_else(|| wrong(&format!("one of {}", symbols.join(", "))))?, self.out);
            }
            Kind::Array(items) => self.array(*items, value.as_array().ok_or_else(|| wrong("an array"))?, path, levels)?,
            Kind::Map(of) => self.map(*of, value.as_object().ok_or_else(|| wrong("an object"))?, path, levels)?,
            Kind::Union(branches) => self.union(branches, value, path, levels)?,
            Kind::Record(fields) => self.record(fields, value.as_object().ok_or_else(|| wrong("an object"))?, path, levels)?,
        }
        Ok(())
    }

    fn array(&mut self, items: NodeId, values: &[Value], path: &Path<'_>, levels: usize) -> Result<(), FieldError> {
        if !values.is_empty() {
            writer::length(values.len(), self.out);
        }
        for (index, value) in values.iter().enumerate() {
            self.value(items, value, &path.child(&index.to_string()), levels)?;
        }
        self.out.push(0);
        Ok(())
    }

    fn map(&mut self, of: NodeId, entries: &Map<String, Value>, path: &Path<'_>, levels: usize) -> Result<(), FieldError> {
        if !entries.is_empty() {
            writer::length(entries.len(), self.out);
        }
        for (key, value) in entries {
            writer::bytes(key.as_bytes(), self.out);
            self.value(of, value, &path.child(key), levels)?;
        }
        self.out.push(0);
        Ok(())
    }

    /// The first branch that takes the value. Where there is one beside null, its error is the one that helps.
    fn union(&mut self, branches: &[NodeId], value: &Value, path: &Path<'_>, levels: usize) -> Result<(), FieldError> {
        let start = self.out.len();
        let mut errors = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            if self.schema.node(*branch).kind == Kind::Null && !value.is_null() {
                continue;
            }
            writer::length(index, self.out);
            match self.value(*branch, value, path, levels) {
                Ok(()) => return Ok(()),
                Err(error) => errors.push(error),
            }
            self.out.truncate(start);
        }
        match <[FieldError; 1]>::try_from(errors) {
            Ok([error]) => Err(error),
            Err(_) => Err(path.error(Some(value), "is of none of the types that the field can have")),
        }
    }

    fn record(&mut self, fields: &[Field], values: &Map<String, Value>, path: &Path<'_>, levels: usize) -> Result<(), FieldError> {
        if let Some((unknown, value)) = values.iter().find(|(key, _)| !fields.iter().any(|field| field.name == **key)) {
            return Err(path.child(unknown).error(Some(value), "no such field"));
        }
        for field in fields {
            match (values.get(&field.name), &field.default) {
                (Some(value), _) => self.value(field.node, value, &path.child(&field.name), levels)?,
                (None, Some(default)) => self.out.extend_from_slice(default),
                (None, None) => match self.null_branch(field.node) {
                    Some(null) => writer::length(null, self.out),
                    None => return Err(path.child(&field.name).error(None, "is missing")),
                },
            }
        }
        Ok(())
    }

    fn null_branch(&self, node: NodeId) -> Option<usize> {
        let Kind::Union(branches) = &self.schema.node(node).kind else { return None };
        branches.iter().position(|branch| self.schema.node(*branch).kind == Kind::Null)
    }
}

fn position(symbols: &[String], symbol: &str) -> Option<usize> {
    symbols.iter().position(|known| known == symbol)
}

fn stored_time(value: &Value, meaning: Meaning) -> Option<i64> {
    let micros = match value {
        Value::String(text) => time::from_text(text)?,
        other => other.as_i64()?,
    };
    time::micros_to_stored(micros, meaning)
}

/// A number, or the text by which JSON shows what is none: NaN, inf, -inf.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok().filter(|double: &f64| !double.is_finite()),
        other => other.as_f64(),
    }
}

fn binary(value: &Value, meaning: Meaning) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    if meaning == Meaning::Uuid { Uuid::try_parse(text).ok().map(|uuid| uuid.as_bytes().to_vec()) } else { STANDARD.decode(text).ok() }
}

const fn binary_words(meaning: Meaning) -> &'static str {
    if matches!(meaning, Meaning::Uuid) { "a UUID" } else { "base64" }
}
