//! What a profile does not want to be shown: what was opened at or before `at` stays hidden.

avro_enum! {
    /// How far a suppression reaches.
    SuppressionKind {
        /// Shown nowhere.
        Hidden = "hidden",
        /// Not shown in Continue Watching.
        Dismissed = "dismissed",
        /// Deleted from every store.
        Erased = "erased",
    } default Hidden
}

avro_record! {
    /// What a profile does not want to be shown: what was opened at or before `at` stays hidden.
    Suppression {
        /// Profile.
        profile_id: &'a str,
        /// Content; null for all of the profile's.
        content_id: Option<&'a str>,
        /// hidden: nowhere. dismissed: not in Continue Watching. erased: deleted from every store.
        kind: SuppressionKind,
        /// When it was asked for (microseconds since 1970 UTC).
        at: i64,
    }
}
