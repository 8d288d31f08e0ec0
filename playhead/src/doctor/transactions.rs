//! Transactions: what the brokers allow, and whether one hangs.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use kafka::{Admin, Broker, Ends, LaneOptions};
use schemas::topics::Existing;

use super::Findings;
use crate::config::Config;

/// How often it is looked whether a last stable offset moves.
const AGAIN: Duration = Duration::from_millis(500);
/// A transaction that timed out is ended by the broker within this time: it looks every ten seconds, unless told otherwise.
const BROKER_LOOKS: Duration = Duration::from_secs(10);
const MAX_TIMEOUT: &str = "transaction.max.timeout.ms";

pub(super) fn examine(
    config: &Config,
    admin: &Admin,
    brokers: &[Broker],
    found: &BTreeMap<String, Existing>,
    findings: &mut Findings<'_>,
) -> io::Result<()> {
    let Ok(cluster) = config.kafka.cluster() else { return Ok(()) };
    let ours = LaneOptions::new(cluster.clone(), "", "", 0).transaction_timeout;
    limits(admin, brokers, ours, findings)?;
    let check = "open transactions";
    let places: Vec<(&str, u32)> =
        found.iter().flat_map(|(topic, existing)| (0..existing.partitions).map(move |partition| (topic.as_str(), partition))).collect();
    match hanging(admin, &places, ours + BROKER_LOOKS) {
        Err(error) => findings.failure(check, &error.to_string(), "see that this user may describe topics"),
        Ok(hanging) if hanging.is_empty() => {
            findings.ok(check, &format!("none hangs: readers see all that was written to {} partitions", places.len()))
        }
        Ok(hanging) => hanging.iter().try_for_each(|(ends, stood_still)| {
            let Ends { topic, partition, committed, all } = ends;
            let detail = format!(
                "{topic}-{partition}: the last stable offset has stood at {committed} for {} s or longer, {} offsets behind the end: a \
                 transaction is open, and readers wait for it",
                stood_still.as_secs(),
                all - committed,
            );
            let name = cluster.topic(topic);
            let tool = format!("kafka-transactions.sh --bootstrap-server {}", cluster.brokers);
            let mend = format!(
                "`{tool} describe-producers --topic {name} --partition {partition}` names its producer; end that process, or the transaction \
                 by `{tool} abort --topic {name} --partition {partition} --start-offset {committed}`"
            );
            findings.failure(check, &detail, &mend)
        }),
    }
}

fn limits(admin: &Admin, brokers: &[Broker], ours: Duration, findings: &mut Findings<'_>) -> io::Result<()> {
    let check = "transaction time-out";
    let allowed = |broker: &Broker| admin.broker_settings(broker.id).ok()?.get(MAX_TIMEOUT)?.parse::<u128>().ok();
    let allowed = brokers.iter().filter_map(allowed).min();
    match allowed {
        Some(allowed_ms) if allowed_ms < ours.as_millis() => {
            let detail = format!("the brokers allow {allowed_ms} ms, and lanes ask for {}", ours.as_millis());
            findings.failure(check, &detail, &format!("raise {MAX_TIMEOUT} of the brokers"))
        }
        Some(allowed_ms) => findings.ok(check, &format!("lanes ask for {} ms, the brokers allow {allowed_ms}", ours.as_millis())),
        None => findings.warning(check, "the brokers do not say what they allow", "see that this user may describe brokers"),
    }
}

/// Partitions whose last stable offset stands still behind the end for so long, and for how long it was seen to.
fn hanging(admin: &Admin, places: &[(&str, u32)], patience: Duration) -> Result<Vec<(Ends, Duration)>, kafka::KafkaError> {
    let started = Instant::now();
    let mut suspects: Vec<Ends> = admin.ends(places)?;
    loop {
        suspects.retain(|ends| ends.all > ends.committed);
        if suspects.is_empty() || started.elapsed() >= patience {
            return Ok(suspects.into_iter().map(|ends| (ends, started.elapsed())).collect());
        }
        thread::sleep(AGAIN);
        let places: Vec<(&str, u32)> = suspects.iter().map(|ends| (ends.topic.as_str(), ends.partition)).collect();
        let now = admin.ends(&places)?;
        suspects = now.into_iter().filter(|now| suspects.iter().any(|before| is_same(before, now))).collect();
    }
}

fn is_same(before: &Ends, now: &Ends) -> bool {
    (&before.topic, before.partition, before.committed) == (&now.topic, now.partition, now.committed)
}
