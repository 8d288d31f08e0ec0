//! What a playback event says happened.

/// The type of a playback event. The order is that of the symbols in the Avro schema, so the value is the index on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EventType {
    /// The viewer asked to play.
    SessionStart,
    /// First frame.
    Startup,
    /// Playback was resumed (after a pause, an end, an error).
    Play,
    /// Playback was paused.
    Pause,
    /// A seek began.
    SeekStart,
    /// A seek ended: the picture moves again.
    SeekEnd,
    /// A stall began.
    BufferingStart,
    /// A stall ended.
    BufferingEnd,
    /// The player switched to another bitrate.
    BitrateChange,
    /// The viewer chose another playback rate.
    RateChange,
    /// An ad began.
    AdStart,
    /// An ad break ended.
    AdEnd,
    /// The app went to the background.
    Background,
    /// The app came back to the foreground.
    Foreground,
    /// A sign of life with a position, every 10 s while playing.
    Heartbeat,
    /// An error, fatal or not.
    Error,
    /// Playback is over.
    End,
    /// A type that this version does not know: kept, never dropped.
    #[default]
    Unknown,
}

impl EventType {
    /// Every type, in the order of the schema's symbols.
    pub const ALL: [Self; 18] = [
        Self::SessionStart,
        Self::Startup,
        Self::Play,
        Self::Pause,
        Self::SeekStart,
        Self::SeekEnd,
        Self::BufferingStart,
        Self::BufferingEnd,
        Self::BitrateChange,
        Self::RateChange,
        Self::AdStart,
        Self::AdEnd,
        Self::Background,
        Self::Foreground,
        Self::Heartbeat,
        Self::Error,
        Self::End,
        Self::Unknown,
    ];

    /// The symbol in the Avro schema and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionStart => "SESSION_START",
            Self::Startup => "STARTUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::SeekStart => "SEEK_START",
            Self::SeekEnd => "SEEK_END",
            Self::BufferingStart => "BUFFERING_START",
            Self::BufferingEnd => "BUFFERING_END",
            Self::BitrateChange => "BITRATE_CHANGE",
            Self::RateChange => "RATE_CHANGE",
            Self::AdStart => "AD_START",
            Self::AdEnd => "AD_END",
            Self::Background => "BACKGROUND",
            Self::Foreground => "FOREGROUND",
            Self::Heartbeat => "HEARTBEAT",
            Self::Error => "ERROR",
            Self::End => "END",
            Self::Unknown => "UNKNOWN",
        }
    }
}

symbols!(EventType, EventType::ALL);
