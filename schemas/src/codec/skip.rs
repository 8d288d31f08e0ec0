//! Passing over a value of any type: what newer writers have added.

use super::{Blocks, Fault, Reader};
use crate::limits::DEPTH;
use crate::schema::{Kind, NodeId, Schema};

/// Passes over one value of the type.
pub(crate) fn skip(schema: &Schema, node: NodeId, reader: &mut Reader<'_>) -> Result<(), Fault> {
    skip_nested(schema, node, reader, DEPTH)
}

fn skip_nested(schema: &Schema, node: NodeId, reader: &mut Reader<'_>, levels: usize) -> Result<(), Fault> {
    let Some(levels) = levels.checked_sub(1) else { return Err(Fault::TooDeep) };
    match &schema.node(node).kind {
        Kind::Null => {}
        Kind::Boolean => _ = reader.boolean()?,
        Kind::Int => _ = reader.int()?,
        Kind::Long => _ = reader.long()?,
        Kind::Float => _ = reader.take(4)?,
        Kind::Double => _ = reader.take(8)?,
        Kind::Bytes | Kind::String => _ = reader.bytes()?,
        Kind::Fixed(size) => _ = reader.take(*size)?,
        Kind::Enum { symbols, .. } => {
            if reader.index(Fault::BadSymbol)? >= symbols.len() {
                return Err(Fault::BadSymbol);
            }
        }
        Kind::Array(items) => skip_blocks(reader, |reader| skip_nested(schema, *items, reader, levels))?,
        Kind::Map(values) => skip_blocks(reader, |reader| {
            reader.bytes()?;
            skip_nested(schema, *values, reader, levels)
        })?,
        Kind::Union(branches) => {
            let branch = *branches.get(reader.index(Fault::BadBranch)?).ok_or(Fault::BadBranch)?;
            skip_nested(schema, branch, reader, levels)?;
        }
        Kind::Record(fields) => {
            for field in fields {
                skip_nested(schema, field.node, reader, levels)?;
            }
        }
    }
    Ok(())
}

fn skip_blocks<'a>(reader: &mut Reader<'a>, mut item: impl FnMut(&mut Reader<'a>) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut blocks = Blocks::default();
    while blocks.next(reader)? {
        let before = reader.rest().len();
        item(reader)?;
        if reader.rest().len() == before {
            // Items of no bytes (null, a record without fields): as many as the block says, in one step.
            blocks.drain();
        }
    }
    Ok(())
}
