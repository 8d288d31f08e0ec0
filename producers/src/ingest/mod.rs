//! Ingest: lines of JSON (NDJSON) become events of a raw topic, each judged by itself.

mod fuzz;
mod identity;
mod judge;
mod raw_topic;
mod run;
mod verdict;

pub use fuzz::fuzz_ingest_line;
pub use judge::{Accepted, Judge};
pub use raw_topic::RawTopic;
pub use run::{IngestError, IngestOptions, IngestReport, ingest, outputs};
pub use verdict::{Status, Verdict};
