//! What a session is doing, as its last event says. A hint for whoever looks on: what a session came to is judged from all of its events.

use schemas::EventType;

/// What a session is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is known but that it is open.
    #[default]
    Open,
    Starting,
    Playing,
    Stalled,
    Paused,
    Seeking,
    InAd,
    InBackground,
    Ended,
    Failed,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Starting => "starting",
            Self::Playing => "playing",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
            Self::Seeking => "seeking",
            Self::InAd => "ad",
            Self::InBackground => "background",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }

    /// The state after an event that is younger than all before.
    pub(super) const fn after(self, kind: EventType, is_fatal: bool) -> Self {
        match (kind, self) {
            (EventType::Startup | EventType::Play, _) => Self::Playing,
            (EventType::SessionStart, _) => Self::Starting,
            (EventType::End, Self::Failed) => Self::Failed,
            (EventType::End, _) => Self::Ended,
            (EventType::Error, _) if is_fatal => Self::Failed,
            // Nothing else opens it again.
            (_, Self::Ended | Self::Failed) => self,
            (EventType::Pause, _) => Self::Paused,
            (EventType::SeekStart, _) => Self::Seeking,
            (EventType::BufferingStart, Self::Open | Self::Playing | Self::Stalled) => Self::Stalled,
            (EventType::AdStart, _) => Self::InAd,
            (EventType::Background, _) => Self::InBackground,
            (EventType::BufferingEnd, Self::Stalled) | (EventType::SeekEnd, Self::Seeking) => Self::Playing,
            (EventType::AdEnd, Self::InAd) | (EventType::Foreground, Self::InBackground) => Self::Playing,
            // A position, and so a picture, where nothing else was known.
            (EventType::Heartbeat, Self::Open | Self::Starting) => Self::Playing,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::EventType::{AdEnd, AdStart, BufferingEnd, BufferingStart, End, Error, Heartbeat, Pause, Play, SessionStart, Startup};

    use super::State::{Ended, Failed, InAd, Paused, Playing, Stalled, Starting};

    #[test]
    fn as_events_come() {
        let cases = [
            (Starting, Startup, false, Playing),
            (Starting, BufferingStart, false, Starting),
            (Playing, BufferingStart, false, Stalled),
            (Stalled, BufferingEnd, false, Playing),
            (Paused, BufferingEnd, false, Paused),
            (Paused, Heartbeat, false, Paused),
            (Paused, Play, false, Playing),
            (Playing, AdStart, false, InAd),
            (InAd, AdEnd, false, Playing),
            (Playing, Error, false, Playing),
            (Playing, Error, true, Failed),
            (Failed, End, false, Failed),
            (Playing, End, false, Ended),
            (Ended, Heartbeat, false, Ended),
            (Ended, Pause, false, Ended),
            (Ended, Play, false, Playing),
            (Playing, SessionStart, false, Starting),
        ];
        for (state, kind, is_fatal, expected) in cases {
            assert_eq!(state.after(kind, is_fatal), expected, "{state:?} after {kind:?}");
        }
    }
}
