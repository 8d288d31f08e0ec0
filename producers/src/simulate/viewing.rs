//! The viewer's timeline of one session: what was on the screen, from when to when. Events are what the player says of it, and the truth
//! is what adds up here.

/// How often a player reports its position while it plays, ms.
pub(crate) const HEARTBEAT_MS: i64 = 10_000;

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing yet.
    Starting,
    /// The content.
    Playing,
    /// The content stands still for less than 250 ms, which counts as playing.
    MicroStall,
    /// The content stands still for lack of data.
    Rebuffering,
    /// The viewer has paused.
    Paused,
    /// The player looks for another place.
    Seeking,
    /// The player waits for data of another place, or has just found it and waits again.
    SeekStall,
    /// An ad.
    Ad,
    /// An ad stands still for lack of data.
    AdStall,
    /// The app is in the background and the content stands still.
    Background,
    /// The app is in the background and is listened to.
    Listening,
}

/// With what a stretch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Asked,
    FirstFrame,
    Paused,
    Resumed,
    SeekBegun,
    /// The viewer drags on while the player still looks for the place before.
    Scrubbed,
    SeekOver,
    StallBegun,
    StallOver,
    AdBegun,
    BreakOver,
    WentAway,
    CameBack,
    BitrateSwitched,
    RateChosen,
    /// An error that playback survives.
    Erred,
}

/// A piece of the timeline in which nothing changes. Stretches follow each other without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) turn: Turn,
    pub(crate) state: State,
    /// Since the session began, ms.
    pub(crate) start_ms: i64,
    /// Since the session began, ms.
    pub(crate) end_ms: i64,
    /// Media position at the start, ms.
    pub(crate) position_ms: i64,
    /// Playback rate in thousandths.
    pub(crate) rate_thousandths: i64,
    /// Bitrate, bit/s.
    pub(crate) bitrate_bps: u32,
    /// Index into the names of content delivery networks.
    pub(crate) cdn: u8,
}

impl Stretch {
    /// Whether the position moves.
    pub(crate) fn moves(&self) -> bool {
        matches!(self.state, State::Playing | State::Listening)
    }

    /// Media position at an instant of the stretch, ms.
    pub(crate) fn position_at(&self, at_ms: i64) -> i64 {
        let moved_ms = if self.moves() { (at_ms - self.start_ms) * self.rate_thousandths / 1_000 } else { 0 };
        self.position_ms + moved_ms
    }
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The viewer closes the player.
    Left,
    /// The content is over.
    Finished,
    /// A fatal error.
    Failed,
    /// The player falls silent with its last report.
    Vanished,
}

/// The timeline of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Viewing {
    /// At least one.
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) ending: Ending,
    /// What the player says its startup took, ms.
    pub(crate) measured_startup_ms: Option<i64>,
}

impl Viewing {
    /// When it is over, since it began, ms. Of one that vanished: when it was last heard of.
    pub(crate) fn end_ms(&self) -> i64 {
        self.stretches.last().map_or(0, |last| last.end_ms)
    }

    /// Where it stands at its end, ms.
    pub(crate) fn end_position_ms(&self) -> i64 {
        self.stretches.last().map_or(0, |last| last.position_at(last.end_ms))
    }
}
