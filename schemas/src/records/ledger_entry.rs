//! What an import or a redrive has done, so that a second run skips it.

avro_record! {
    /// What an import or a redrive has done, so that a second run skips it.
    LedgerEntry {
        /// Id of an imported row, of a dead letter, or of an event.
        id: &'a str,
        /// The command and what it read.
        source: &'a str,
        /// When it was done (microseconds since 1970 UTC).
        done_at: i64,
    }
}
