//! The local serving store: its file, its rules, its reads.

mod file;
mod reads;
mod rules;
mod support;
