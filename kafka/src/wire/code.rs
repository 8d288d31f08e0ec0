//! What a broker says when it refuses something.

use std::fmt;

/// A broker's error code; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ErrorCode(pub(crate) i16);

macro_rules! codes {
    ($($value:literal $name:ident)*) => {
        #[expect(dead_code, reason = "the list is whole, so that every code has its name in messages")]
        impl ErrorCode {
            $(pub(crate) const $name: Self = Self($value);)*
        }

        const NAMES: &[(i16, &str)] = &[$(($value, stringify!($name))),*];
    };
}

codes! {
    -1 UNKNOWN_SERVER_ERROR
    0 NONE
    2 CORRUPT_MESSAGE
    3 UNKNOWN_TOPIC_OR_PARTITION
    5 LEADER_NOT_AVAILABLE
    6 NOT_LEADER_OR_FOLLOWER
    7 REQUEST_TIMED_OUT
    8 BROKER_NOT_AVAILABLE
    9 REPLICA_NOT_AVAILABLE
    10 MESSAGE_TOO_LARGE
    12 OFFSET_METADATA_TOO_LARGE
    13 NETWORK_EXCEPTION
    14 COORDINATOR_LOAD_IN_PROGRESS
    15 COORDINATOR_NOT_AVAILABLE
    16 NOT_COORDINATOR
    17 INVALID_TOPIC_EXCEPTION
    18 RECORD_LIST_TOO_LARGE
    19 NOT_ENOUGH_REPLICAS
    20 NOT_ENOUGH_REPLICAS_AFTER_APPEND
    21 INVALID_REQUIRED_ACKS
    22 ILLEGAL_GENERATION
    24 INVALID_GROUP_ID
    25 UNKNOWN_MEMBER_ID
    27 REBALANCE_IN_PROGRESS
    29 TOPIC_AUTHORIZATION_FAILED
    30 GROUP_AUTHORIZATION_FAILED
    31 CLUSTER_AUTHORIZATION_FAILED
    32 INVALID_TIMESTAMP
    33 UNSUPPORTED_SASL_MECHANISM
    34 ILLEGAL_SASL_STATE
    35 UNSUPPORTED_VERSION
    41 NOT_CONTROLLER
    42 INVALID_REQUEST
    43 UNSUPPORTED_FOR_MESSAGE_FORMAT
    44 POLICY_VIOLATION
    45 OUT_OF_ORDER_SEQUENCE_NUMBER
    46 DUPLICATE_SEQUENCE_NUMBER
    47 INVALID_PRODUCER_EPOCH
    48 INVALID_TXN_STATE
    49 INVALID_PRODUCER_ID_MAPPING
    50 INVALID_TRANSACTION_TIMEOUT
    51 CONCURRENT_TRANSACTIONS
    52 TRANSACTION_COORDINATOR_FENCED
    53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    55 OPERATION_NOT_ATTEMPTED
    56 KAFKA_STORAGE_ERROR
    58 SASL_AUTHENTICATION_FAILED
    59 UNKNOWN_PRODUCER_ID
    72 LISTENER_NOT_FOUND
    74 FENCED_LEADER_EPOCH
    75 UNKNOWN_LEADER_EPOCH
    76 UNSUPPORTED_COMPRESSION_TYPE
    77 STALE_BROKER_EPOCH
    79 MEMBER_ID_REQUIRED
    82 FENCED_INSTANCE_ID
    87 INVALID_RECORD
    88 UNSTABLE_OFFSET_COMMIT
    89 THROTTLING_QUOTA_EXCEEDED
    90 PRODUCER_FENCED
    100 UNKNOWN_TOPIC_ID
    105 TRANSACTIONAL_ID_NOT_FOUND
    113 STALE_MEMBER_EPOCH
    120 TRANSACTION_ABORTABLE
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(code, _)| *code == self.0) {
            Some((code, name)) => write!(f, "{name} ({code})"),
            None => write!(f, "error code {}", self.0),
        }
    }
}

impl ErrorCode {
    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether another instance has the producer's name now. The broker says the same of a transaction that took too long.
    pub(crate) fn is_fenced(self) -> bool {
        matches!(self, Self::INVALID_PRODUCER_EPOCH | Self::PRODUCER_FENCED)
    }

    /// Whether the same will fail again, however often it is tried: rights are missing, or a record is not taken.
    pub(crate) fn is_final(self) -> bool {
        matches!(
            self,
            Self::UNKNOWN_TOPIC_OR_PARTITION
                | Self::MESSAGE_TOO_LARGE
                | Self::OFFSET_METADATA_TOO_LARGE
                | Self::INVALID_TOPIC_EXCEPTION
                | Self::RECORD_LIST_TOO_LARGE
                | Self::INVALID_REQUIRED_ACKS
                | Self::TOPIC_AUTHORIZATION_FAILED
                | Self::GROUP_AUTHORIZATION_FAILED
                | Self::CLUSTER_AUTHORIZATION_FAILED
                | Self::INVALID_TIMESTAMP
                | Self::UNSUPPORTED_SASL_MECHANISM
                | Self::UNSUPPORTED_VERSION
                | Self::UNSUPPORTED_FOR_MESSAGE_FORMAT
                | Self::POLICY_VIOLATION
                | Self::INVALID_TRANSACTION_TIMEOUT
                | Self::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                | Self::SASL_AUTHENTICATION_FAILED
                | Self::UNSUPPORTED_COMPRESSION_TYPE
                | Self::INVALID_RECORD
        )
    }
}
