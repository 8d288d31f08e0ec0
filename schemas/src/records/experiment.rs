//! An experiment, as of valid_from.

use crate::Strings;

avro_record! {
    /// An experiment, as of valid_from.
    Experiment {
        /// The experiment.
        experiment_id: &'a str,
        /// From when on this holds (microseconds since 1970 UTC).
        valid_from: i64,
        /// Name.
        name: &'a str,
        /// Names of the variants; the first is the control.
        variants: Strings<'a>,
        /// When it started (microseconds since 1970 UTC).
        started_at: Option<i64>,
        /// When it ended (microseconds since 1970 UTC).
        ended_at: Option<i64>,
    }
}
