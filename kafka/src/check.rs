//! Whether a cluster is described so that it can be reached at all: looked at before anybody connects, and by whoever only looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::KafkaError;
use crate::options::{Cluster, LaneOptions};
use crate::producer::{self, ClientSettings, Wait};
use crate::raw;

impl Cluster {
    /// Whether brokers and settings make sense to both clients, librdkafka and the producer: addresses, names of settings, their values, and
    /// the files that they name. Nobody is asked.
    ///
    /// # Errors
    /// Where one does not: it is named.
    pub fn check(&self) -> Result<(), KafkaError> {
        self.check_brokers()?;
        let settings = LaneOptions::new(self.clone(), "check", "check", 0).consumer_settings()?;
        // Librdkafka says what it does not know, and the producer what it could not do by it.
        raw::check_settings(&settings).map_err(|failure| KafkaError::Failed(failure.message))?;
        self.producer_settings().map(drop)
    }

    /// Whether the brokers are named as `HOST:PORT`, with commas between them.
    ///
    /// # Errors
    /// Where one is not.
    pub fn check_brokers(&self) -> Result<(), KafkaError> {
        self.brokers.split(',').try_for_each(|broker| check_address(broker.trim()))
    }

    /// Whether a broker answers as the producer speaks to it. Its encryption is another than librdkafka's, and more strict.
    ///
    /// # Errors
    /// Where none does within `patience`, or one refuses us.
    pub fn check_writing(&self, patience: Duration) -> Result<(), KafkaError> {
        let settings = Arc::new(self.producer_settings()?);
        producer::look(&settings, &Wait::new(patience, &|| {})).map_err(|error| {
            if error.is_final() { KafkaError::Failed(error.to_string()) } else { KafkaError::Unavailable(error.to_string()) }
        })
    }

    fn producer_settings(&self) -> Result<ClientSettings, KafkaError> {
        let settings: BTreeMap<String, String> = LaneOptions::new(self.clone(), "check", "check", 0).producer_settings()?;
        ClientSettings::new(&settings)
    }
}

/// `HOST:PORT`. Librdkafka takes nearly anything, and cuts a port that is none down to one that is.
fn check_address(broker: &str) -> Result<(), KafkaError> {
    let (host, port) = broker.rsplit_once(':').unwrap_or((broker, ""));
    let (is_host, port) = (is_host(host), port.parse::<u16>().ok().filter(|port| *port > 0));
    if is_host && port.is_some() {
        return Ok(());
    }
    let why = if is_host && broker.contains(':') { " and the port one between 1 and 65535" } else { "" };
    Err(KafkaError::Failed(format!("{broker:?} must be HOST:PORT, as in kafka:9092{why}")))
}

/// A name, an address of IPv4, or one of IPv6 in brackets.
fn is_host(host: &str) -> bool {
    let of = |text: &str, more: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inside| of(inside, ":.%")),
        None => of(host, ".-_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(brokers: &str, client: &[(&str, &str)]) -> Result<(), String> {
        let client = client.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Cluster { client, ..Cluster::new(brokers) }.check().map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_have_a_host_and_a_port_that_there_can_be() {
        for brokers in ["kafka:9092", "a-1.b_c:1,10.0.0.1:65535", "[::1]:9092", "a:1, b:2"] {
            assert_eq!(checked(brokers, &[]), Ok(()), "{brokers}");
        }
        for (brokers, named) in [
            ("127.0.0.1", "\"127.0.0.1\" must be HOST:PORT, as in kafka:9092"),
            ("nonsense port", "\"nonsense port\" must be HOST:PORT, as in kafka:9092"),
            ("host:99999", "\"host:99999\" must be HOST:PORT, as in kafka:9092 and the port one between 1 and 65535"),
            ("a:1,b:0", "\"b:0\" must be HOST:PORT, as in kafka:9092 and the port one between 1 and 65535"),
            ("::1", "\"::1\" must be HOST:PORT, as in kafka:9092"),
            ("a:1,,b:2", "\"\" must be HOST:PORT, as in kafka:9092"),
            ("ssl://a:1", "\"ssl://a:1\" must be HOST:PORT, as in kafka:9092"),
        ] {
            assert_eq!(checked(brokers, &[]), Err(named.to_owned()), "{brokers}");
        }
    }

    #[test]
    fn a_setting_that_either_client_does_not_take_is_named() {
        for (key, value, named) in [
            ("security.protocl", "ssl", "kafka.client.security.protocl: No such configuration property"),
            ("security.protocol", "tls", "kafka.client.security.protocol: "),
            ("group.id", "mine", "kafka.client.group.id cannot be set: it follows from group, instance and lane"),
            ("ssl.cipher.suites", "x", "kafka.client.ssl.cipher.suites cannot be set: the producer does not know it"),
            ("socket.timeout.ms", "soon", "kafka.client.socket.timeout.ms: "),
        ] {
            let said = checked("a:1", &[(key, value)]).unwrap_err();
            assert!(said.starts_with(named), "{said}");
        }
        assert_eq!(checked("a:1", &[("linger.ms", "20"), ("fetch.wait.max.ms", "100")]), Ok(()), "of one kind or the other");
        let missing = checked("a:1", &[("security.protocol", "ssl"), ("ssl.ca.location", "/nowhere/ca.pem")]).unwrap_err();
        assert!(missing.starts_with("kafka.client.ssl.ca.location: /nowhere/ca.pem: No such file"), "{missing}");
    }
}
