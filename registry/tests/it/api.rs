//! The API over our registry: paths, status, error codes.

use std::sync::Mutex;

use registry::serve::{self, Keep, NotKept, Request};
use schemas::registry::Registry;
use schemas::{PlaybackEvent, Record as _};
use serde_json::{Value, json};

const NEWER: &str = include_str!("../../../schemas/tests/data/PlaybackEvent.newer.avsc");

fn ask(registry: &impl Keep, method: &str, target: &str, body: &str) -> (u16, Value) {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let answer = serve::answer(registry, &Request { method, path, query, body: body.as_bytes() });
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn schema(schema: &str) -> String {
    json!({"schema": schema}).to_string()
}

/// Two subjects; `s` has two versions.
fn filled() -> Mutex<Registry> {
    let mut registry = Registry::new();
    registry.register("s", PlaybackEvent::SCHEMA).unwrap();
    registry.register("s", NEWER).unwrap();
    registry.register("a/b", NEWER).unwrap();
    Mutex::new(registry)
}

#[test]
fn what_is_there() {
    let registry = filled();
    let get = |target: &str| {
        let (status, body) = ask(&registry, "GET", target, "");
        assert_eq!(status, 200, "{target}: {body}");
        body
    };
    assert_eq!(get("/"), json!({}));
    assert_eq!(get("/schemas/types"), json!(["AVRO"]));
    assert_eq!(get("/subjects"), json!(["a/b", "s"]));
    assert_eq!(get("/subjects/s/versions"), json!([1, 2]));
    assert_eq!(get("/subjects/a%2Fb/versions"), json!([1]));
    assert_eq!(get("/subjects/s/versions/1"), json!({"subject": "s", "version": 1, "id": 1, "schema": PlaybackEvent::SCHEMA}));
    for latest in ["latest", "-1", "2"] {
        assert_eq!(get(&format!("/subjects/s/versions/{latest}")), json!({"subject": "s", "version": 2, "id": 2, "schema": NEWER}));
    }
    let newer: Value = serde_json::from_str(NEWER).unwrap();
    assert_eq!(get("/subjects/s/versions/latest/schema"), newer);
    assert_eq!(get("/schemas/ids/2/schema"), newer);
    assert_eq!(get("/schemas/ids/2"), json!({"schema": NEWER}));
    assert_eq!(get("/schemas/ids/2/versions"), json!([{"subject": "a/b", "version": 1}, {"subject": "s", "version": 2}]));
    assert_eq!(get("/schemas/ids/2/subjects"), json!(["a/b", "s"]));
    for level in ["/config", "/config/s", "/config/none?defaultToGlobal=true"] {
        assert_eq!(get(level), json!({"compatibilityLevel": "FULL_TRANSITIVE"}));
    }
    assert_eq!([get("/mode"), get("/mode/s")], [json!({"mode": "READWRITE"}), json!({"mode": "READWRITE"})]);
}

#[test]
fn what_is_sent() {
    let registry = filled();
    let send = |method: &str, target: &str, body: &str| {
        let (status, body) = ask(&registry, method, target, body);
        assert_eq!(status, 200, "{target}: {body}");
        body
    };
    assert_eq!(send("POST", "/subjects/s", &schema(NEWER)), json!({"subject": "s", "version": 2, "id": 2, "schema": NEWER}));
    assert_eq!(send("POST", "/subjects/s/versions", &schema(NEWER)), json!({"id": 2}));
    assert_eq!(send("POST", "/subjects/t/versions?normalize=true", &schema(&NEWER.replace('\n', ""))), json!({"id": 2}));
    let all = json!({"schema": schemas::AppEvent::SCHEMA, "schemaType": "AVRO", "references": [], "metadata": null});
    assert_eq!(send("POST", "/subjects/app/versions", &all.to_string()), json!({"id": 3}));
    let renamed = schema(&PlaybackEvent::SCHEMA.replace("\"title_id\"", "\"film_id\""));
    for target in
        ["/compatibility/subjects/s/versions", "/compatibility/subjects/s/versions/latest", "/compatibility/subjects/s/versions/1"]
    {
        assert_eq!(send("POST", target, &schema(NEWER)), json!({"is_compatible": true}));
        assert_eq!(send("POST", target, &renamed), json!({"is_compatible": false}));
        let verbose = send("POST", &format!("{target}?verbose=true"), &renamed);
        let messages = verbose["messages"].as_array().unwrap();
        assert!(messages.iter().any(|message| message.as_str().unwrap().contains("field title_id")), "{verbose}");
    }
    let verbose = send("POST", "/compatibility/subjects/none/versions?verbose=true", &renamed);
    assert_eq!(verbose, json!({"is_compatible": true, "messages": []}));
    for target in ["/config", "/config/s", "/config/none"] {
        assert_eq!(send("PUT", target, r#"{"compatibility": "FULL_TRANSITIVE"}"#), json!({"compatibility": "FULL_TRANSITIVE"}));
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let registry = filled();
    let before = registry.lock().unwrap().clone();
    let renamed = schema(&PlaybackEvent::SCHEMA.replace("\"title_id\"", "\"film_id\""));
    let newer = schema(NEWER);
    let with = |name: &str, value: Value| {
        let mut body = json!({"schema": NEWER});
        body[name] = value;
        body.to_string()
    };
    let long = "s".repeat(256);
    let cases = [
        ("GET", "/subjects/none/versions", "", 404, 40401, "'none'"),
        ("GET", "/subjects/none/versions/1", "", 404, 40401, "'none'"),
        ("GET", "/subjects/none/versions/latest", "", 404, 40401, "'none'"),
        ("GET", "/subjects/s/versions/3", "", 404, 40402, "Version 3"),
        ("GET", "/subjects/s/versions/0", "", 422, 42202, "\"0\""),
        ("GET", "/subjects/s/versions/newest", "", 422, 42202, "latest"),
        ("GET", "/schemas/ids/9", "", 404, 40403, "Schema 9"),
        ("GET", "/schemas/ids/0", "", 404, 40403, "Schema 0"),
        ("GET", "/schemas/ids/9/versions", "", 404, 40403, "Schema 9"),
        ("GET", "/schemas/ids/x", "", 404, 404, "404"),
        ("GET", "/schemas/ids/99999999999", "", 404, 404, "404"),
        ("GET", "/nothing", "", 404, 404, "404"),
        ("GET", "/subjects/s/versions/1/x", "", 404, 404, "404"),
        ("GET", "/%ff", "", 400, 400, "UTF-8"),
        ("PATCH", "/subjects/s/versions", "", 405, 405, "405"),
        ("POST", "/schemas/ids/1", "", 405, 405, "405"),
        ("POST", "/subjects/none", &newer, 404, 40401, "'none'"),
        ("POST", "/subjects/s", &renamed, 404, 40403, "not found"),
        ("POST", "/subjects/s/versions", &renamed, 409, 409, "field title_id: was removed or renamed"),
        ("POST", "/subjects/s/versions", &schema("{"), 422, 42201, "not an Avro schema"),
        ("POST", "/subjects/s/versions", &schema("\"long\""), 422, 42201, "not that of a record"),
        ("POST", "/subjects/s/versions", "", 400, 400, "{\"schema\": ...}"),
        ("POST", "/subjects/s/versions", "{\"schema\": 1}", 400, 400, "{\"schema\": ...}"),
        ("POST", "/subjects/s/versions", &with("schemaType", json!("JSON")), 422, 42201, "only AVRO"),
        ("POST", "/subjects/s/versions", &with("references", json!([{"name": "x"}])), 422, 42201, "references"),
        ("POST", "/subjects/s/versions", &with("id", json!(7)), 422, 42205, "ids are given here"),
        ("POST", &format!("/subjects/{long}/versions"), &newer, 422, 42208, "255 bytes"),
        ("POST", "/subjects/a%0Ab/versions", &newer, 422, 42208, "control characters"),
        ("POST", "/compatibility/subjects/s/versions/9", &newer, 404, 40402, "Version 9"),
        ("POST", "/compatibility/subjects/none/versions/latest", &newer, 404, 40401, "'none'"),
        ("POST", "/compatibility/subjects/s/versions", &schema("{"), 422, 42201, "not an Avro schema"),
        ("DELETE", "/subjects/s", "", 422, 42205, "never deleted"),
        ("DELETE", "/subjects/s/versions/1", "", 422, 42205, "never deleted"),
        ("PUT", "/config", r#"{"compatibility": "NONE"}"#, 422, 42203, "\"NONE\" is not to be had"),
        ("PUT", "/config/s", r#"{"compatibility": "BACKWARD"}"#, 422, 42203, "FULL_TRANSITIVE"),
        ("PUT", "/config", "{}", 400, 400, "{\"compatibility\": ...}"),
        ("DELETE", "/config/s", "", 422, 42203, "stays"),
        ("PUT", "/mode", r#"{"mode": "IMPORT"}"#, 422, 42205, "READWRITE"),
    ];
    for (method, target, body, status, code, words) in cases {
        let (answered, error) = ask(&registry, method, target, body);
        assert_eq!((answered, &error["error_code"]), (status, &json!(code)), "{method} {target}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{method} {target}: {error}");
    }
    assert_eq!(*registry.lock().unwrap(), before);
}

#[test]
fn it_is_bounded() {
    let registry = Mutex::new(Registry::new());
    let large = |name: usize| {
        let doc = "x".repeat(1_000_000);
        schema(&json!({"type": "record", "name": format!("R{name}"), "doc": doc, "fields": []}).to_string())
    };
    let answers: Vec<u16> = (0..20).map(|name| ask(&registry, "POST", &format!("/subjects/s{name}/versions"), &large(name)).0).collect();
    let taken = answers.iter().take_while(|status| **status == 200).count();
    assert!((14..18).contains(&taken) && answers[taken..].iter().all(|status| *status == 422), "{answers:?}");
}

/// Nothing is given out that could not be written down.
#[test]
fn what_could_not_be_kept_is_no_id() {
    struct Full(Mutex<Registry>);
    impl Keep for Full {
        fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
            self.0.read(read)
        }
        fn register(&self, _: &str, _: &str) -> Result<u32, NotKept> {
            Err(NotKept::Store("no space left on device".into()))
        }
    }
    let (status, error) = ask(&Full(filled()), "POST", "/subjects/t/versions", &schema(NEWER));
    assert_eq!((status, error), (500, json!({"error_code": 50001, "message": "no space left on device"})));
}

#[test]
fn bodies_that_are_taken() {
    for taken in ["application/json", "application/vnd.schemaregistry.v1+json; charset=utf-8", "Application/vnd.schemaregistry+JSON"] {
        assert!(serve::is_content_type(taken), "{taken}");
    }
    for other in ["", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"] {
        assert!(!serve::is_content_type(other), "{other}");
    }
}
