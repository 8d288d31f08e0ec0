//! Avro's binary encoding (specification 1.12, "Binary Encoding"), read without copies and written without intermediate values.

mod blocks;
mod reader;
mod sequences;
mod skip;
mod value;
pub(crate) mod writer;

pub(crate) use blocks::Blocks;
pub(crate) use reader::{Fault, Reader};
pub use sequences::{Attributes, Headers, Strings};
pub(crate) use skip::skip;
pub(crate) use value::{Coding, Value};
