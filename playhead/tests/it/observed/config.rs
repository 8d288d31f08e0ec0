//! `playhead config check`: what takes effect, and where it comes from.

use serde_json::{Value, json};

use crate::support::{Folder, said};

fn setting<'r>(report: &'r Value, key: &str) -> (&'r Value, &'r str) {
    let found = report["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap_or_else(|| panic!("{key}"));
    (&found["value"], found["origin"].as_str().unwrap())
}

#[test]
fn each_value_has_its_origin_and_no_secret_is_shown() {
    let folder = Folder::new();
    let text = "[playback]\nlate_horizon = \"48h\"\n\n[kafka]\nlanes = 3\n[kafka.client]\n\"security.protocol\" = \"ssl\"\n";
    folder.write("playhead.toml", text);
    let command = |more: &[&str]| {
        let mut command = folder.command(&[&["--data", "mine", "config", "check"], more].concat());
        command
            .env("PLAYHEAD_KAFKA_LANES", "4")
            .env("PLAYHEAD_KAFKA_CLIENT_SASL_PASSWORD", "s3cret0f")
            .env("PLAYHEAD_REGISTRY_URL", "http://registry:8081")
            .env("PLAYHEAD_REGISTRY_USER", "someone")
            .env("PLAYHEAD_REGISTRY_PASSWORD", "s3cret0f")
            .env("PLAYHEAD_TEST_BROKERS", "of the stack for tests")
            .env("PLAYHEAD_KAKFA_BROKERS", "misspelt:9092");
        said(&mut command)
    };
    let as_json = command(&["--json"]);
    assert_eq!((as_json.code, as_json.err.as_str()), (0, ""), "{as_json:?}");
    let report: Value = serde_json::from_str(&as_json.out).unwrap();
    let cases = [
        ("data", json!("mine"), "--data"),
        ("playback.late_horizon", json!("48h"), "playhead.toml, line 2"),
        ("playback.state_horizon", json!("78h"), "the default"),
        ("kafka.lanes", json!("4"), "PLAYHEAD_KAFKA_LANES"),
        ("kafka.client.security.protocol", json!("ssl"), "playhead.toml, line 7"),
        ("kafka.client.sasl.password", json!("***"), "PLAYHEAD_KAFKA_CLIENT_SASL_PASSWORD"),
        ("registry.password", json!("***"), "PLAYHEAD_REGISTRY_PASSWORD"),
        ("registry.token", Value::Null, "the default"),
        ("metrics.listen", json!("off"), "PLAYHEAD_METRICS_LISTEN"),
        ("log.format", json!("auto"), "the default"),
    ];
    for (key, value, origin) in cases {
        assert_eq!(setting(&report, key), (&value, origin), "{key}");
    }
    assert_eq!(setting(&report, "kafka.instance").1, "the default: this host's name");
    assert_eq!(report["unknown_variables"], json!(["PLAYHEAD_KAKFA_BROKERS"]));
    let in_words = command(&[]);
    assert!(in_words.out.contains("kafka.lanes") && in_words.out.contains("PLAYHEAD_KAKFA_BROKERS: is set, and no setting has this name"));
    for out in [&as_json.out, &in_words.out] {
        assert!(!out.contains("s3cret0f"), "{out}");
    }
}

#[test]
fn what_a_start_would_refuse_is_refused_here_too() {
    let folder = Folder::new();
    folder.write("empty.pem", "");
    let cases = [
        ("[kafka.client]\n\"security.protocl\" = \"ssl\"\n", "kafka.client.security.protocl: No such configuration property"),
        ("[kafka.client]\n\"security.protocol\" = \"tls\"\n", "kafka.client.security.protocol: "),
        ("[kafka.client]\n\"group.id\" = \"mine\"\n", "kafka.client.group.id cannot be set: "),
        (
            "[kafka.client]\n\"security.protocol\" = \"ssl\"\n\"ssl.ca.location\" = \"/nofile\"\n",
            "kafka.client.ssl.ca.location: /nofile: No such file",
        ),
        ("[registry]\nca_file = \"/nofile\"\n", "registry.ca_file: cannot read /nofile"),
        ("[registry]\nca_file = \"empty.pem\"\n", "registry.ca_file (empty.pem): "),
        ("[registry]\nuser = \"u\"\npassword_file = \"/nofile\"\n", "registry.password_file: cannot read /nofile"),
        ("[registry]\npassword_file = \"/nofile\"\n", "playhead.toml, line 2: registry.password_file: registry.user is missing"),
    ];
    for (text, expected) in cases {
        folder.write("playhead.toml", text);
        let said = folder.run(&["config", "check"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{text}: {said:?}");
        assert!(said.err.starts_with(&format!("playhead: {expected}")), "{text}: {}", said.err);
        if text.contains("kafka") {
            let start = folder.run(&["topics", "apply", "--brokers", "127.0.0.1:1"]);
            assert_eq!((start.code, start.err), (2, said.err), "{text}: a start says the same");
        }
    }
}

#[test]
fn what_is_wrong_is_named_as_at_every_start() {
    let folder = Folder::new();
    let cases = [
        (
            "[kafka]\nlanes = \"two\"\n",
            "playhead.toml, line 2: kafka.lanes: a value of type string must be a whole number between 1 and 256",
        ),
        ("[log]\nformat = \"xml\"\n", "playhead.toml, line 2: log.format: \"xml\" must be one of auto, human, json"),
        ("[log]\ncolour = \"red\"\n", "playhead.toml, line 2: log.colour: unknown key"),
    ];
    for (text, expected) in cases {
        folder.write("playhead.toml", text);
        let said = folder.run(&["config", "check"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{text}");
        assert!(said.err.starts_with(&format!("playhead: {expected}")), "{}", said.err);
    }
}
