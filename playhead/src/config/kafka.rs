//! `[kafka]`: the cluster, and who this process is on it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, bail};
use kafka::{Admin, Cluster};

use super::setting::Values;
use crate::log;

/// Before the names of variables that pass a setting on to librdkafka: `PLAYHEAD_KAFKA_CLIENT_SECURITY_PROTOCOL` is `security.protocol`.
pub(super) const CLIENT_VARIABLES: &str = "PLAYHEAD_KAFKA_CLIENT_";
/// Librdkafka's setting that has it tell of connections that brokers close.
const TELL_OF_CLOSED: &str = "log.connection.close";
/// How long a cluster that does not answer is asked for its topics.
const PATIENCE: Duration = Duration::from_secs(30);
/// Settings of librdkafka that are secrets, and not for a file.
const SECRETS: [&str; 5] = ["sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password", "sasl.oauthbearer.client.secret"];

/// `[kafka]`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KafkaSettings {
    /// Empty where it is not set.
    brokers: String,
    /// The flag, variable or line that names them.
    origin: String,
    /// Before the names of topics and groups, and before transactional ids.
    topic_prefix: String,
    /// `[kafka.client]`: settings of librdkafka, passed on.
    client: BTreeMap<String, String>,
    /// Which process of its stage this is: the same again after a restart, and another in every other process.
    pub(crate) instance: String,
    /// Threads of a stage, each with partitions of its own.
    pub(crate) lanes: u32,
    /// How often a stage commits.
    pub(crate) commit_interval: Duration,
}

impl fmt::Debug for KafkaSettings {
    /// With the names of the client's settings alone: among their values are passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brokers, origin, topic_prefix, client, instance, lanes, commit_interval } = self;
        f.debug_struct("KafkaSettings")
            .field("brokers", brokers)
            .field("origin", origin)
            .field("topic_prefix", topic_prefix)
            .field("client", &client.keys())
            .field("instance", instance)
            .field("lanes", lanes)
            .field("commit_interval", commit_interval)
            .finish()
    }
}

impl KafkaSettings {
    /// # Errors
    /// Where no name of this host is to be had, or the prefix or an address of a broker is none.
    pub(super) fn of(values: &Values) -> anyhow::Result<Self> {
        let instance = match values.text("kafka.instance") {
            "" => host_name()?,
            instance => instance.to_owned(),
        };
        let topic_prefix = values.text("kafka.topic_prefix").to_owned();
        if let Some(bad) = topic_prefix.chars().find(|c| !c.is_ascii_alphanumeric() && !".-_".contains(*c)) {
            bail!(
                "{}: kafka.topic_prefix has {bad:?}, and Kafka's names only letters, digits, '.', '-' and '_'",
                values.origin("kafka.topic_prefix")
            );
        }
        let (brokers, origin) = (values.text("kafka.brokers").to_owned(), values.origin("kafka.brokers").to_owned());
        if !brokers.is_empty() {
            Cluster::new(&brokers).check_brokers().map_err(|problem| anyhow::anyhow!("{origin}: kafka.brokers: {problem}"))?;
        }
        Ok(Self {
            topic_prefix,
            brokers,
            origin,
            client: values.client().iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect(),
            instance,
            lanes: u32::try_from(values.number("kafka.lanes")).unwrap_or(1),
            commit_interval: Duration::from_millis(values.number("kafka.commit_interval").unsigned_abs()),
        })
    }

    /// Whether a cluster is set.
    pub(crate) fn is_set(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// The brokers that are set; empty where none are.
    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The flag, variable or line that names the brokers.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Before the names of topics.
    pub(crate) fn prefix(&self) -> &str {
        &self.topic_prefix
    }

    /// The cluster that is set.
    ///
    /// # Errors
    /// Where none is set, or what is passed on to its clients makes no sense to them.
    pub(crate) fn cluster(&self) -> anyhow::Result<Cluster> {
        if self.brokers.is_empty() {
            bail!("no Kafka cluster is set: name one with --brokers HOST:PORT, kafka.brokers or PLAYHEAD_KAFKA_BROKERS");
        }
        let mut cluster = Cluster {
            prefix: self.topic_prefix.clone(),
            client: self.client.clone(),
            on_log: log::of_kafka,
            ..Cluster::new(&self.brokers)
        };
        cluster.check()?;
        // A connection that is closed at once may be all that there is to hear; those that were idle are not told of.
        cluster.client.entry(TELL_OF_CLOSED.to_owned()).or_insert_with(|| "true".to_owned());
        Ok(cluster)
    }

    /// Whether clients could be made of what is set, be it without brokers.
    ///
    /// # Errors
    /// Where they could not: the setting is named.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let anywhere = if self.brokers.is_empty() { "localhost:9092" } else { &self.brokers };
        Ok(Cluster { client: self.client.clone(), ..Cluster::new(anywhere) }.check()?)
    }

    /// What asks the cluster for its topics, and changes them.
    ///
    /// # Errors
    /// As [`KafkaSettings::cluster`], and where a setting of librdkafka is wrong.
    pub(crate) fn admin(&self) -> anyhow::Result<Admin> {
        self.admin_with(PATIENCE)
    }

    /// As [`KafkaSettings::admin`], which gives up after `patience`.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn admin_with(&self, patience: Duration) -> anyhow::Result<Admin> {
        Ok(Admin::new(&self.cluster()?, patience)?)
    }
}

/// Reads what the environment passes on to librdkafka.
pub(super) fn read_variables(values: &mut Values) -> anyhow::Result<()> {
    for (variable, value) in std::env::vars_os() {
        let Some(variable) = variable.to_str().filter(|variable| variable.starts_with(CLIENT_VARIABLES)) else { continue };
        let value = value.into_string().map_err(|_| anyhow::anyhow!("{variable}: is not UTF-8"))?;
        values.set_client(&variable[CLIENT_VARIABLES.len()..].to_lowercase().replace('_', "."), value, variable.to_owned());
    }
    Ok(())
}

/// Whether a setting of librdkafka is not to be shown: those that are secrets, and what by its name may hold one.
pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key) || ["password", "secret", "key.pem", "jaas", "oauthbearer.config"].iter().any(|part| key.contains(part))
}

/// Whether a setting of librdkafka may stand in a file.
pub(super) fn check_in_file(key: &str) -> Result<(), String> {
    if !SECRETS.contains(&key) {
        return Ok(());
    }
    let variable = format!("{CLIENT_VARIABLES}{}", key.replace('.', "_").to_uppercase());
    Err(format!("is a secret, and not for this file: set {variable}"))
}

pub(super) fn host_name() -> anyhow::Result<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").context("kafka.instance: is not set, and this host has no name")?;
    Ok(name.trim().to_owned())
}
