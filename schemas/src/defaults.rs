//! A field's default, from the JSON in its schema to bytes (Avro specification 1.12, "Complex Types", table of field default values).

use serde_json::Value;

use crate::codec::writer;
use crate::limits::DEPTH;
use crate::schema::{Kind, Node, NodeId};

/// Encodes a default. The error says what is wrong with it.
pub(crate) fn default_body(nodes: &[Node], node: NodeId, default: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    encode(nodes, node, default, &mut out, DEPTH)?;
    Ok(out)
}

fn encode(nodes: &[Node], node: NodeId, default: &Value, out: &mut Vec<u8>, levels: usize) -> Result<(), String> {
    let levels = levels.checked_sub(1).ok_or("nested too deep")?;
    let wrong = || format!("{default}");
    match (&nodes[node as usize].kind, default) {
        (Kind::Null, Value::Null) => {}
        (Kind::Boolean, Value::Bool(value)) => out.push(u8::from(*value)),
        (Kind::Int, Value::Number(number)) => {
            let value = number.as_i64().and_then(|value| i32::try_from(value).ok()).ok_or_else(wrong)?;
            writer::long(i64::from(value), out);
        }
        (Kind::Long, Value::Number(number)) => writer::long(number.as_i64().ok_or_else(wrong)?, out),
        (Kind::Float, Value::Number(number)) => out.extend_from_slice(&(number.as_f64().ok_or_else(wrong)? as f32).to_le_bytes()),
        (Kind::Double, Value::Number(number)) => out.extend_from_slice(&number.as_f64().ok_or_else(wrong)?.to_le_bytes()),
        (Kind::String, Value::String(text)) => writer::bytes(text.as_bytes(), out),
        (Kind::Bytes, Value::String(text)) => writer::bytes(&latin1(text).ok_or_else(wrong)?, out),
        (Kind::Fixed(size), Value::String(text)) => {
            out.extend_from_slice(&latin1(text).filter(|bytes| bytes.len() == *size).ok_or_else(wrong)?);
        }
        (Kind::Enum { symbols, .. }, Value::String(text)) => {
            writer::length(symbols.iter().position(|symbol| symbol == text).ok_or_else(wrong)?, out);
        }
        (Kind::Array(items), Value::Array(values)) => {
            if !values.is_empty() {
                writer::length(values.len(), out);
            }
            values.iter().try_for_each(|value| encode(nodes, *items, value, out, levels))?;
            out.push(0);
        }
        (Kind::Map(of), Value::Object(entries)) => {
            if !entries.is_empty() {
                writer::length(entries.len(), out);
            }
            for (key, value) in entries {
                writer::bytes(key.as_bytes(), out);
                encode(nodes, *of, value, out, levels)?;
            }
            out.push(0);
        }
        // Up to 1.11 a union's default is of its first branch; 1.12 allows any.
        (Kind::Union(branches), _) => return encode_union(nodes, branches, default, out, levels),
        (Kind::Record(fields), Value::Object(values)) => {
            for field in fields {
                match (values.get(&field.name), &field.default) {
                    (Some(value), _) => encode(nodes, field.node, value, out, levels)?,
                    (None, Some(default)) => out.extend_from_slice(default),
                    (None, None) => return Err(format!("{default} lacks {:?}", field.name)),
                }
            }
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

fn encode_union(nodes: &[Node], branches: &[NodeId], default: &Value, out: &mut Vec<u8>, levels: usize) -> Result<(), String> {
    let start = out.len();
    for (index, branch) in branches.iter().enumerate() {
        writer::length(index, out);
        if encode(nodes, *branch, default, out, levels).is_ok() {
            return Ok(());
        }
        out.truncate(start);
    }
    Err(format!("{default} is of no branch"))
}

/// Bytes in a default are text whose characters U+0000 to U+00FF stand for the bytes.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}
