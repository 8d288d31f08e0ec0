//! Every mistake is one line that names what is wrong, and exit code 2.

use crate::support::{Folder, Said, said, testdata};

fn check(what: &str, result: &Said, names: &[&str]) {
    assert_eq!(result.code, 2, "{what}: {result:?}");
    assert_eq!(result.out, "", "{what}");
    assert_eq!(result.err.lines().count(), 1, "{what}: {}", result.err);
    assert!(result.err.starts_with("playhead: "), "{what}: {}", result.err);
    for name in names {
        assert!(result.err.contains(name), "{what}: {name:?} is not in {:?}", result.err);
    }
}

#[test]
fn of_the_command_line() {
    let folder = Folder::new();
    let sample = testdata("sample-session.ndjson");
    let cases: &[(&[&str], &[&str])] = &[
        (&["rezume", "p3"], &["'rezume'", "'resume'"]),
        (&["resume"], &["<PROFILE>", "not provided"]),
        (&["resume", "p3", "--jsn"], &["'--jsn'", "'--json'"]),
        (&["resume", "p3", "p4"], &["'p4'"]),
        (&["continue-watching", "p3", "--limit", "many"], &["'many'", "--limit"]),
        (&["continue-watching", "p3", "--limit", "-1"], &["-1"]),
        (&["history", "p3", "--limit", "0"], &["'0'", "--limit", "at least 1"]),
        (&["read", "playback_events", "--limit", "0"], &["'0'", "--limit", "as in 20"]),
        (&["read", "playback_events", "--partition", "first"], &["'first'", "--partition", "as in 3"]),
        (&["resume", "p3", "--data", &sample], &["sample-session.ndjson is a file", "--data"]),
        (&["ingest", &sample, "--data", &sample], &["sample-session.ndjson is a file", "--data"]),
        (&["read", "playback_events", "--from-offset", "1", "--from-time", "2024-01-01T00:00:00Z"], &["--from-offset", "--from-time"]),
        (&["qos", "--by", "weather"], &["'weather'", "device_type"]),
        (&["ingest", "missing.ndjson"], &["missing.ndjson", "No such file"]),
        (&["ingest", "."], &["cannot read .", "folder"]),
        (
            &["ingest", &sample, "--topic", "playback_sessions"],
            &["--topic", "\"playback_sessions\"", "playback_events, app_events, billing_events"],
        ),
        (&["ingest", &sample, "--received-time", "yesterday"], &["--received-time", "\"yesterday\"", "RFC 3339"]),
        (&["ingest", &sample, "--received-time", "2924-01-01T00:00:00Z"], &["--received-time", "in the future"]),
        (&["simulate", "--late", "5"], &["'5'", "--late", "as in 0.05 or 5%"]),
        (&["simulate", "--poison", "101%"], &["'101%'", "--poison"]),
        (&["simulate", "--sessions", "0"], &["'0'", "--sessions", "at least 1"]),
        (&["simulate", "--seed", "first"], &["'first'", "--seed"]),
        (&["simulate", "--snapshot-interval", "5"], &["--snapshot-interval: \"5\" must be a duration", "between 0ms and 24h"]),
        (&["simulate", "--start", "tomorrow"], &["--start", "\"tomorrow\"", "RFC 3339"]),
        (&["simulate", "--start", "2924-01-01T00:00:00Z"], &["--start", "would not be over yet", "at the latest"]),
        (&["simulate", "--data", &sample], &["sample-session.ndjson is a file", "--data"]),
        (&["import", "viewing-activity", "missing.csv"], &["missing.csv", "No such file"]),
        (&["import", "viewing-activity", "."], &["folder"]),
        (&["import", "viewing-activity", &sample], &["sample-session.ndjson", "columns are missing"]),
        (&["import", "viewing-history", &sample], &["'viewing-history'", "'viewing-activity'"]),
        (&["dev", "--listen", "8080"], &["--listen", "\"8080\"", "as in 127.0.0.1:8080"]),
        (&["dev", "--listen", "0.0.0.0:8080"], &["--listen", "0.0.0.0:8080", "no keys yet"]),
        (&["dev", "--data", "/proc/playhead-data"], &["cannot make the data folder /proc/playhead-data"]),
        (&["dev", "--data", &sample], &["sample-session.ndjson is a file", "--data"]),
        (&["clickhouse", "server", "--listen", "0.0.0.0", "--port", "0"], &["0.0.0.0:0", "--users"]),
        (&["clickhouse", "server", "--users", "missing.toml"], &["--users", "missing.toml", "No such file"]),
        (&["clickhouse", "server", "--max-queries", "0"], &["--max-queries", "at least 1"]),
        (&["backup", "playhead-data"], &["<TO>"]),
        (&["backup", "playhead-data", "copy"], &["there is no data in playhead-data"]),
        (&["schemas", "register"], &["no schema registry is set", "--registry URL", "PLAYHEAD_REGISTRY_URL"]),
        (&["schemas", "register", "--registry", "127.0.0.1:8081"], &["--registry: registry.url", "as in http://127.0.0.1:8081"]),
        (&["schemas", "register", "--registry", "http://me:secret@127.0.0.1"], &["--registry: registry.url", "password"]),
        (
            &["schemas", "register", "--registry", "http://127.0.0.1:1"],
            &["schema registry is not available", "http://127.0.0.1:1: Connection refused"],
        ),
        (&["schemas", "check", "--registry", "http://127.0.0.1:1,http://127.0.0.1:2"], &["127.0.0.1:1: Conn", "127.0.0.1:2: Conn"]),
        (&["resume", "p3"], &["there is no data in playhead-data", "--data"]),
        (&["resume", "p3", "--data", ""], &["data"]),
        (&["resume", "p3", "--config", "missing.toml"], &["missing.toml", "No such file"]),
    ];
    for (args, names) in cases {
        check(&format!("{args:?}"), &folder.run(args), names);
    }
    // A mistake leaves no data folder behind.
    assert!(!folder.data().exists());
}

#[test]
fn of_questions_to_a_folder_with_data() {
    let folder = Folder::new();
    folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    let cases: &[(&[&str], &[&str])] = &[
        (&["read", "playback_event"], &["\"playback_event\"", "playback_events, app_events"]),
        (&["read", "playback_events", "--partition", "4"], &["--partition", "partitions 0 to 3, not 4"]),
        (&["read", "playback_events", "--from-offset=-1"], &["--from-offset", "negative"]),
        (&["read", "playback_events", "--from-time", "2024-13-01"], &["--from-time", "\"2024-13-01\""]),
        (&["history", "viewer-1", "--from", "May"], &["--from", "\"May\""]),
        (&["history", "viewer-1", "--to", "June"], &["--to", "\"June\""]),
        (&["history", "viewer-1", "--page-token", "2"], &["--page-token", "next_page_token"]),
        (&["qos", "--since", "noon"], &["--since", "\"noon\""]),
        (&["qos", "--since", "1704067200000"], &["--since", "1970-01-20", "seconds"]),
    ];
    for (args, names) in cases {
        check(&format!("{args:?}"), &folder.run(args), names);
    }
}

#[test]
fn of_the_configuration() {
    let folder = Folder::new();
    let cases: &[(&str, &[&str])] = &[
        ("dat = \"x\"", &["playhead.toml, line 1: dat: unknown key", "playback.late_horizon"]),
        ("\n[playback]\nlate_horizonn = \"1h\"", &["line 3: playback.late_horizonn: unknown key"]),
        ("[lake]\npath = \"x\"", &["line 1: lake: unknown key"]),
        ("data = 5", &["line 1: data: a value of type integer must be text"]),
        ("playback = 5", &["line 1: playback: is a section"]),
        ("[playback]\nlate_horizon = 72", &["line 2: playback.late_horizon", "integer", "duration", "\"72h\""]),
        ("[playback]\nlate_horizon = \"72 hours\"", &["line 2: playback.late_horizon: \"72 hours\" must be a duration"]),
        ("[playback]\nsilence = \"1s\"", &["line 2: playback.silence", "between 1m and 24h"]),
        ("[playback]\nmax_session_events = \"many\"", &["line 2: playback.max_session_events", "string", "whole number"]),
        ("[playback]\nmax_session_events = 0", &["line 2: playback.max_session_events: \"0\" must be a whole number between 1 and"]),
        ("[playback]\nstate_horizon = \"77h\"", &["line 2: playback.state_horizon: 77h is too short", "72h, from the default", "+ 6h"]),
        ("[playback]\nlate_horizon = \"80h\"", &["the default: playback.state_horizon: 78h", "80h, from playhead.toml, line 2"]),
        ("[state]\nsnapshot_interval = \"25h\"", &["line 2: state.snapshot_interval: \"25h\"", "between 0ms and 24h", "\"30s\""]),
        ("[registry]\nurl = \"http://a,b\"", &["line 2: registry.url: \"b\" is no address"]),
        (
            "[registry]\npassword = \"x\"",
            &["line 2: registry.password: is a secret", "PLAYHEAD_REGISTRY_PASSWORD or registry.password_file"],
        ),
        ("[registry]\nuser = \"x\"", &["line 2: registry.user: has no password"]),
        ("[registry]\npassword_file = \"x\"", &["registry.user is missing"]),
        ("[registry]\nuser = \"x\"\npassword_file = \"x\"\ntoken_file = \"x\"", &["either a user with a password or a token"]),
        ("[registry]\ntimeout = \"2m\"", &["line 2: registry.timeout", "between 100ms and 1m"]),
        ("data = \"x\"\ndata = \"y\"", &["playhead.toml, line 2: not TOML"]),
        ("[playback", &["playhead.toml, line 1: not TOML"]),
        ("data = \"\"", &["line 1: data: is empty"]),
        ("[state]\nsnapshots = \"gs://bucket\"", &["line 2: state.snapshots: \"gs://bucket\" begins with gs:", "s3://bucket/prefix"]),
        ("[state]\nsnapshots = 3", &["line 2: state.snapshots: a value of type integer must be text"]),
        ("[state]\nsnapshots = \"s3://\"", &["line 2: state.snapshots: \"s3://\" names no bucket"]),
        ("[state]\ns3_endpoint = \"127.0.0.1:7070\"", &["line 2: state.s3_endpoint: \"127.0.0.1:7070\" must be a URL"]),
    ];
    for (text, names) in cases {
        folder.write("playhead.toml", text);
        check(text, &folder.run(&["resume", "p3"]), names);
    }
}

#[test]
fn of_the_environment() {
    let folder = Folder::new();
    folder.write("playhead.toml", "[playback]\nlate_horizon = \"80h\"\n");
    let cases = [
        ("PLAYHEAD_PLAYBACK_LATE_HORIZON", "soon", "PLAYHEAD_PLAYBACK_LATE_HORIZON: \"soon\" must be a duration"),
        ("PLAYHEAD_PLAYBACK_MAX_SESSION_EVENTS", "1e3", "PLAYHEAD_PLAYBACK_MAX_SESSION_EVENTS: \"1e3\" must be a whole number"),
        ("PLAYHEAD_PLAYBACK_STATE_HORIZON", "85h", "PLAYHEAD_PLAYBACK_STATE_HORIZON: playback.state_horizon: 85h is too short"),
        ("PLAYHEAD_STATE_SNAPSHOT_INTERVAL", "often", "PLAYHEAD_STATE_SNAPSHOT_INTERVAL: \"often\" must be a duration"),
        ("PLAYHEAD_CONFIG", "other.toml", "other.toml"),
        // Well configured: the environment goes over the file. What is left is that there is no data.
        ("PLAYHEAD_PLAYBACK_STATE_HORIZON", "86h", "there is no data in playhead-data"),
    ];
    for (name, value, expected) in cases {
        check(name, &said(folder.command(&["resume", "p3"]).env(name, value)), &[expected]);
    }
    let folder = Folder::new();
    let place = said(folder.command(&["resume", "p3"]).env("PLAYHEAD_STATE_SNAPSHOTS", "s3:///prefix"));
    check("s3:///prefix", &place, &["PLAYHEAD_STATE_SNAPSHOTS: state.snapshots: \"s3:///prefix\" names no bucket"]);
}

#[test]
fn of_the_files_in_the_folder() {
    let folder = Folder::new();
    let fresh = || {
        std::fs::remove_dir_all(folder.data()).ok();
        folder.well(&["ingest", &testdata("sample-session.ndjson"), "--received-time", "2024-05-04T20:04:00Z"]);
    };
    for (file, names) in [
        ("log.redb", ["log.redb", "cannot be rebuilt"]),
        ("serving.redb", ["serving.redb", "filled from the log"]),
        ("schemas.json", ["schemas.json", "schemas.json"]),
    ] {
        fresh();
        std::fs::write(folder.data().join(file), "nonsense").unwrap();
        check(file, &folder.run(&["resume", "viewer-1"]), &names);
    }
    // The advice is sound.
    fresh();
    let before = folder.well(&["resume", "viewer-1"]);
    std::fs::remove_file(folder.data().join("serving.redb")).unwrap();
    assert_eq!(folder.well(&["resume", "viewer-1"]), before);
    fresh();
    let schemas = std::fs::read_to_string(folder.data().join("schemas.json")).unwrap();
    std::fs::write(folder.data().join("schemas.json"), schemas.replace("\"format\": 1", "\"format\": 2")).unwrap();
    check("newer schemas", &folder.run(&["resume", "viewer-1"]), &["schemas.json has format 2", "formats up to 1"]);
}
