//! `playhead dev`: what is accepted, what is refused, and that nothing is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::dev_server::{Dev, event, now, session, until};
use crate::support::{Folder, said};

#[test]
fn what_is_posted_is_read_back() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    assert_eq!(dev.get("/resume/p1").json(), json!([]));
    dev.accepted(&session("s1"));
    let resume = dev.until("/resume/p1", |resume| resume != &json!([]));
    assert_eq!(
        (&resume[0]["title_id"], &resume[0]["position_ms"], &resume[0]["runtime_ms"]),
        (&json!("t1"), &json!(600_000), &json!(5_400_000))
    );
    let sessions = dev.until("/sessions?limit=5", |sessions| sessions["sessions"][0]["final"] == true);
    let shown = &sessions["sessions"][0];
    let names = ["session_id", "title_id", "device_type", "country", "state", "ended_by", "outcome"];
    assert_eq!(names.map(|name| shown[name].as_str().unwrap()), ["s1", "t1", "tv", "BR", "ended", "end", "played"]);
    assert!((1_000..3_000).contains(&shown["startup_ms"].as_i64().unwrap()), "{shown}");
    let qos = dev.get("/qos").json();
    assert_eq!((&qos["total"]["sessions"], &qos["by_device_type_and_country"][0]["country"]), (&json!(1), &json!("BR")));
    let health = dev.until("/healthz", |health| health["records_behind"]["playback"] == 0);
    assert_eq!((&health["status"], &health["events"]["accepted"]), (&json!("ok"), &json!(4)));
    // The same as the command line says, of which the owner answers the question.
    assert_eq!(folder.json(&["resume", "p1"]), resume);
}

#[test]
fn a_session_is_seen_before_it_is_reported() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    dev.accepted(&[event("s1", "SESSION_START", 2, &json!({})), event("s1", "STARTUP", 1, &json!({}))]);
    let open = dev.until("/sessions", |sessions| sessions["sessions"][0]["state"] == "playing");
    assert_eq!((&open["sessions"][0]["final"], &open["sessions"][0]["startup_ms"]), (&json!(false), &Value::Null));
    dev.accepted(&[event("s1", "PAUSE", 0, &json!({}))]);
    dev.until("/sessions", |sessions| sessions["sessions"][0]["state"] == "paused");
    // After a restart too.
    assert_eq!(dev.end_by("-TERM").0, Some(0));
    Dev::start(&folder).until("/sessions", |sessions| sessions["sessions"][0]["state"] == "paused");
}

#[test]
fn each_event_gets_its_verdict() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let id = "0190a5c1-7c3b-7a51-8f5e-0123456789ab";
    let events = [
        event("s1", "PLAY", 0, &json!({"event_id": id})),
        event("", "PLAY", 0, &json!({})),
        event("s1", "PLAY", 0, &json!({"event_id": id})),
        event("s1", "PLAY", 0, &json!({"position_ms": -1})),
        event("s1", "PLAY", 0, &json!({"positon_ms": 1})),
        event("s1", "PLAY", 73 * 3_600, &json!({})),
        event("s1", "PLAY", 0, &json!({"received_time": now(0)})),
        event("s1", "PLAY", 0, &json!({"attributes": {"a": 1}})),
        json!("PLAY"),
        // Another session may have the same id.
        event("s2", "PLAY", 0, &json!({"event_id": id})),
    ];
    let response = dev.post(&events);
    let answer = response.json();
    assert_eq!((response.status, &answer["accepted"]), (200, &json!(2)));
    let short = |verdict: &Value| json!([verdict["index"], verdict["status"], verdict["reason"], verdict["pointer"]]);
    let verdicts: Vec<Value> = answer["results"].as_array().unwrap().iter().map(short).collect();
    let expected = json!([
        [1, "rejected", "empty_id", "/session_id"],
        [2, "duplicate", null, null],
        [3, "rejected", "negative_position", "/position_ms"],
        [4, "rejected", "unknown_field", "/positon_ms"],
        [5, "rejected", "time_too_old", "/event_time"],
        [6, "rejected", "unknown_field", "/received_time"],
        [7, "rejected", "wrong_type", "/attributes/a"],
        [8, "rejected", "not_json", null],
    ]);
    assert_eq!(json!(verdicts), expected);
    let verbose = dev.try_post_text("/v1/playback-events?verbose", &json!({"events": [events[0]]}).to_string()).unwrap().json();
    assert_eq!(verbose, json!({"accepted": 1, "results": [{"index": 0, "status": "accepted"}]}));
    let counted = &dev.get("/healthz").json()["events"];
    assert_eq!((&counted["accepted"], &counted["duplicates"], &counted["rejected"]), (&json!(3), &json!(1), &json!(7)));
}

#[test]
fn a_request_that_is_none_keeps_nothing() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let many = json!({"events": vec![json!({}); 1_001]}).to_string();
    let cases = [
        ("{\"events\": [", 400, "not_json"),
        ("[]", 400, "bad_request"),
        ("{}", 400, "bad_request"),
        ("{\"events\": {}}", 400, "bad_request"),
        ("{\"events\": [], \"sent_on\": 1}", 400, "bad_request"),
        ("{\"events\": [], \"sent_at\": \"noon\"}", 400, "bad_sent_at"),
        ("{\"events\": [], \"sent_at\": 1700000000}", 400, "bad_sent_at"),
        (many.as_str(), 413, "too_many_events"),
    ];
    for (body, status, reason) in cases {
        let response = dev.post_text(body);
        assert_eq!((response.status, &response.json()["error"]["reason"]), (status, &json!(reason)), "{body:.80}");
    }
    // A tower of brackets is one event that is refused, not a full stack.
    let deep = format!("{{\"events\": [{}{}]}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(dev.post_text(&deep).json()["results"][0]["reason"], "too_deep");
    assert_eq!(folder.json_lines(&["read", "playback_events"]), Vec::<Value>::new());
}

#[test]
fn what_costs_too_much_or_comes_from_elsewhere_is_refused() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let post = |head: &str, body: &str| {
        dev.raw(format!("POST /v1/playback-events HTTP/1.1\r\nconnection: close\r\n{head}\r\n\r\n{body}").as_bytes())
    };
    let json_type = "content-type: application/json";
    let chunk = format!("{:x}\r\n{}\r\n", 1_048_577, " ".repeat(1_048_577));
    let cases = [
        (post(&format!("host: localhost\r\n{json_type}\r\ncontent-length: 1048577"), ""), 413, "body_too_large"),
        (post(&format!("host: localhost\r\n{json_type}\r\ntransfer-encoding: chunked"), &chunk), 413, "body_too_large"),
        (post("host: localhost\r\ncontent-type: text/plain\r\ncontent-length: 2", "{}"), 415, "not_json"),
        (post("host: localhost\r\ncontent-length: 2", "{}"), 415, "not_json"),
        (post(&format!("host: rebound.example\r\n{json_type}\r\ncontent-length: 2"), "{}"), 421, "not_this_host"),
        (post(&format!("host: localhost\r\nhost: localhost\r\n{json_type}\r\ncontent-length: 2"), "{}"), 421, "not_this_host"),
        (dev.raw(b"GET http://rebound.example/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"), 421, "not_this_host"),
        (dev.raw(b"GET / HTTP/1.0\r\n\r\n"), 421, "not_this_host"),
        (dev.get("/nothing"), 404, "not_found"),
        (dev.get("/v1/playback-events"), 405, "method_not_allowed"),
        (dev.get("/sessions?limit=0"), 400, "bad_request"),
        (dev.get("/sessions?limit=501"), 400, "bad_request"),
        (dev.try_post_text("/v1/commands", "{\"arguments\": [\"qos\"]}").unwrap(), 403, "forbidden"),
    ];
    for (response, status, reason) in cases {
        assert_eq!((response.status, &response.json()["error"]["reason"]), (status, &json!(reason)), "{response:?}");
        assert!(response.head.contains("x-content-type-options: nosniff"), "{response:?}");
        assert!(!response.head.contains("access-control"), "{response:?}");
    }
    let head = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(dev.raw(head.as_bytes()).status, 431);
}

#[test]
fn the_page_is_whole_and_trusts_nobody() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let page = dev.get("/");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-type: text/html; charset=utf-8"), "{}", page.head);
    let policy = page.head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(page.body.ends_with("</html>\n"));
}

#[test]
fn a_clock_that_is_off_is_noted() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    // A client a day behind: its event of just now is not too old, and is written with what its clock is off.
    let of_yesterday = |event: Value| json!({"sent_at": now(-86_400), "events": [event]}).to_string();
    assert_eq!(dev.post_text(&of_yesterday(event("s1", "PLAY", 86_400, &json!({})))).json()["accepted"], 1);
    let written = folder.json_lines(&["read", "playback_events"]);
    let shift_ms = written[0]["value"]["clock_shift_ms"].as_i64().unwrap();
    assert!((86_400_000..86_460_000).contains(&shift_ms), "{shift_ms}");
    let too_old = dev.post_text(&of_yesterday(event("s1", "PLAY", 86_400 + 73 * 3_600, &json!({})))).json();
    assert_eq!(too_old["results"][0]["reason"], "time_too_old");
}

#[test]
fn a_request_sent_again_counts_once() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    // Without ids of the client's: those that are made are the same each time.
    let events = session("s1");
    for _ in 0..3 {
        dev.accepted(&events);
    }
    dev.until("/healthz", |health| health["records_behind"]["playback"] == 0 && health["records_behind"]["serving"] == 0);
    let session = folder.json(&["session", "s1"]);
    assert_eq!((&session["rows"][0]["event_count"], session["timeline"].as_array().unwrap().len()), (&json!(4), 4));
}

#[test]
fn log_time_goes_on_by_heartbeats() {
    let folder = Folder::new();
    let _dev = Dev::start(&folder);
    for topic in ["playback_events", "app_events", "billing_events"] {
        let beats = until(|| folder.json_lines(&["read", topic, "--heartbeats"]), |beats| beats.len() >= 4);
        let mut partitions: Vec<_> = beats.iter().map(|beat| &beat["partition"]).collect();
        partitions.dedup();
        assert_eq!(partitions, [0, 1, 2, 3], "{topic}");
        let is_beat = |beat: &Value| beat["key"] == "playhead.heartbeat/dev" && beat["heartbeat"]["sequence"].is_u64();
        assert!(beats.iter().all(is_beat), "{beats:?}");
    }
}

#[test]
fn the_owner_answers_for_the_folder_and_is_named() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    dev.accepted(&session("s1"));
    dev.until("/resume/p1", |resume| resume != &json!([]));
    dev.until("/healthz", |health| health["records_behind"]["serving"] == 0);
    let questions: [&[&str]; 7] = [
        &["resume", "p1"],
        &["continue-watching", "p1"],
        &["history", "p1"],
        &["session", "s1"],
        &["qos"],
        &["read", "playback_events"],
        &["resume", "p1", "--json"],
    ];
    let by_owner = questions.map(|question| folder.run(question));
    // What is unknown stays bad news, and a mistake a mistake.
    let unknown = folder.run(&["resume", "nobody"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (1, "nothing for profile nobody; 1 profile with views:\n  p1\n"));
    let mistake = folder.run(&["read", "nothing"]);
    assert!(mistake.code == 2 && mistake.err.starts_with("playhead: there is no topic \"nothing\""), "{mistake:?}");
    // Nobody else can read the token.
    assert_eq!(fs::metadata(folder.data().join("owner.json")).unwrap().permissions().mode() & 0o777, 0o600);

    let named = format!("in use by process {} (playhead dev", dev.process_id());
    let address = format!("answers at http://{}", dev.address);
    for args in [&["dev", "--listen", "127.0.0.1:0"][..], &["simulate"], &["ingest", "-"]] {
        let second = folder.run(args);
        assert_eq!((second.code, second.err.lines().count()), (2, 1), "{second:?}");
        assert!(second.err.contains(&named) && second.err.contains(&address), "{}", second.err);
    }
    let (code, said, _) = dev.end_by("-INT");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    for (question, by_owner) in questions.iter().zip(by_owner) {
        let own = folder.run(question);
        assert_eq!((own.code, own.out, own.err), (by_owner.code, by_owner.out, by_owner.err), "{question:?}");
        assert_eq!(own.code, 0, "{question:?}");
    }
}

#[test]
fn a_stop_that_is_asked_for_loses_nothing() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    for number in 0..20 {
        dev.accepted(&session(&format!("s{number}")));
    }
    let (code, said, took) = dev.end_by("-TERM");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(took.as_secs() < 10, "{took:?}");
    assert!(!folder.data().join("owner.json").exists());
    let dev = Dev::start(&folder);
    let sessions = dev.until("/qos", |qos| qos["total"]["sessions"] == 20);
    assert_eq!(sessions["open_sessions"], 0);
}

#[test]
fn a_kill_right_after_the_answer_loses_nothing() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    dev.accepted(&session("s1"));
    let (code, _, _) = dev.end_by("-KILL");
    assert_eq!(code, None);
    // What it left behind names a process that is gone: the folder is free.
    assert!(folder.data().join("owner.json").exists());
    assert_eq!(folder.json(&["session", "s1"])["rows"][0]["event_count"], 4);
    let dev = Dev::start(&folder);
    dev.accepted(&session("s2"));
    dev.until("/qos", |qos| qos["total"]["sessions"] == 2);
}

/// A limit on the size of files is met as a full disk is.
#[test]
fn a_full_disk_is_named_and_nothing_that_was_answered_is_lost() {
    let folder = Folder::new();
    assert_eq!(Dev::start(&folder).end_by("-TERM").0, Some(0));
    let program = env!("CARGO_BIN_EXE_playhead");
    let command = folder.command(&[]);
    let mut limited = std::process::Command::new("bash");
    limited
        .current_dir(command.get_current_dir().unwrap())
        .args(["-c", "trap '' XFSZ; ulimit -f 6144; exec \"$0\" dev --listen 127.0.0.1:0 --json", program])
        .stdin(std::process::Stdio::null());
    for (name, _) in command.get_envs() {
        limited.env_remove(name);
    }
    let dev = Dev::of(&mut limited);
    let mut accepted = 0;
    // Until nothing is taken any more.
    for number in 0_u32.. {
        let padding = json!({"attributes": {"padding": format!("{number:02000}")}});
        let events: Vec<Value> = (0..200).map(|_| event(&format!("s{number}"), "HEARTBEAT", 0, &padding)).collect();
        let body = json!({"events": events}).to_string();
        match dev.try_post_text("/v1/playback-events", &body) {
            Ok(response) if response.status == 200 => accepted += response.json()["accepted"].as_u64().unwrap(),
            Ok(response) => {
                assert_eq!(response.status, 503, "{response:?}");
                break;
            }
            Err(_) => break,
        }
    }
    let (code, said) = dev.ended();
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("too large") || said.contains("storage") || said.contains("serving store"), "{said}");
    let dev = Dev::start(&folder);
    dev.until("/healthz", |health| health["records_behind"]["playback"] == 0);
    let held = folder.json_lines(&["read", "playback_events"]).len() as u64;
    assert!(accepted > 0 && held >= accepted, "{held} events of {accepted} accepted");
}

#[test]
fn a_damaged_log_is_named() {
    let folder = Folder::new();
    let dev = Dev::start(&folder);
    let marked = json!({"device_id": "a-device-id-that-is-found-again"});
    dev.accepted(&[event("s1", "PLAY", 0, &marked)]);
    assert_eq!(dev.end_by("-TERM").0, Some(0));
    let path = folder.data().join("log.redb");
    let mut bytes = fs::read(&path).unwrap();
    let mark = b"a-device-id-that-is-found-again";
    let places: Vec<usize> = bytes.windows(mark.len()).enumerate().filter(|(_, window)| window == mark).map(|(place, _)| place).collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place] ^= 0xFF;
    }
    fs::write(&path, bytes).unwrap();
    let dev = said(&mut folder.command(&["dev", "--listen", "127.0.0.1:0", "--log-level", "error"]));
    assert_eq!((dev.code, dev.err.lines().count()), (2, 1), "{dev:?}");
    assert!(dev.err.contains("playback_events") && dev.err.contains("damaged"), "{}", dev.err);
}
