//! libchdb behind safe types: connections, results and streams that free themselves. The only unsafe code of the crate, and the only code of the
//! workspace that loads the library.
//!
//! The library has no header of its own in its package; the signatures in `symbols` are those of `chdb.h` of its version.
#![expect(unsafe_code, reason = "libchdb is a C library, opened at run time; each block says why it is sound")]

mod connection;
mod insert;
mod result;
mod stream;
mod symbols;

pub(crate) use connection::{Connection, Parameter};
pub(crate) use result::{Counts, EngineError};
pub(crate) use symbols::Library;
