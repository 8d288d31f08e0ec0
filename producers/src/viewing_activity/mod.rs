//! Viewing activity: one row a view, as streaming services hand it to their customers. Each row becomes a session of three events.

mod columns;
mod events;
mod fields;
mod fuzz;
mod import;
mod reader;
mod row;
mod row_error;

pub use columns::{Column, Columns, HeaderError};
pub use events::{IMPORT_HEADER, RowIds, SOURCE};
pub use fuzz::fuzz_csv;
pub use import::{ImportError, ImportOptions, ImportReport, MALFORMED_KEPT, import, outputs};
pub use reader::{ReadError, RowRead, Rows};
pub use row::ViewingRow;
pub use row_error::RowError;
