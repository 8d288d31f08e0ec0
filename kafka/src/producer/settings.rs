//! The settings of librdkafka that users know, as far as they concern how brokers are reached and written to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::tls;
use crate::KafkaError;
use crate::wire::Compression;

/// A broker's host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

const DEFAULT_PORT: u16 = 9092;

impl Address {
    /// `HOST:PORT`; an address of IPv6 in brackets; what may stand before `://` says nothing.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
            _ => (text, DEFAULT_PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }
}

/// How a name and a password are proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Who a client is, and how it proves it.
#[derive(Clone)]
pub(super) struct Password {
    pub(super) mechanism: Mechanism,
    pub(super) user: String,
    pub(super) password: String,
}

/// How brokers are reached and written to.
pub(crate) struct ClientSettings {
    /// Those that the user named.
    pub(super) brokers: Vec<Address>,
    pub(super) client_id: String,
    /// None without encryption.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) password: Option<Password>,
    pub(super) compression: Compression,
    /// How long records wait for others at most, so that they go together.
    pub(super) linger: Duration,
    /// How long an answer is waited for at most.
    pub(super) answer_limit: Duration,
    /// How long the broker may wait for replicas.
    pub(super) replication_limit: Duration,
}

const KNOWN_TO_NOBODY: &str = "the producer does not know it";

impl ClientSettings {
    /// Of settings by librdkafka's names. Those that tell of nothing but librdkafka's own workings are left to it.
    ///
    /// # Errors
    /// Where one that concerns connections is not known here, or its value makes no sense.
    pub(crate) fn new(settings: &BTreeMap<String, String>) -> Result<Self, KafkaError> {
        let settings = Settings(settings);
        settings.refuse_unknown()?;
        let (is_encrypted, has_password) = match settings.text("security.protocol", "plaintext").to_ascii_lowercase().as_str() {
            "plaintext" => (false, false),
            "ssl" => (true, false),
            "sasl_plaintext" => (false, true),
            "sasl_ssl" => (true, true),
            other => return Err(wrong("security.protocol", other)),
        };
        let brokers = settings.text("bootstrap.servers", "");
        let brokers = brokers.split(',').filter(|broker| !broker.trim().is_empty());
        let compression = settings.either(["compression.type", "compression.codec"], "lz4");
        let linger_ms = settings.either(["linger.ms", "queue.buffering.max.ms"], "5");
        Ok(Self {
            brokers: brokers.map(|broker| Address::parse(broker).ok_or_else(|| wrong("brokers", broker))).collect::<Result<_, _>>()?,
            client_id: settings.text("client.id", "playhead").to_owned(),
            tls: if is_encrypted { Some(tls::config(&settings)?) } else { None },
            password: if has_password { Some(settings.password()?) } else { None },
            compression: Compression::named(compression).ok_or_else(|| wrong("compression.type", compression))?,
            linger: linger_ms
                .parse()
                .ok()
                .filter(|ms: &f64| ms.is_finite())
                .map(|ms| Duration::from_secs_f64(ms.clamp(0.0, 900_000.0) / 1e3))
                .ok_or_else(|| wrong("linger.ms", linger_ms))?,
            answer_limit: settings.milliseconds("socket.timeout.ms", 60_000)?,
            replication_limit: settings.milliseconds("request.timeout.ms", 30_000)?,
        })
    }
}

/// A setting that makes no sense.
pub(super) fn wrong(key: &str, value: &str) -> KafkaError {
    KafkaError::Failed(format!("kafka.client.{key}: {value:?} is not among what the producer knows"))
}

/// Settings by their names.
pub(super) struct Settings<'s>(&'s BTreeMap<String, String>);

/// Of those that begin like these, every one matters.
const MATTER: [&str; 4] = ["ssl", "sasl", "enable.ssl", "enable.sasl"];
const KNOWN: [&str; 12] = [
    "enable.ssl.certificate.verification",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.pem",
];

impl<'s> Settings<'s> {
    pub(super) fn get(&self, key: &str) -> Option<&'s str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn text(&self, key: &str, default: &'s str) -> &'s str {
        self.get(key).unwrap_or(default)
    }

    /// A setting that has two names.
    fn either(&self, [first, second]: [&str; 2], default: &'s str) -> &'s str {
        self.get(second).unwrap_or_else(|| self.text(first, default))
    }

    fn milliseconds(&self, key: &str, default: u64) -> Result<Duration, KafkaError> {
        self.get(key).map_or(Ok(default), |value| value.parse().map_err(|_| wrong(key, value))).map(Duration::from_millis)
    }

    fn refuse_unknown(&self) -> Result<(), KafkaError> {
        let unknown = self.0.keys().find(|key| MATTER.iter().any(|start| key.starts_with(start)) && !KNOWN.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| Err(KafkaError::Refused { key: key.clone(), reason: KNOWN_TO_NOBODY }))
    }

    fn password(&self) -> Result<Password, KafkaError> {
        let mechanism = self.either(["sasl.mechanism", "sasl.mechanisms"], "");
        let mechanism = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => Mechanism::Plain,
            "SCRAM-SHA-256" => Mechanism::ScramSha256,
            "SCRAM-SHA-512" => Mechanism::ScramSha512,
            other => return Err(wrong("sasl.mechanism", other)),
        };
        Ok(Password { mechanism, user: self.text("sasl.username", "").to_owned(), password: self.text("sasl.password", "").to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(settings: &[(&str, &str)]) -> Result<ClientSettings, String> {
        let named = [("bootstrap.servers", "a:1, b")];
        let settings = named.iter().chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        ClientSettings::new(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let (sasl, ssl) = (("security.protocol", "SASL_PLAINTEXT"), ("security.protocol", "ssl"));
        for (given, expected) in [
            (&[sasl, ("sasl.mechanism", "GSSAPI")][..], "kafka.client.sasl.mechanism: \"GSSAPI\" is not among what the producer knows"),
            (
                &[sasl, ("sasl.mechanisms", "OAUTHBEARER")],
                "kafka.client.sasl.mechanism: \"OAUTHBEARER\" is not among what the producer knows",
            ),
            (&[sasl], "kafka.client.sasl.mechanism: \"\" is not among what the producer knows"),
            (&[("security.protocol", "tls")], "kafka.client.security.protocol: \"tls\" is not among what the producer knows"),
            (&[("ssl.keystore.location", "x")], "kafka.client.ssl.keystore.location cannot be set: the producer does not know it"),
            (&[("ssl.cipher.suites", "x")], "kafka.client.ssl.cipher.suites cannot be set: the producer does not know it"),
            (&[("compression.type", "snappy")], "kafka.client.compression.type: \"snappy\" is not among what the producer knows"),
            (&[("socket.timeout.ms", "soon")], "kafka.client.socket.timeout.ms: \"soon\" is not among what the producer knows"),
            (
                &[("security.protocol", "ssl"), ("enable.ssl.certificate.verification", "false")],
                "kafka.client.enable.ssl.certificate.verification: \"false\" is not among what the producer knows",
            ),
            (
                &[("security.protocol", "ssl"), ("ssl.endpoint.identification.algorithm", "none")],
                "kafka.client.ssl.endpoint.identification.algorithm: \"none\" is not among what the producer knows",
            ),
            (&[ssl, ("ssl.ca.pem", "nonsense")], "kafka.client.ssl.ca.pem: there is no certificate in it"),
            (
                &[ssl, ("ssl.ca.location", "/nowhere/ca.pem")],
                "kafka.client.ssl.ca.location: /nowhere/ca.pem: No such file or directory (os error 2)",
            ),
            (&[ssl, ("ssl.key.pem", "nonsense")], "kafka.client.ssl.certificate.location and ssl.key.location go together"),
            (&[("bootstrap.servers", "a:x")], "kafka.client.brokers: \"a:x\" is not among what the producer knows"),
        ] {
            assert_eq!(settings(given).err().as_deref(), Some(expected), "{given:?}");
        }
    }

    #[test]
    fn what_is_known_is_read() {
        let settings = settings(&[
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanisms", "scram-sha-256"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("linger.ms", "0.5"),
            ("compression.codec", "zstd"),
            ("request.timeout.ms", "1000"),
        ])
        .unwrap();
        assert_eq!(settings.brokers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:1", "b:9092"]);
        let password = settings.password.unwrap();
        assert_eq!((password.mechanism, password.user.as_str(), password.password.as_str()), (Mechanism::ScramSha256, "u", "p"));
        assert_eq!((settings.linger, settings.compression), (Duration::from_micros(500), Compression::Zstd));
        assert_eq!((settings.answer_limit, settings.replication_limit), (Duration::from_secs(60), Duration::from_secs(1)));
        assert!(settings.tls.is_none());
    }

    #[test]
    fn addresses() {
        for (text, host, port) in [("h:1", "h", 1), ("h", "h", 9092), ("[::1]:7", "::1", 7), ("::1", "::1", 9092), ("ssl://h:1", "h", 1)] {
            assert_eq!(Address::parse(text), Some(Address { host: host.to_owned(), port }), "{text}");
        }
        assert_eq!(["", ":1", "h:99999"].map(Address::parse), [const { None }; 3]);
    }
}
