//! Where a profile resumes a content: of all its viewings the one with the largest effective end.

avro_record! {
    /// Where a profile resumes a content: of all its viewings the one with the largest effective end.
    ResumeState {
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
        /// Media played in that viewing, ms.
        media_ms: Option<i64>,
        /// At least 95% of the runtime, or in the last 2 min of a runtime over 20 min.
        completed: bool,
        /// Effective end of the viewing (microseconds since 1970 UTC).
        updated_at: i64,
        /// Kind of device.
        device_type: Option<&'a str>,
        /// Whether the session is flagged as a preview: the flag alone, readers combine it with media_ms.
        preview: bool,
    }
}
