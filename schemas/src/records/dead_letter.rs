//! A record that a processor refused: what it was, where it stood and why. Its id is (topic_id, partition, offset, stage).

use crate::Headers;

avro_record! {
    /// A record that a processor refused: what it was, where it stood and why. Its id is (topic_id, partition, offset, stage).
    DeadLetter {
        /// Id of the topic that the record stood in.
        topic_id: [u8; 16],
        /// Partition that the record stood in.
        partition: i32,
        /// Offset that the record stood at.
        offset: i64,
        /// Name of that topic and the partition: `topic-partition`. The key.
        source: &'a str,
        /// Processor that refused it.
        stage: &'a str,
        /// Timestamp of the record (microseconds since 1970 UTC).
        timestamp: i64,
        /// Key of the record.
        key: Option<&'a [u8]>,
        /// Value of the record, byte for byte; only its first 64 KiB where value_sha256 is set.
        value: Option<&'a [u8]>,
        /// Length of the whole value, bytes; null for a record without value.
        value_length: Option<i64>,
        /// SHA-256 of the whole value. Set where the value was too large and stands here by reference: its length, its hash and its first 64 KiB.
        value_sha256: Option<[u8; 32]>,
        /// Headers of the record, in order. A name that is not UTF-8, or begins with \x, is \x and its bytes in hexadecimal. Where not all find room, the first ones; detail says how many there were.
        headers: Headers<'a>,
        /// Code of the reason.
        reason: &'a str,
        /// Field that is to blame, where it is one.
        field: Option<&'a str>,
        /// The reason in words, with the value.
        detail: &'a str,
        /// Version of Playhead that refused it.
        software_version: &'a str,
        /// Log time at which it was refused (microseconds since 1970 UTC).
        failed_at: i64,
        /// How often it was refused, this time included.
        attempts: i64,
    }
}
