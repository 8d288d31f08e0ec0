//! How a session ended and what came of it.

use schemas::{EndedBy, Outcome};

/// What closes a session whose last event leaves no end open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Nothing: it goes on.
    Open,
    /// Silence in log time.
    Timeout,
    /// The bound on a row's length in log time.
    Cut,
}

impl From<Closing> for EndedBy {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Open => Self::Open,
            Closing::Timeout => Self::Timeout,
            Closing::Cut => Self::Cut,
        }
    }
}

/// What came of the viewer's wish to play; none while the session is open and playback has not started.
pub(super) const fn outcome(has_started: bool, ended_by: EndedBy) -> Option<Outcome> {
    match (has_started, ended_by) {
        (true, EndedBy::Error) => Some(Outcome::PlayFailure),
        (true, _) => Some(Outcome::Played),
        (false, EndedBy::Error) => Some(Outcome::StartFailure),
        (false, EndedBy::End | EndedBy::Timeout | EndedBy::Cut) => Some(Outcome::ExitBeforeStart),
        (false, EndedBy::Open) => None,
    }
}
