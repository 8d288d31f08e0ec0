//! The connection to the cluster, and why there is none, in words.

use std::io;
use std::time::Duration;

use kafka::{Admin, Broker};

use super::Findings;
use crate::cluster_trouble::{Trouble, in_words};
use crate::config::Config;
use crate::log;
use crate::shown::counted;

/// How long the cluster is asked for something.
const PATIENCE: Duration = Duration::from_secs(10);

/// What asks the cluster, and its brokers; none where there is no cluster, or no way to it.
pub(super) fn examine(config: &Config, findings: &mut Findings<'_>) -> io::Result<Option<(Admin, Vec<Broker>)>> {
    let check = "Kafka";
    if !config.kafka.is_set() {
        findings.ok(check, "no cluster is set: everything is in the data folder")?;
        return Ok(None);
    }
    let cluster = match config.kafka.cluster() {
        Ok(cluster) => cluster,
        Err(error) => {
            findings.failure(check, &format!("{error:#}"), "correct the settings under [kafka]; `playhead config check` shows them all")?;
            return Ok(None);
        }
    };
    let connected = Admin::new(&cluster, PATIENCE).and_then(|admin| Ok((admin.brokers()?, admin)));
    let (brokers, admin) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            let heard = log::kafka_causes();
            let Trouble { why, mend } = in_words(heard.iter().map(|said| said.what.as_str()));
            let detail = if why.is_empty() { error.to_string() } else { format!("{why} ({error})") };
            findings.failure(check, &detail, mend)?;
            findings.warning("topics, transactions, groups", "were not looked at without a connection", "mend the connection first")?;
            return Ok(None);
        }
    };
    let addresses: Vec<&str> = brokers.iter().map(|broker| broker.address.as_str()).collect();
    let prefix = config.kafka.prefix();
    let named = if prefix.is_empty() { String::new() } else { format!("; on it each name begins with {prefix} (kafka.topic_prefix)") };
    findings.ok(check, &format!("{}: {}{named}", counted(brokers.len() as u64, "broker"), addresses.join(", ")))?;
    // Reading is librdkafka's, writing our own.
    let check = "Kafka, to write";
    match cluster.check_writing(PATIENCE) {
        Ok(()) => findings.ok(check, "the producer's connection, encryption and password are taken too")?,
        Err(error) => findings.failure(
            check,
            &error.to_string(),
            "the producer is more strict than librdkafka: a certificate must name the host, be of version 3, and be signed by one that              \"ssl.ca.location\" names",
        )?,
    }
    Ok(Some((admin, brokers)))
}
