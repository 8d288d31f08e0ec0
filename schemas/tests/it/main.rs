//! The crate against its design, against apache-avro, and against bytes made up.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod clean;
mod compatibility;
mod evolution;
mod fuzz;
mod golden;
mod json;
mod records;
mod registry;
mod rejections;
mod topics;
mod topics_plan;
mod viewing;
mod wire;
