//! Errors by what the caller decides: wait, start over, stop.

use pipeline::LogError;

use crate::raw::{Code, Failure};

/// Why something could not be done outside of a lane's loop.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// A setting that exactness rests on.
    #[error("kafka.client.{key} cannot be set: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// Why not.
        reason: &'static str,
    },
    /// A topic has not as many partitions as was said.
    #[error("topic {topic} has {existing} partitions, not {asked}")]
    PartitionCount {
        /// Its name.
        topic: String,
        /// What it has.
        existing: u32,
        /// What was said.
        asked: u32,
    },
    /// A topic that is not there.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// The cluster did not answer, or not in time.
    #[error("{0}")]
    Unavailable(String),
    /// The cluster or librdkafka refuses it.
    #[error("{0}")]
    Failed(String),
}

impl From<Failure> for KafkaError {
    fn from(failure: Failure) -> Self {
        if failure.is_retriable { Self::Unavailable(failure.to_string()) } else { Self::Failed(failure.to_string()) }
    }
}

impl From<KafkaError> for LogError {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::Unavailable(message) => Self::Transaction(message),
            other => Self::Fatal(other.to_string()),
        }
    }
}

/// What a failure means for a lane: whatever time or a new start can mend is a lost transaction.
pub(crate) fn log_error(what: &str, failure: &Failure) -> LogError {
    let message = format!("{what}: {failure}");
    if failure.code == Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID {
        LogError::Fenced(message)
    } else if is_final(failure.code) {
        LogError::Fatal(message)
    } else {
        LogError::Transaction(message)
    }
}

/// Whether the same will fail again, however often it is tried: rights are missing, or a record is not taken.
pub(crate) const fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
            | Code::RD_KAFKA_RESP_ERR_INVALID_MSG
            | Code::RD_KAFKA_RESP_ERR_INVALID_RECORD
            | Code::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP
            | Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT
            | Code::RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE
            | Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION
            | Code::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION
            | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
            | Code::RD_KAFKA_RESP_ERR__INVALID_ARG
    )
}
