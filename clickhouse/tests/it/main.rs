//! The parsers with made-up inputs, and the server with the real engine.

mod bad_requests;
mod clients;
mod fuzz;
mod inserts;
mod kills;
mod rust_client;
mod selects;
mod server;
mod settings;
mod support;
mod users;
