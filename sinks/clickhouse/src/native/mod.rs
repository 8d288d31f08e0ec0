//! ClickHouse's Native format, revision 0, as HTTP takes it: a block is its number of columns and rows, then column after column its name, its
//! type and its values. Columns are filled value by value from borrowed records, so a row costs a few bytes pushed to each and nothing is
//! allocated for it.

mod block;
mod column;
mod dictionary;
mod lists;

pub(crate) use block::block;
pub(crate) use column::{Column, Nullable, Plain, Text, Time, Uuid};
pub(crate) use dictionary::Dictionary;
pub(crate) use lists::{Map, Texts};

/// Appends a number in seven bits a byte, the lowest first, as lengths are written (LEB128).
#[inline]
pub(crate) fn put_length(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends a text with its length before it.
#[inline]
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    put_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// A column's name as the table has it: Rust writes some with a mark before them.
pub(crate) fn column_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}
