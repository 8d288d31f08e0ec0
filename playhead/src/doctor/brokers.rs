//! The connection to the cluster, and why there is none, in words.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kafka::{Admin, Broker, Cluster};

use super::Findings;
use crate::config::Config;

/// How long the cluster is asked for something.
const PATIENCE: Duration = Duration::from_secs(10);

/// What librdkafka said while it tried: the reason stands there, where the answer is only that none came.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn listen(line: &str) {
    SAID.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
}

/// What asks the cluster, and its brokers; none where there is no cluster, or no way to it.
pub(super) fn examine(config: &Config, findings: &mut Findings<'_>) -> io::Result<Option<(Admin, Vec<Broker>)>> {
    let check = "Kafka";
    if !config.kafka.is_set() {
        findings.ok(check, "no cluster is set: everything is in the data folder")?;
        return Ok(None);
    }
    let connected = config.kafka.cluster().and_then(|mut cluster| {
        // Lanes say nothing of connections that are closed; here it is the reason that is looked for.
        cluster.client.insert("log.connection.close".to_owned(), "true".to_owned());
        let admin = Admin::new(&Cluster { on_log: listen, ..cluster }, PATIENCE)?;
        let brokers = admin.brokers()?;
        Ok((admin, brokers))
    });
    match connected {
        Ok((admin, brokers)) => {
            let addresses: Vec<&str> = brokers.iter().map(|broker| broker.address.as_str()).collect();
            findings.ok(check, &format!("{} brokers: {}", brokers.len(), addresses.join(", ")))?;
            Ok(Some((admin, brokers)))
        }
        Err(error) => {
            let said = SAID.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (why, mend) = in_words(&said);
            let detail = if why.is_empty() { format!("{error:#}") } else { format!("{why} ({error:#})") };
            findings.failure(check, &detail, mend)?;
            findings.warning("topics, transactions, groups", "were not looked at without a connection", "mend the connection first")?;
            Ok(None)
        }
    }
}

/// Parts of what librdkafka says, what they mean, and what to do; those first that explain others.
const REASONS: [(&str, &str, &str); 8] = [
    (
        "Authentication failed",
        "the broker does not accept user and password",
        "set kafka.client \"sasl.username\" and PLAYHEAD_KAFKA_CLIENT_SASL_PASSWORD, and \"sasl.mechanism\" as the broker has it",
    ),
    (
        "certificate verify failed",
        "the broker's certificate is not believed",
        "set kafka.client \"ssl.ca.location\" to the authority that has signed it",
    ),
    ("hostname mismatch", "the broker's certificate is of another name", "use the name that stands in it for kafka.brokers"),
    (
        "SSL handshake failed",
        "the broker does not speak TLS there, or not with us",
        "set kafka.client \"security.protocol\" as the listener has it, or take its other port",
    ),
    (
        "isconnected",
        "the broker closes the connection: perhaps it speaks another protocol there",
        "set kafka.client \"security.protocol\" as the listener has it (plaintext, ssl, sasl_plaintext or sasl_ssl), and see what the broker logs",
    ),
    ("Failed to resolve", "the broker's name is not known here", "correct kafka.brokers, or the names of this host's network"),
    ("Connection refused", "nobody listens there", "see that the broker runs, and that kafka.brokers has its port"),
    ("timed out", "the broker does not answer", "see that the way to it is open: firewall, route, and that the broker is not stuck"),
];

/// What is wrong, and what to do.
fn in_words(said: &[String]) -> (&'static str, &'static str) {
    let reason = REASONS.iter().find(|(part, ..)| said.iter().any(|line| line.contains(part)));
    reason.map_or(("", "see that kafka.brokers and [kafka.client] are right, and what the broker logs"), |(_, why, mend)| (*why, *mend))
}
