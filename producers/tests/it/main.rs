//! Importers, ingest and the simulator, over a local log in memory.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod csv_rows;
mod fuzz;
mod gateway;
mod import;
mod ingest;
mod lines;
mod redrive;
mod simulate;
mod simulate_run;
mod support;
