//! The local serving store: its file, its rules, its reads.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod file;
mod reads;
mod rules;
mod support;
