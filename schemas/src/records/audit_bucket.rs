//! The books of one tier over one partition and one span of time. Equal sums mean equal sets of records.

avro_record! {
    /// The books of one tier over one partition and one span of time. Equal sums mean equal sets of records.
    AuditBucket {
        /// Who counted: the stage or store.
        tier: &'a str,
        /// Id of the topic that was counted.
        topic_id: [u8; 16],
        /// Partition that was counted.
        partition: i32,
        /// Start of the bucket (microseconds since 1970 UTC).
        bucket_start: i64,
        /// Records, without heartbeats: how many.
        records_count: i64,
        /// Records, without heartbeats: sum of their content hashes modulo 2^64, stored as the long of the same bits.
        records_hash_sum: u64,
        /// Events passed on: how many.
        clean_count: i64,
        /// Events passed on: sum of their content hashes modulo 2^64, stored as the long of the same bits.
        clean_hash_sum: u64,
        /// Events seen before: how many.
        duplicates_count: i64,
        /// Events seen before: sum of their content hashes modulo 2^64, stored as the long of the same bits.
        duplicates_hash_sum: u64,
        /// Records refused: how many.
        dead_letters_count: i64,
        /// Records refused: sum of their content hashes modulo 2^64, stored as the long of the same bits.
        dead_letters_hash_sum: u64,
        /// Corrections: how many.
        corrections_count: i64,
        /// Corrections: sum of their content hashes modulo 2^64, stored as the long of the same bits.
        corrections_hash_sum: u64,
    }
}
