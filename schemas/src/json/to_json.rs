//! From Avro to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::time;
use crate::codec::{Blocks, Fault, Reader};
use crate::limits::DEPTH;
use crate::schema::{Kind, Meaning, NodeId, Schema};
use crate::{Reason, Rejection};

/// Items of arrays and maps that one record may have. Items of no bytes (an array of null) would else be as many as a hostile count says.
const ITEMS: usize = 1 << 20;

/// A body as JSON, its fields in the order of the writer's schema.
///
/// # Errors
/// [`Reason::Undecodable`], [`Reason::NotUtf8`], [`Reason::TrailingBytes`]; the detail names the field.
pub fn to_value(writer_schema: &Schema, body: &[u8]) -> Result<Value, Box<Rejection>> {
    match to_value_so_far(writer_schema, body) {
        (object, None) => Ok(Value::Object(object)),
        (_, Some(rejection)) => Err(rejection),
    }
}

/// As [`to_value`], of a body that may be no record: the fields before the first that can't be read, and what is wrong with that one, or with
/// what follows the last.
#[must_use]
pub fn to_value_so_far(writer_schema: &Schema, body: &[u8]) -> (Map<String, Value>, Option<Box<Rejection>>) {
    let mut show = Show { schema: writer_schema, reader: Reader::new(body), items_left: ITEMS };
    let mut object = Map::with_capacity(writer_schema.fields().len());
    for field in writer_schema.fields() {
        match show.value(field.node, DEPTH) {
            Ok(value) => _ = object.insert(field.name.clone(), value),
            Err(fault) => {
                let reason = if fault == Fault::NotUtf8 { Reason::NotUtf8 } else { Reason::Undecodable };
                return (object, Some(Rejection::of_record(reason, format!("field {:?}: {}", field.name, fault.as_str()))));
            }
        }
    }
    let end = show.reader.finish().err();
    (object, end)
}

struct Show<'a> {
    schema: &'a Schema,
    reader: Reader<'a>,
    items_left: usize,
}

impl Show<'_> {
    fn value(&mut self, node: NodeId, levels: usize) -> Result<Value, Fault> {
        let Some(levels) = levels.checked_sub(1) else { return Err(Fault::TooDeep) };
        let schema = self.schema;
        let node = schema.node(node);
        Ok(match &node.kind {
            Kind::Null => Value::Null,
            Kind::Boolean => self.reader.boolean()?.into(),
            Kind::Int => self.reader.int()?.into(),
            Kind::Long => long(self.reader.long()?, node.meaning)?,
            Kind::Float => float(f32::from_le_bytes(*self.reader.array()?)),
            Kind::Double => double(f64::from_le_bytes(*self.reader.array()?)),
            Kind::String => self.reader.string()?.into(),
            Kind::Bytes => binary(self.reader.bytes()?, node.meaning),
            Kind::Fixed(size) => binary(self.reader.take(*size)?, node.meaning),
            Kind::Enum { symbols, .. } => {
                let index = self.reader.index(Fault::BadSymbol)?;
                symbols.get(index).ok_or(Fault::BadSymbol)?.as_str().into()
            }
            Kind::Array(items) => {
                let mut blocks = Blocks::default();
                let mut values = Vec::new();
                while blocks.next(&mut self.reader)? {
                    self.count_item()?;
                    values.push(self.value(*items, levels)?);
                }
                Value::Array(values)
            }
            Kind::Map(of) => {
                let mut blocks = Blocks::default();
                let mut entries = Map::new();
                while blocks.next(&mut self.reader)? {
                    self.count_item()?;
                    let key = self.reader.string()?.to_owned();
                    entries.insert(key, self.value(*of, levels)?);
                }
                Value::Object(entries)
            }
            Kind::Union(branches) => {
                let branch = self.reader.index(Fault::BadBranch)?;
                self.value(*branches.get(branch).ok_or(Fault::BadBranch)?, levels)?
            }
            Kind::Record(fields) => {
                let mut object = Map::with_capacity(fields.len());
                for field in fields {
                    object.insert(field.name.clone(), self.value(field.node, levels)?);
                }
                Value::Object(object)
            }
        })
    }

    fn count_item(&mut self) -> Result<(), Fault> {
        self.items_left = self.items_left.checked_sub(1).ok_or(Fault::TooMany)?;
        Ok(())
    }
}

/// A number, or a time: as text where RFC 3339 can say it, else as microseconds.
fn long(stored: i64, meaning: Meaning) -> Result<Value, Fault> {
    if !meaning.is_time() {
        return Ok(stored.into());
    }
    let micros = time::stored_to_micros(stored, meaning).ok_or(Fault::LongTooWide)?;
    Ok(time::to_text(micros).map_or_else(|| micros.into(), Value::String))
}

/// By its shortest decimal: 1.1 and not 1.10000002384185791015625.
fn float(value: f32) -> Value {
    let shortest = value.to_string().parse::<f64>().ok().filter(|shortest| *shortest as f32 == value);
    double(shortest.unwrap_or(f64::from(value)))
}

/// JSON has no NaN and no infinity: they go as text.
fn double(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number)
}

fn binary(bytes: &[u8], meaning: Meaning) -> Value {
    match Uuid::from_slice(bytes) {
        Ok(uuid) if meaning == Meaning::Uuid => Value::String(uuid.to_string()),
        _ => Value::String(STANDARD.encode(bytes)),
    }
}
