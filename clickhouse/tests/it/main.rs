//! The parsers with made-up inputs, and the server with the real engine.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod bad_requests;
mod fuzz;
mod inserts;
mod kills;
mod lexer;
mod rust_client;
mod selects;
mod server;
mod settings;
mod support;
mod users;
