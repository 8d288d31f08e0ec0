//! Importers and ingest, over a local log in memory.

mod csv_rows;
mod fuzz;
mod import;
mod ingest;
mod lines;
mod support;
