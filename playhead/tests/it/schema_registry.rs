//! The registry that `playhead dev` serves, and the commands that speak to registries.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use registry::Address;
use schemas::{Record as _, Title};
use serde_json::{Value, json};

use crate::conformance;
use crate::dev_server::{Dev, session};
use crate::support::{Folder, said};

fn url(dev: &Dev) -> String {
    format!("http://{}/apis/registry", dev.address)
}

fn send(dev: &Dev, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let response = dev.raw(
        format!(
            "{method} /apis/registry{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .as_bytes(),
    );
    assert!(response.head.contains("content-type: application/vnd.schemaregistry.v1+json"), "{response:?}");
    (response.status, response.json())
}

const TYPE: &str = "application/vnd.schemaregistry.v1+json";

#[test]
fn dev_conforms() {
    let folder = Folder::new();
    // The stages register the current schemas of their topics when they start.
    conformance::conforms(&Address::parse(&url(&Dev::start(&folder))).unwrap(), "conformance.");
}

#[test]
fn schemas_are_registered_once_and_kept() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    dev.accepted(&session("s1"));
    dev.until("/resume/p1", |resume| resume != &json!([]));
    let register = ["schemas", "register", "--registry"];
    let run = |dev: &Dev, more: &[&str]| folder.json(&[&register, [url(dev).as_str()].as_slice(), more].concat());
    let states =
        |rows: &Value| -> Vec<String> { rows.as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect() };
    let before = run(&dev, &["--dry-run"]);
    assert_eq!(before, run(&dev, &["--dry-run"]), "that was only asked");
    assert_eq!(before[0]["subject"], "playback_events-value");
    assert_eq!((&before[0]["state"], &before[0]["id"]), (&json!("there"), &json!(1)), "what the log's records are written in");
    assert!(states(&before).contains(&"missing".to_owned()));

    let new = run(&dev, &[]);
    for (before, now) in states(&before).iter().zip(states(&new)) {
        assert_eq!(now, if before == "missing" { "new" } else { "there" });
    }
    let again = run(&dev, &[]);
    assert!(states(&again).iter().all(|state| state == "there"), "{again}");
    let ids = |rows: &Value| -> Vec<Value> { rows.as_array().unwrap().iter().map(|row| json!([row["id"], row["version"]])).collect() };
    assert_eq!(ids(&again), ids(&new));

    let text = folder.well(&["schemas", "check", "--registry", &url(&dev)]);
    assert!(text.contains("titles-value") && !text.contains("not registered") && !text.contains("REFUSED"), "{text}");
    // Kept by the folder, and the records can still be read.
    assert_eq!(dev.end_by("-TERM").0, Some(0));
    let dev = Dev::start(&folder);
    assert_eq!(run(&dev, &["--dry-run"]), again);
    assert_eq!(folder.json_lines(&["read", "playback_events"]).len(), 4);
    let text = folder.well(&["schemas", "register", "--registry", &url(&dev)]);
    assert!(text.starts_with("SUBJECT") && text.contains("playback_events-value"), "{text}");
}

#[test]
fn where_one_is_refused_none_is_registered() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let other = Title::SCHEMA.replace("\"title_id\"", "\"film_id\"");
    let (status, _) = send(&dev, "POST", "/subjects/titles-value/versions", TYPE, &json!({"schema": other}).to_string());
    assert_eq!(status, 200);
    for more in [&[][..], &["--dry-run"]] {
        let said = folder.run(&[&["schemas", "register", "--registry", &url(&dev)], more].concat());
        assert_eq!((said.code, said.err.as_str()), (1, ""), "{said:?}");
        assert!(said.out.contains("titles-value: Title against version 1, field film_id: was removed or renamed"), "{said:?}");
        assert!(said.out.contains("what is missing was not registered"), "{said:?}");
    }
    let said = folder.run(&["schemas", "check", "--registry", &url(&dev), "--json"]);
    let rows: Value = serde_json::from_str(&said.out).unwrap();
    let titles = rows.as_array().unwrap().iter().find(|row| row["subject"] == "titles-value").unwrap();
    assert_eq!((said.code, &titles["versions"]), (1, &json!([1])));
    assert!(titles["errors"][0].as_str().unwrap().contains("field film_id"), "{titles}");
    // No stage has these, so only the command could have brought them.
    let subjects = dev.get("/apis/registry/subjects").body;
    assert!(!["app_events", "billing_events", "profiles"].iter().any(|topic| subjects.contains(topic)), "{subjects}");
}

#[test]
fn what_costs_too_much_or_comes_from_elsewhere_is_refused() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let versions = "/subjects/s/versions";
    let body = json!({"schema": Title::SCHEMA}).to_string();
    let long = format!("{{\"schema\": \"{}\"}}", " ".repeat(1 << 20));
    let cases = [
        (send(&dev, "POST", versions, "text/plain", &body), 415, 415),
        (send(&dev, "PUT", "/config", "application/x-www-form-urlencoded", "{}"), 415, 415),
        (send(&dev, "POST", versions, "application/json", &long), 413, 413),
        (send(&dev, "DELETE", "/subjects/playback_events-value", TYPE, ""), 422, 42205),
        (send(&dev, "PUT", "/config", TYPE, "{\"compatibility\": \"NONE\"}"), 422, 42203),
        (send(&dev, "GET", "/nothing", TYPE, ""), 404, 404),
    ];
    for ((answered, error), status, code) in cases {
        assert_eq!((answered, &error["error_code"]), (status, &json!(code)), "{error}");
    }
    assert_eq!(send(&dev, "GET", "", TYPE, ""), (200, json!({})));
    assert_eq!(send(&dev, "GET", "/", TYPE, ""), (200, json!({})));
    let rebound = dev.raw(b"GET /apis/registry/subjects HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n");
    assert_eq!(rebound.status, 421);
    assert!(!dev.get("/apis/registry/subjects").body.contains("\"s\""));
}

/// A server that takes one request down, and is not there for it.
fn taken_down(listener: TcpListener) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        let head = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        stream.write_all(b"HTTP/1.1 503 -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        head.to_lowercase()
    })
}

#[test]
fn secrets_go_to_the_registry_and_nowhere_else() {
    let folder = Folder::new();
    let password = folder.write("password", "open sesame\n");
    let token = folder.write("token", "mF_9.B5f-4.1JqM");
    let basic = "authorization: basic qwxhzgrpbjpvcgvuihnlc2ftzq==";
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("USER", "Aladdin"), ("PASSWORD", "open sesame")], basic),
        (&[("USER", "Aladdin"), ("PASSWORD_FILE", &password)], basic),
        (&[("TOKEN", "mF_9.B5f-4.1JqM")], "authorization: bearer mf_9.b5f-4.1jqm"),
        (&[("TOKEN_FILE", &token)], "authorization: bearer mf_9.b5f-4.1jqm"),
    ];
    for (set, authorization) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/registry", listener.local_addr().unwrap());
        let heard = taken_down(listener);
        let mut command = folder.command(&["schemas", "register"]);
        command.env("PLAYHEAD_REGISTRY_URL", &url);
        for (name, value) in set {
            command.env(format!("PLAYHEAD_REGISTRY_{name}"), value);
        }
        let said = said(&mut command);
        let head = heard.join().unwrap();
        assert!(head.starts_with("get /registry/subjects/playback_events-value/versions ") && head.contains(authorization), "{head}");
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
        assert!(said.err.contains(&url) && said.err.contains("503"), "{said:?}");
        assert!(!said.err.contains("sesame") && !said.err.contains("mF_9"), "{said:?}");
    }
}
