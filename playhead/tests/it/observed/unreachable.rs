//! A cluster that does not answer: waited for by a stage, at its start and later, and told of in a line by everybody.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use e2e::{Proxy, Stack, until};

use super::watched::Watched;
use crate::on_kafka::OnKafka;
use crate::support::{Folder, said, testdata};

/// Longer than a lane's session, which the group waits for, and than it takes to ask for ends three times in vain.
const LONG_GONE: Duration = Duration::from_secs(35);

/// Where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_stage_is_not_ready_while_its_cluster_is_away_however_long_and_says_so_in_few_lines() {
    let on_kafka = OnKafka::with_topics();
    let stack = Stack::with(&["kafka", "registry", "toxiproxy"]);
    let way = Proxy::to(&stack, "kafka");
    way.heal();
    let mut command = on_kafka.command(&["process", "playback"]);
    command.env("PLAYHEAD_KAFKA_BROKERS", stack.variable("PLAYHEAD_TEST_BROKERS_PROXIED"));
    let process = Watched::start(&mut command);
    process.until_ready();
    until("its lag is known", || (!process.metrics().values("playhead_lag_records", &[]).is_empty()).then_some(()));

    way.cut();
    until("the cluster is missed", || (!process.missing().is_empty()).then_some(()));
    let (missed, lines_before) = (Instant::now(), process.lines().len());
    until("its partitions are lost, and more", || {
        assert!(!process.missing().is_empty(), "ready without a cluster: {:?}", process.lines());
        assert_eq!(process.get("/healthz").0, 200, "it is not to be started again for that");
        let is_lost = process.lines().iter().any(|line| line.contains("partitions lost"));
        (is_lost && missed.elapsed() > LONG_GONE).then_some(())
    });
    assert_eq!(process.metrics().values("playhead_lag_records", &[]), [] as [f64; 0], "nobody knows it");
    let lines = process.lines();
    assert!(lines.len() - lines_before < 30, "{} lines in {LONG_GONE:?}: {lines:#?}", lines.len() - lines_before);
    assert!(lines.iter().all(|line| !line.contains("brokers are down")), "{lines:#?}");

    way.heal();
    process.until_ready();
    let (code, _, lines) = process.end_by("-TERM");
    assert_eq!(code, Some(0), "{lines:?}");
}

#[test]
fn a_stage_that_starts_without_its_cluster_waits_for_it_until_it_is_asked_to_end() {
    let folder = Folder::new();
    let nobody = nobody();
    let args = ["process", "playback", "--brokers", &nobody, "--registry", "http://127.0.0.1:1"];
    let process = Watched::start(&mut folder.command(&args));
    until("it waits", || process.lines().iter().any(|line| line.contains("is waited for")).then_some(()));
    assert_eq!((process.missing(), process.get("/healthz").0), (vec!["start".to_owned(), "log".to_owned()], 200));
    let asked = Instant::now();
    let (code, _, lines) = process.end_by("-TERM");
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(asked.elapsed() < Duration::from_secs(10), "it took {:?} to end", asked.elapsed());
    let of_kafka: Vec<&String> = lines.iter().filter(|line| line.contains(&nobody)).collect();
    assert_eq!(of_kafka.len(), 2, "who does not answer, and why: {lines:#?}");
    assert!(of_kafka.iter().any(|line| line.contains("Connection refused")), "{lines:#?}");
}

#[test]
fn a_command_says_what_it_waits_for_and_in_the_end_what_to_do() {
    let folder = Folder::new();
    let (nobody, sample, csv) = (nobody(), testdata("sample-session.ndjson"), testdata("viewing-activity/viewing_activity.csv.gz"));
    let commands: [&[&str]; 9] = [
        &["topics", "plan"],
        &["topics", "apply", "--dev"],
        &["read", "playback_events"],
        &["audit"],
        &["dlq", "list"],
        &["simulate"],
        &["ingest", &sample],
        &["import", "viewing-activity", &csv],
        &["process", "playback", "--until-caught-up", "--log-format", "human"],
    ];
    std::thread::scope(|threads| {
        for command in commands {
            let args = [command, &["--brokers", &nobody]].concat();
            let (folder, nobody) = (&folder, &nobody);
            threads.spawn(move || {
                let mut program = folder.command(&args);
                let said = said(program.env("PLAYHEAD_REGISTRY_URL", "http://127.0.0.1:1"));
                let plan = command.starts_with(&["topics", "plan"]);
                assert_eq!((said.code, said.out.as_str()), (if plan { 3 } else { 2 }, ""), "{args:?}: {said:?}");
                let last = format!(
                    "playhead: no answer from the Kafka cluster at {nobody}, which --brokers names: {nobody}: Connection refused (nobody listens \
                     there); see that the broker runs, and that kafka.brokers has its port; `playhead doctor --brokers {nobody}` says more"
                );
                let lines: Vec<&str> = said.err.lines().collect();
                assert_eq!(lines.last(), Some(&last.as_str()), "{args:?}");
                if command[0] != "process" {
                    assert_eq!(lines, [&format!("playhead: waiting for {nobody}: Connection refused"), &last], "{args:?}");
                }
            });
        }
    });
}

#[test]
fn a_topic_that_is_not_there_is_named_as_the_cluster_would_know_it() {
    let on_kafka = OnKafka::new();
    let sample = testdata("sample-session.ndjson");
    let brokers = on_kafka.stack.variable("PLAYHEAD_TEST_BROKERS");
    let commands: [&[&str]; 4] = [&["read", "playback_events"], &["ingest", &sample], &["simulate"], &["dlq", "list"]];
    for command in commands {
        let said = on_kafka.said(command);
        let topic = on_kafka.cluster().topic(if command[0] == "dlq" { "ledger" } else { "playback_events" });
        let expected = format!("playhead: topic {topic} is not on {brokers}; `playhead topics apply` makes it\n");
        assert_eq!((said.code, said.err), (2, expected), "{command:?}");
    }
    let stage = said(&mut on_kafka.command(&["process", "playback", "--log-format", "human"]));
    assert!(stage.err.contains("is not on") && stage.code == 2, "{stage:?}");
    let unknown = on_kafka.said(&["read", "playback_event"]);
    let expected = format!("playhead: there is no topic \"playback_event\"; topics: {}, ", on_kafka.cluster().topic("playback_events"));
    assert!(unknown.err.starts_with(&expected), "{unknown:?}");
}
