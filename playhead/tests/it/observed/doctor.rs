//! `playhead doctor` on real servers, with one thing broken at a time.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2e::{Stack, until};
use kafka::{Admin, KafkaError, KafkaLane, LaneOptions};
use pipeline::{Log as _, OutputTopic, Outputs, Spread};
use serde_json::Value;

use crate::on_kafka::OnKafka;
use crate::support::{Folder, said};

const PATIENCE: Duration = Duration::from_secs(30);

/// Checks that are not well: status, and detail with what to mend.
fn troubles(report: &Value) -> BTreeMap<String, (String, String)> {
    let checks = report["checks"].as_array().unwrap();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let bad = checks.iter().filter(|check| check["status"] != "ok");
    bad.map(|check| (text(check, "check"), (text(check, "status"), format!("{}; {}", text(check, "detail"), text(check, "mend")))))
        .collect()
}

/// Fails where `check` is not the only failure, or says something else.
fn assert_only_failure(report: &Value, check: &str, says: &str) {
    let troubles = troubles(report);
    let failures: Vec<&String> = troubles.iter().filter(|(_, (status, _))| status == "failure").map(|(check, _)| check).collect();
    assert_eq!(failures, [check], "{report}");
    assert!(troubles[check].1.contains(says), "{says:?} is not in {:?}", troubles[check]);
    assert_eq!((report["status"].as_str(), report["failures"].as_u64()), (Some("failure"), Some(1)));
}

fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn without_servers_it_looks_at_the_folder() {
    let folder = Folder::new();
    let report = folder.json(&["doctor"]);
    assert_eq!((report["status"].as_str(), report["failures"].as_u64()), (Some("ok"), Some(0)), "{report}");
    folder.well(&["simulate", "--sessions", "3"]);
    let said = folder.run(&["doctor"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    for line in [
        "ok       data folder: playhead-data is writable",
        "ok       data formats: ",
        "ok       saved states: snapshots in the data folder: a probe",
    ] {
        assert!(said.out.contains(line), "{line:?}: {}", said.out);
    }
    assert!(said.out.lines().all(|line| !line.contains('\u{1b}')), "no colours without a terminal");
    // Not a folder of this machine's root even.
    let report: Value = serde_json::from_str(&folder.run(&["doctor", "--snapshots", "/proc/playhead", "--json"]).out).unwrap();
    assert_only_failure(&report, "saved states", "/proc/playhead");
    std::fs::write(folder.data().join("log.redb"), b"no log").unwrap();
    let said = folder.run(&["doctor", "--json"]);
    assert_eq!(said.code, 1);
    assert_only_failure(&serde_json::from_str(&said.out).unwrap(), "data formats", "log.redb");
}

#[test]
fn what_is_broken_on_a_cluster_is_named_with_what_to_mend() {
    let on_kafka = OnKafka::new();
    let examine = |code| on_kafka.json(code, &["doctor", "--dev"]);
    on_kafka.json(0, &["topics", "apply", "--dev"]);
    on_kafka.json(0, &["schemas", "register", "--registry", on_kafka.stack.variable("PLAYHEAD_TEST_REGISTRY")]);
    on_kafka.json(0, &["process", "playback", "--until-caught-up"]);
    let report = examine(0);
    assert!(troubles(&report)["stage profile"].1.contains("nobody runs it; "), "{report}");
    // Its lane is a member for as long as its session may last.
    let playback = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "stage playback").unwrap();
    assert!(playback["detail"].as_str().unwrap().contains(" 0 offsets behind"), "{playback}");

    // Outside dev one broker is too few.
    let strict = on_kafka.json(1, &["doctor"]);
    assert_only_failure(
        &strict,
        "topics",
        "are as in dev: with the loss of one broker acknowledged records are lost; where that is meant, ",
    );
    let in_words = said(&mut on_kafka.command(&["doctor", "--dev"])).out;
    assert!(
        in_words.contains("ok       topics playback_events, ") && in_words.lines().count() < 25,
        "what is the same is one line: {in_words}"
    );

    let admin = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap();
    let retention = admin.describe("playback_events").unwrap().settings["retention.ms"].clone();
    admin.set("playback_events", &[("retention.ms", "3600000")]).unwrap();
    assert_only_failure(&examine(1), "topic playback_events", &format!("retention.ms is 3600000, and should be {retention}"));
    admin.set("playback_events", &[("retention.ms", "-1")]).unwrap();
    let report = examine(1);
    assert_only_failure(&report, "topic playback_events", "says what `playhead topics apply --dev` has to be allowed");
    let applied = said(&mut on_kafka.command(&["topics", "apply", "--dev"]));
    assert!(applied.code == 1 && applied.out.contains("--allow-delete"), "as it says: {applied:?}");
    admin.set("playback_events", &[("retention.ms", &retention)]).unwrap();
    admin.set("playback_sessions", &[("unclean.leader.election.enable", "true")]).unwrap();
    assert_only_failure(&examine(1), "topic playback_sessions", "unclean.leader.election.enable=false");
    admin.set("playback_sessions", &[("unclean.leader.election.enable", "false")]).unwrap();
    admin.delete(&["active_streams"]).unwrap();
    until("the topic is gone", || matches!(admin.describe("active_streams"), Err(KafkaError::NoTopic(_))).then_some(()));
    assert_only_failure(&examine(1), "topic active_streams", "is not there; `playhead topics apply --dev`");
    on_kafka.json(0, &["topics", "apply", "--dev"]);

    let report: Value = serde_json::from_str(
        &said(&mut on_kafka.command(&["doctor", "--dev", "--json", "--registry", &format!("http://{}", nobody())])).out,
    )
    .unwrap();
    assert_only_failure(&report, "schema registry", "Connection refused");
}

#[test]
fn a_transaction_that_hangs_is_named() {
    let on_kafka = OnKafka::new();
    on_kafka.json(0, &["topics", "apply", "--dev"]);
    let topic = OutputTopic { name: "playback_events".to_owned(), partitions: 4, spread: Spread::Unmarked };
    let mut cluster = on_kafka.cluster();
    // What is sent goes at once, and does not wait for company.
    cluster.client.insert("linger.ms".to_owned(), "0".to_owned());
    let options = LaneOptions { transaction_timeout: Duration::from_secs(300), ..LaneOptions::new(cluster, "hanging", "test", 0) };
    let mut lane = KafkaLane::writer(options, &[], std::slice::from_ref(&topic)).unwrap();
    let mut out = Outputs::new(&[topic]);
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let mut write = |lane: &mut KafkaLane| {
        out.push_to(0, 2, now_ms, b"key", |value| value.push(1));
        lane.send(&mut out).unwrap();
    };
    write(&mut lane);
    lane.commit(&[]).unwrap();
    // At the broker before it is asked: records wait for others to go with, and the first ones go with later ones.
    let admin = Admin::new(&on_kafka.cluster(), PATIENCE).unwrap();
    until("a record is there", || {
        write(&mut lane);
        (admin.ends(&[("playback_events", 2)]).unwrap()[0].all > 2).then_some(())
    });
    let report = on_kafka.json(1, &["doctor", "--dev"]);
    assert_only_failure(&report, "open transactions", "playback_events-2: the last stable offset has stood at 2 for ");
    let mend = format!("abort --topic {}playback_events --partition 2 --start-offset 2", on_kafka.cluster().prefix);
    assert!(troubles(&report)["open transactions"].1.contains(&mend), "{report}");
    lane.commit(&[]).unwrap();
    assert!(!troubles(&on_kafka.json(0, &["doctor", "--dev"])).contains_key("open transactions"));
}

#[test]
fn why_there_is_no_connection_is_told_in_words() {
    let stack = Stack::with(&["kafka", "registry"]);
    let (sasl, tls) = (stack.kafka_sasl(), stack.kafka_tls());
    let without = |client: &BTreeMap<String, String>, key: &str| {
        let mut client = client.clone();
        client.remove(key);
        client
    };
    let mut wrong_password = sasl.client.clone();
    wrong_password.insert("sasl.password".to_owned(), "not the password".to_owned());
    let none = BTreeMap::new();
    let cases = [
        (nobody(), none.clone(), "nobody listens there"),
        (sasl.brokers.clone(), wrong_password, "does not accept user and password"),
        (tls.brokers.clone(), without(&tls.client, "ssl.ca.location"), "certificate is not believed"),
        (tls.brokers, none, "it speaks another protocol there"),
        (sasl.brokers, sasl.client, ""),
    ];
    for (brokers, client, expected) in cases {
        let folder = Folder::new();
        let mut command = folder.command(&["doctor", "--dev", "--json", "--brokers", &brokers]);
        command.env("PLAYHEAD_REGISTRY_URL", stack.variable("PLAYHEAD_TEST_REGISTRY"));
        // Topics of nobody: only the connection matters.
        command.env("PLAYHEAD_KAFKA_TOPIC_PREFIX", "nobody.");
        for (key, value) in client {
            command.env(format!("PLAYHEAD_KAFKA_CLIENT_{}", key.replace('.', "_").to_uppercase()), value);
        }
        let started = Instant::now();
        let said = said(&mut command);
        assert!(started.elapsed() < Duration::from_secs(40), "{brokers}: {:?}", started.elapsed());
        let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        if expected.is_empty() {
            assert!(!troubles(&report).contains_key("Kafka"), "{report}");
        } else {
            assert_only_failure(&report, "Kafka", expected);
        }
        assert!(!format!("{said:?}").contains("not the password"), "{said:?}");
    }
}
