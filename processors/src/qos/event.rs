//! What the fold reads of a playback event.

use schemas::EventType;

/// No value, in the fields that hold an optional number in 32 bits.
const ABSENT: u32 = u32::MAX;

const HAS_SEQUENCE: u8 = 1;
const ERROR_FATAL: u8 = 2;
const DISAGREES: u8 = 4;

/// One distinct event of a session: 48 bytes, no borrowed parts.
///
/// Positions, durations and bitrates are kept in 32 bits, which hold all that validation lets through (48 h, 24 h, 2 Gbit/s) with room
/// to spare; anything outside is clamped, so that no input can make the fold's arithmetic overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    effective_time_us: i64,
    sequence: i64,
    event_hash: u64,
    position_ms: u32,
    duration_ms: u32,
    bitrate_bps: u32,
    /// 0: none.
    rate_thousandths: u32,
    error_code: u16,
    cdn: u16,
    kind: EventType,
    flags: u8,
}

const _: () = assert!(size_of::<Event>() <= 48, "a session of 750 events and what is made of it stay in the inner caches");

impl Event {
    /// An event of which only the time (microseconds since 1970), the xxh3-64 of its event_id and the type are known.
    #[must_use]
    pub const fn new(effective_time_us: i64, event_hash: u64, kind: EventType) -> Self {
        Self {
            effective_time_us,
            sequence: 0,
            event_hash,
            position_ms: ABSENT,
            duration_ms: ABSENT,
            bitrate_bps: ABSENT,
            rate_thousandths: 0,
            error_code: 0,
            cdn: 0,
            kind,
            flags: 0,
        }
    }

    /// The client's counter of events in the session.
    #[must_use]
    pub fn with_sequence(mut self, sequence: Option<i64>) -> Self {
        self.sequence = sequence.unwrap_or(0);
        self.set(HAS_SEQUENCE, sequence.is_some())
    }

    /// Position in the content.
    #[must_use]
    pub fn with_position_ms(mut self, position_ms: Option<i64>) -> Self {
        self.position_ms = pack(position_ms);
        self
    }

    /// What the client measured for this event: startup, one stall, watch time.
    #[must_use]
    pub fn with_duration_ms(mut self, duration_ms: Option<i64>) -> Self {
        self.duration_ms = pack(duration_ms);
        self
    }

    /// Bitrate in force from this event on.
    #[must_use]
    pub fn with_bitrate_bps(mut self, bitrate_bps: Option<i64>) -> Self {
        self.bitrate_bps = pack(bitrate_bps);
        self
    }

    /// Playback rate in force from this event on, in thousandths (see [`rate_thousandths`]). 0 is taken as none.
    #[must_use]
    pub fn with_rate_thousandths(mut self, rate_thousandths: Option<u32>) -> Self {
        self.rate_thousandths = rate_thousandths.unwrap_or(0);
        self
    }

    /// Whether the event, if it is an error, ended playback; and its code's index in the session's table of strings (0: none).
    #[must_use]
    pub fn with_error(mut self, fatal: bool, code: u16) -> Self {
        self.error_code = code;
        self.set(ERROR_FATAL, fatal)
    }

    /// Content delivery network in force from this event on: its index in the session's table of strings (0: none).
    #[must_use]
    pub fn with_cdn(mut self, cdn: u16) -> Self {
        self.cdn = cdn;
        self
    }

    /// Whether the event differs from what the session's opening event fixed.
    #[must_use]
    pub fn with_disagrees(self, disagrees: bool) -> Self {
        self.set(DISAGREES, disagrees)
    }

    /// When it happened, microseconds since 1970.
    #[must_use]
    pub const fn effective_time_us(&self) -> i64 {
        self.effective_time_us
    }

    /// The client's counter of events in the session.
    #[must_use]
    pub const fn sequence(&self) -> Option<i64> {
        if self.flags & HAS_SEQUENCE == 0 { None } else { Some(self.sequence) }
    }

    /// The xxh3-64 of event_id.
    #[must_use]
    pub const fn event_hash(&self) -> u64 {
        self.event_hash
    }

    /// The event's type.
    #[must_use]
    pub const fn kind(&self) -> EventType {
        self.kind
    }

    /// Position in the content; none on SEEK_START, where players report the old position or the new one.
    #[must_use]
    pub fn position_ms(&self) -> Option<u32> {
        if self.kind == EventType::SeekStart { None } else { unpack(self.position_ms) }
    }

    /// What the client measured for this event.
    #[must_use]
    pub const fn duration_ms(&self) -> Option<u32> {
        unpack(self.duration_ms)
    }

    /// Bitrate in force from this event on.
    #[must_use]
    pub const fn bitrate_bps(&self) -> Option<u32> {
        unpack(self.bitrate_bps)
    }

    /// Playback rate in force from this event on, in thousandths, above 0.
    #[must_use]
    pub const fn rate_thousandths(&self) -> Option<u32> {
        if self.rate_thousandths == 0 { None } else { Some(self.rate_thousandths) }
    }

    /// Index of the error's code in the session's table of strings.
    #[must_use]
    pub const fn error_code(&self) -> Option<u16> {
        if self.error_code == 0 { None } else { Some(self.error_code) }
    }

    /// Index of the content delivery network in the session's table of strings.
    #[must_use]
    pub const fn cdn(&self) -> Option<u16> {
        if self.cdn == 0 { None } else { Some(self.cdn) }
    }

    /// Whether it is an error that ended playback.
    #[must_use]
    pub fn is_fatal_error(&self) -> bool {
        self.kind == EventType::Error && self.flags & ERROR_FATAL != 0
    }

    /// Whether it ends playback: END or a fatal error.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.kind == EventType::End || self.is_fatal_error()
    }

    /// Whether it differs from what the session's opening event fixed.
    #[must_use]
    pub const fn disagrees(&self) -> bool {
        self.flags & DISAGREES != 0
    }

    /// Microseconds from the session's first event, of which `origin_us` is the time; saturates (292,000 years).
    pub(super) const fn at_us(&self, origin_us: i64) -> i64 {
        self.effective_time_us.saturating_sub(origin_us)
    }

    fn set(mut self, flag: u8, on: bool) -> Self {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        self
    }
}

/// A playback rate as the fold counts it: thousandths, rounded, at least 1. None where the rate is 0, negative or not a number.
#[must_use]
pub fn rate_thousandths(playback_rate: f32) -> Option<u32> {
    // The cast saturates, which is what an absurd rate deserves.
    (playback_rate > 0.0).then(|| ((f64::from(playback_rate) * 1_000.0).round() as u32).max(1))
}

fn pack(value: Option<i64>) -> u32 {
    const LARGEST: i64 = ABSENT as i64 - 1;
    value.map_or(ABSENT, |value| value.clamp(0, LARGEST) as u32)
}

const fn unpack(packed: u32) -> Option<u32> {
    if packed == ABSENT { None } else { Some(packed) }
}
