//! What the client makes of what registries do.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use registry::{Address, ClientSettings, Credentials, RegistryClient, Secret};
use schemas::{PlaybackEvent, Record as _, SchemaSource, SourceError};

use crate::server::{Fault, Server, UNKNOWN};

/// Shorter than anybody's patience, and long enough for an answer from this machine.
const TIMEOUT: Duration = Duration::from_secs(1);

fn client(addresses: &[&Address], grace: Duration) -> RegistryClient {
    let addresses: Vec<Address> = addresses.iter().map(|address| (*address).clone()).collect();
    RegistryClient::new(&ClientSettings { timeout: TIMEOUT, grace, ..ClientSettings { addresses, ..ClientSettings::at(nobody()) } })
        .unwrap()
}

/// Where nobody listens.
fn nobody() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

fn unavailable<T: std::fmt::Debug>(result: Result<T, SourceError>) -> String {
    match result {
        Err(SourceError::Unavailable(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_answer_is_never_a_verdict() {
    let server = Server::start();
    let client = client(&[&server.address()], Duration::ZERO);
    let id = client.register("s", PlaybackEvent::SCHEMA).unwrap();
    let cases = [
        (Fault::HangUp, ""),
        (Fault::Silence, "no answer within 1000 ms"),
        (Fault::Half, "no answer within 1000 ms"),
        (Fault::Answer(500, r#"{"error_code":50001,"message":"the store is gone"}"#), "the store is gone"),
        (Fault::Answer(502, "<html>bad gateway</html>"), "bad gateway"),
        (Fault::Answer(503, ""), "503"),
        (Fault::Answer(429, r#"{"error_code":429,"message":"slow down"}"#), "slow down"),
        (Fault::Answer(408, ""), "408"),
        (Fault::Answer(401, r#"{"error_code":401,"message":"who?"}"#), "not accepted"),
        (Fault::Answer(403, ""), "not accepted"),
        (Fault::Answer(302, ""), "redirects are not followed"),
        (Fault::Answer(200, "<html>sign in</html>"), "not a schema registry's"),
        (Fault::Answer(200, "{}"), "missing field"),
        (Fault::Answer(404, "<html>not found</html>"), "base address"),
        (Fault::Answer(404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#), "base address"),
    ];
    for (fault, words) in cases {
        server.misbehave("/", [fault]);
        let asked = Instant::now();
        let said = unavailable(client.schema_by_id(id));
        assert!(said.contains(words), "{fault:?}: {said}");
        assert!(asked.elapsed() < 10 * TIMEOUT, "{fault:?}");
        server.misbehave("/", [fault]);
        let said = unavailable(client.register("t", PlaybackEvent::SCHEMA));
        assert!(said.contains(words), "{fault:?}: {said}");
    }
    // And then all is well, as if nothing had been.
    assert_eq!(client.register("t", PlaybackEvent::SCHEMA).unwrap(), id);
    assert!(client.schema_by_id(id).unwrap().is_some());
    assert!(unavailable(self::client(&[&nobody()], Duration::ZERO).schema_by_id(1)).contains("refused"));
}

#[test]
fn what_it_refuses_is_told_in_its_words() {
    let server = Server::start();
    let client = client(&[&server.address()], Duration::ZERO);
    for (status, body, words) in [
        (409, r#"{"error_code":409,"message":"field x was renamed"}"#, "field x was renamed"),
        (422, r#"{"error_code":42201,"message":"no schema"}"#, "no schema"),
        (413, "too large", "too large"),
    ] {
        server.misbehave("/subjects/s/versions", [Fault::Answer(status, body)]);
        let refused = client.register("s", PlaybackEvent::SCHEMA).unwrap_err();
        assert_eq!(refused, SourceError::Refused { subject: "s".into(), cause: words.into() });
    }
}

#[test]
fn what_was_found_is_not_asked_for_again_and_what_was_not_is() {
    let server = Server::start();
    let client = client(&[&server.address()], Duration::ZERO);
    assert_eq!(client.schema_by_id(1).unwrap(), None);
    let id = client.register("s", PlaybackEvent::SCHEMA).unwrap();
    assert_eq!(id, 1);
    for _ in 0..3 {
        assert!(client.schema_by_id(id).unwrap().is_some(), "it has been registered meanwhile");
        client.register("s", PlaybackEvent::SCHEMA).unwrap();
    }
    assert_eq!(server.heard("/schemas").len(), 2);
    assert_eq!(server.heard("/subjects").len(), 2, "looked up, and registered");
}

#[test]
fn who_may_only_read_can_use_what_is_there() {
    let server = Server::start();
    let id = client(&[&server.address()], Duration::ZERO).register("s", PlaybackEvent::SCHEMA).unwrap();
    server.misbehave("/subjects/s/versions", [Fault::Answer(403, "")]);
    assert_eq!(client(&[&server.address()], Duration::ZERO).register("s", PlaybackEvent::SCHEMA).unwrap(), id);
}

#[test]
fn one_address_stands_in_for_another() {
    let (first, second, dead) = (Server::start(), Server::start(), nobody());
    // The second one lags behind.
    let id = client(&[&first.address()], Duration::ZERO).register("s", PlaybackEvent::SCHEMA).unwrap();
    let orders = [[&dead, &second.address(), &first.address()], [&second.address(), &first.address(), &dead]];
    for addresses in orders {
        let client = client(&addresses, Duration::ZERO);
        assert!(client.schema_by_id(id).unwrap().is_some(), "the one that knows it is asked too");
        assert_eq!(client.schema_by_id(99).unwrap(), None, "those that answer do not know it");
    }
    first.misbehave("/", [Fault::Answer(500, "broken")]);
    let both = unavailable(client(&[&dead, &first.address()], Duration::ZERO).schema_by_id(id));
    assert!(both.contains("refused") && both.contains("broken"), "each is named: {both}");
}

#[test]
fn a_fresh_id_is_waited_for() {
    let server = Server::start();
    let patient = client(&[&server.address()], Duration::from_secs(3_600));
    let id = patient.register("s", PlaybackEvent::SCHEMA).unwrap();
    server.misbehave("/schemas", [UNKNOWN; 3]);
    for _ in 0..3 {
        assert!(unavailable(patient.schema_by_id(id)).contains("does not know id 1 yet"));
    }
    assert!(patient.schema_by_id(id).unwrap().is_some());
}

#[test]
fn whoever_asks_says_who_it_is() {
    let server = Server::start();
    let ask = |credentials| {
        let client = RegistryClient::new(&ClientSettings { credentials, ..ClientSettings::at(server.address()) }).unwrap();
        client.register("s", PlaybackEvent::SCHEMA).unwrap();
        let heard = server.heard("/subjects").last().unwrap().clone();
        heard.fields.into_iter().find(|field| field.starts_with("authorization:"))
    };
    assert_eq!(ask(Credentials::None), None);
    let basic = Credentials::Basic { user: "Aladdin".into(), password: Secret::new("open sesame") };
    assert_eq!(ask(basic).as_deref(), Some("authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "the example of RFC 7617");
    assert_eq!(ask(Credentials::Bearer(Secret::new("mF_9.B5f-4.1JqM"))).as_deref(), Some("authorization: Bearer mF_9.B5f-4.1JqM"));
    for bad in [Credentials::Bearer(Secret::new("a\nb")), Credentials::Basic { user: "a:b".into(), password: Secret::new("") }] {
        assert!(RegistryClient::new(&ClientSettings { credentials: bad, ..ClientSettings::at(server.address()) }).is_err());
    }
}

#[test]
fn many_threads_may_ask() {
    let server = Server::start();
    let client = Arc::new(client(&[&server.address()], Duration::ZERO));
    let ids: Vec<u32> = thread::scope(|threads| {
        let asking: Vec<_> = (0..8).map(|_| threads.spawn(|| client.register("s", PlaybackEvent::SCHEMA).unwrap())).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids, [1; 8]);
    assert!(server.heard("/subjects").iter().all(|heard| heard.method == "POST"));
}

/// Of two that register the same at the same moment, Apicurio refuses one: it is there, so all is well.
#[test]
fn a_schema_that_another_registers_meanwhile_is_registered() {
    let server = Server::start();
    let other = client(&[&server.address()], Duration::ZERO);
    let id = other.register("s", PlaybackEvent::SCHEMA).unwrap();
    let client = client(&[&server.address()], Duration::ZERO);
    // Not there when it is looked for first, and refused as there already.
    let absent = Fault::Answer(404, r#"{"error_code":40403,"message":"Schema not found"}"#);
    let taken = Fault::Answer(409, r#"{"error_code":409,"message":"already exists"}"#);
    server.misbehave("/", [absent, taken]);
    assert_eq!(client.register("s", PlaybackEvent::SCHEMA).unwrap(), id);
    // Refused for another reason it stays.
    server.misbehave("/", [absent, taken, absent]);
    let refused = client.register("s", "\"string\"");
    assert!(matches!(refused, Err(SourceError::Refused { .. })), "{refused:?}");
}
