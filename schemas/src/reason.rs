//! Why a record is refused.

use std::fmt;
use std::str::FromStr;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// The code under which a record is refused: at the gateway and in `ingest` as the answer, in a processor as a dead letter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code, as it stands in dead letters, answers and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

reasons! {
    /// The value does not begin with Confluent's framing: 0x00 and four bytes of schema id.
    NotFramed = "not_framed",
    /// The registry does not know the schema id. Raised by whoever asks the registry.
    UnknownSchemaId = "unknown_schema_id",
    /// The body is not Avro of its schema: cut short, a bad length, branch or boolean.
    Undecodable = "undecodable",
    /// Bytes are left after the last field.
    TrailingBytes = "trailing_bytes",
    /// The schema is that of another record than the topic's.
    WrongSchemaForTopic = "wrong_schema_for_topic",
    /// A record without a key.
    MissingKey = "missing_key",
    /// The key is not the record's own field.
    KeyMismatch = "key_mismatch",
    /// A tombstone on a raw topic.
    NullValue = "null_value",
    /// An id of no bytes.
    EmptyId = "empty_id",
    /// An id or a dimension longer than its limit.
    IdTooLong = "id_too_long",
    /// A string that is not UTF-8.
    NotUtf8 = "not_utf8",
    /// Older than the bound for late data.
    TimeTooOld = "time_too_old",
    /// Before 2000-01-01.
    TimeBefore2000 = "time_before_2000",
    /// received_time is more than 60 s ahead of now.
    ReceivedTimeInFuture = "received_time_in_future",
    /// position_ms below 0.
    NegativePosition = "negative_position",
    /// position_ms above 48 h.
    PositionOutOfRange = "position_out_of_range",
    /// duration_ms or runtime_ms below 0 or above its limit.
    NegativeDuration = "negative_duration",
    /// bitrate_bps outside 0 to 2 Gbit/s.
    BadBitrate = "bad_bitrate",
    /// playback_rate is neither 0 nor within 0.01 to 16.
    BadRate = "bad_rate",
    /// country is not two capital letters.
    BadCountry = "bad_country",
    /// More than 32 attributes.
    TooManyAttributes = "too_many_attributes",
    /// More than 2 KiB of attributes.
    AttributesTooLarge = "attributes_too_large",
    /// The value is larger than 1,000,000 bytes.
    RecordTooLarge = "record_too_large",
    /// The session has 20,000 events already.
    SessionTooLong = "session_too_long",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No reason has this code: it comes from a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no reason code")]
pub struct UnknownReason(pub String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == code).ok_or_else(|| UnknownReason(code.to_owned()))
    }
}
