//! The client against registries: ours, Apicurio, and ones that misbehave.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod api;
mod apicurio;
mod client;
mod conformance;
mod faults;
mod server;
mod tls;

#[test]
fn ours_conforms() {
    let server = server::Server::start();
    conformance::conforms(&server.address(), "");
}
