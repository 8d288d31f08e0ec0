//! How far a profile is in a viewing: at most one in 30 s of a session, and at each pause, seek end and end.

avro_record! {
    /// How far a profile is in a viewing: at most one in 30 s of a session, and at each pause, seek end and end.
    ViewingProgress {
        /// Profile.
        profile_id: &'a str,
        /// Title.
        title_id: &'a str,
        /// Episode. The content is episode_id, else title_id.
        episode_id: Option<&'a str>,
        /// Session of the viewing.
        session_id: &'a str,
        /// When the session's row was opened (microseconds since 1970 UTC).
        opened_at: i64,
        /// The client's counter at the position: breaks ties within the session.
        sequence: Option<i64>,
        /// Last known position, ms.
        position_ms: i64,
        /// Length of the content, ms.
        runtime_ms: Option<i64>,
        /// Effective time of the position: the viewing's effective end so far (microseconds since 1970 UTC).
        at: i64,
        /// Media played as of the session's last fold, ms; null before the first.
        media_ms: Option<i64>,
        /// Whether the session is flagged as a preview.
        preview: bool,
        /// Kind of device.
        device_type: Option<&'a str>,
    }
}
