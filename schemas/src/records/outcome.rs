//! How a session ended, and how it came out.

avro_enum! {
    /// Why a session is closed.
    EndedBy {
        /// The player said that playback ended.
        End = "end",
        /// A fatal error.
        Error = "error",
        /// Silence.
        Timeout = "timeout",
        /// Too long: the rest is another row.
        Cut = "cut",
        /// It is not.
        Open = "open",
    } default Open
}

avro_enum! {
    /// How a session came out.
    Outcome {
        /// A fatal error before playback had started.
        StartFailure = "start_failure",
        /// The viewer left before playback had started.
        ExitBeforeStart = "exit_before_start",
        /// A fatal error ended playback.
        PlayFailure = "play_failure",
        /// It played.
        Played = "played",
    } default Played
}
