//! A stream of an account: at its start, at its end and each 60 s between. For device limits.

avro_enum! {
    /// What an active stream is doing.
    StreamState {
        /// It plays.
        Playing = "playing",
        /// It is paused.
        Paused = "paused",
        /// It is over.
        Ended = "ended",
    } default Ended
}

avro_record! {
    /// A stream of an account: at its start, at its end and each 60 s between. For device limits.
    ActiveStream {
        /// Account.
        account_id: &'a str,
        /// Session.
        session_id: &'a str,
        /// Profile.
        profile_id: Option<&'a str>,
        /// Title.
        title_id: &'a str,
        /// Device, pseudonymous.
        device_id: Option<&'a str>,
        /// Kind of device.
        device_type: Option<&'a str>,
        /// What the stream is doing.
        state: StreamState,
        /// Effective time of the state (microseconds since 1970 UTC).
        at: i64,
    }
}
