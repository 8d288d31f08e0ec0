//! A profile of an account, as of valid_from.

avro_enum! {
    /// Whose profile it is.
    ProfileKind {
        /// An adult's.
        Adult = "adult",
        /// A child's.
        Kids = "kids",
    } default Adult
}

avro_record! {
    /// A profile of an account, as of valid_from.
    Profile {
        /// Profile, pseudonymous.
        profile_id: &'a str,
        /// Account, pseudonymous.
        account_id: &'a str,
        /// From when on this holds (microseconds since 1970 UTC).
        valid_from: i64,
        /// Whose profile it is.
        kind: ProfileKind,
        /// BCP 47.
        language: Option<&'a str>,
        /// ISO 3166-1 alpha-2.
        country: Option<&'a str>,
        /// When the profile was made (microseconds since 1970 UTC).
        created_at: Option<i64>,
    }
}
