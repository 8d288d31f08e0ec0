//! Why a cluster could not be asked, in words: what librdkafka heard on the way, what that means, and what to do about it.

use kafka::KafkaError;
use pipeline::LogError;

use crate::config::Config;
use crate::log;

/// Parts of what librdkafka says, what they mean, and what to do; those first that explain others. Those up to [`LASTING`] are settings that are
/// wrong, which no waiting mends.
const REASONS: [(&str, &str, &str); 9] = [
    (
        "uthentication failed",
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
    ("Invalid response size", "what answers there is no broker of Kafka", "see that kafka.brokers has the broker's port"),
    (
        "isconnected",
        "the broker closes the connection: perhaps it speaks another protocol there",
        "set kafka.client \"security.protocol\" as the listener has it (plaintext, ssl, sasl_plaintext or sasl_ssl), and see what the broker logs",
    ),
    ("Failed to resolve", "the broker's name is not known here", "correct kafka.brokers, or the names of this host's network"),
    ("Connection refused", "nobody listens there", "see that the broker runs, and that kafka.brokers has its port"),
    ("timed out", "the broker does not answer", "see that the way to it is open: firewall, route, and that the broker is not stuck"),
];

const LASTING: usize = 5;

/// Different things that were heard are told up to here.
const CAUSES_TOLD: usize = 3;

/// Why there is no way to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Empty where nobody knows.
    pub(crate) why: &'static str,
    pub(crate) mend: &'static str,
}

/// What librdkafka's words mean.
pub(crate) fn in_words<'s>(said: impl IntoIterator<Item = &'s str>) -> Trouble {
    let said: Vec<&str> = said.into_iter().collect();
    let reason = REASONS.iter().find(|(part, ..)| said.iter().any(|line| line.contains(part)));
    let (why, mend) = reason
        .map_or(("", "see that kafka.brokers and [kafka.client] are right, and what the broker logs"), |(_, why, mend)| (*why, *mend));
    Trouble { why, mend }
}

/// Whether what keeps the cluster from answering is nothing that time mends.
pub(crate) fn is_lasting() -> bool {
    let heard = log::kafka_causes();
    REASONS[..LASTING].iter().any(|(part, ..)| heard.iter().any(|said| said.what.contains(part)))
}

/// An error as a person needs it, where it comes from a cluster: which one, why, and what to do. Any other comes back as it is.
pub(crate) fn explained(error: anyhow::Error, config: &Config) -> anyhow::Error {
    let brokers = config.kafka.brokers();
    let of_kafka = error.chain().find_map(|cause| cause.downcast_ref::<KafkaError>());
    if let Some(KafkaError::NoTopic(topic)) = of_kafka {
        return no_topic(topic, brokers);
    }
    let is_lost = error.chain().any(|cause| matches!(cause.downcast_ref(), Some(LogError::Transaction(_))));
    let heard = log::kafka_causes();
    let is_unavailable = matches!(of_kafka, Some(KafkaError::Unavailable(_))) || (is_lost && !heard.is_empty());
    if !is_unavailable {
        return error;
    }
    let Trouble { why, mend } = in_words(heard.iter().map(|said| said.what.as_str()));
    let mut causes: Vec<String> = heard.iter().take(CAUSES_TOLD).map(ToString::to_string).collect();
    if causes.is_empty() {
        causes.push(format!("{error:#}"));
    }
    let causes = causes.join("; ");
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    anyhow::anyhow!(
        "no answer from the Kafka cluster at {brokers}, which {} names: {causes}{why}; {mend}; `playhead doctor --brokers {brokers}` says more",
        config.kafka.origin(),
    )
}

/// What there is to say of a topic that is not there.
pub(crate) fn no_topic(topic: &str, brokers: &str) -> anyhow::Error {
    anyhow::anyhow!("topic {topic} is not on {brokers}; `playhead topics apply` makes it")
}
