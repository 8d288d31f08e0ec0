//! The serving store of one machine: a redb file, written as a sink and read as a serving store.
//!
//! Rows and the sink's positions are written in one transaction, so what is in the file is always exactly what the log says up to the
//! positions in it. The rules by which rows replace one another (see `rows`) do not depend on order, so a replay from any earlier position
//! ends in the same rows.

mod copy;
mod format;
mod read;
mod rows;
mod schemas_kept;
mod sink;
mod store;
mod stored;
mod tables;

pub use format::{FORMAT_VERSION, OpenError};
pub use sink::{INPUTS, LocalSink};
pub use store::LocalStore;
pub use stored::{Filed, SessionTable, StoredResume, StoredVersion};
