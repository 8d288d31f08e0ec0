//! Records that must be refused, each kind with the reason that its dead letter gives.

use schemas::{PlaybackEvent, Reason, Record as _, wire};

/// A way in which a record is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Poison {
    BrokenFrame,
    CutShort,
    TrailingBytes,
    NotUtf8,
    EmptySession,
    LongSession,
    OtherKey,
    BeforeItsTime,
    NegativePosition,
    FarPosition,
    NegativeDuration,
    WildBitrate,
    WildRate,
    NoCountry,
}

impl Poison {
    pub(crate) const ALL: [Self; 14] = [
        Self::BrokenFrame,
        Self::CutShort,
        Self::TrailingBytes,
        Self::NotUtf8,
        Self::EmptySession,
        Self::LongSession,
        Self::OtherKey,
        Self::BeforeItsTime,
        Self::NegativePosition,
        Self::FarPosition,
        Self::NegativeDuration,
        Self::WildBitrate,
        Self::WildRate,
        Self::NoCountry,
    ];

    /// Why it is refused.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::BrokenFrame => Reason::NotFramed,
            Self::CutShort => Reason::Undecodable,
            Self::TrailingBytes => Reason::TrailingBytes,
            Self::NotUtf8 => Reason::NotUtf8,
            Self::EmptySession => Reason::EmptyId,
            Self::LongSession => Reason::IdTooLong,
            Self::OtherKey => Reason::KeyMismatch,
            Self::BeforeItsTime => Reason::TimeBefore2000,
            Self::NegativePosition => Reason::NegativePosition,
            Self::FarPosition => Reason::PositionOutOfRange,
            Self::NegativeDuration => Reason::NegativeDuration,
            Self::WildBitrate => Reason::BadBitrate,
            Self::WildRate => Reason::BadRate,
            Self::NoCountry => Reason::BadCountry,
        }
    }

    /// Writes the record that `event`, which is a good one, becomes.
    pub(crate) fn write(self, event: &PlaybackEvent<'_>, schema_id: u32, key: &mut Vec<u8>, value: &mut Vec<u8>) {
        let long_id = "x".repeat(schemas::limits::SESSION_ID_BYTES + 1);
        let mut event = event.clone();
        match self {
            Self::EmptySession => event.session_id = "",
            Self::LongSession => event.session_id = &long_id,
            // 1970: a clock that was never set.
            Self::BeforeItsTime => event.event_time = 0,
            Self::NegativePosition => event.position_ms = Some(-1),
            Self::FarPosition => event.position_ms = Some(schemas::limits::POSITION_MS + 1),
            Self::NegativeDuration => event.duration_ms = Some(-1),
            Self::WildBitrate => event.bitrate_bps = Some(schemas::limits::BITRATE_BPS + 1),
            Self::WildRate => event.playback_rate = Some(-1.0),
            Self::NoCountry => event.country = Some("br"),
            Self::BrokenFrame | Self::CutShort | Self::TrailingBytes | Self::NotUtf8 | Self::OtherKey => {}
        }
        if self == Self::OtherKey {
            key.extend_from_slice(b"other-");
        }
        let start = value.len();
        wire::frame(schema_id, value);
        event.encode(value);
        match self {
            Self::BrokenFrame => value[start] = 1,
            Self::CutShort => value.truncate(start + (value.len() - start) / 2),
            Self::TrailingBytes => value.push(0),
            // The first byte of the session's id, behind the event's id and the length.
            Self::NotUtf8 => value[start + wire::FRAME_BYTES + 17] = 0xFF,
            _ => {}
        }
        key.extend_from_slice(if event.session_id.is_empty() { b"-" } else { event.session_id.as_bytes() });
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Plan, admission};

    use super::*;

    #[test]
    fn each_kind_is_refused_for_its_reason() {
        let plan = Plan::compile::<PlaybackEvent<'_>>(PlaybackEvent::SCHEMA).expect("our own schema");
        let event = PlaybackEvent {
            session_id: "a-session",
            title_id: "a-title",
            event_time: 1_714_852_800_000_000,
            received_time: 1_714_852_800_000_000,
            ..PlaybackEvent::default()
        };
        for poison in Poison::ALL {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            poison.write(&event, 1, &mut key, &mut value);
            let judged = admission::open(Some(&value)).and_then(|(_, body)| {
                let event = PlaybackEvent::decode(&plan, body)?;
                admission::check_key(Some(&key), "session_id", event.session_id)
            });
            assert_eq!(judged.map_err(|rejection| rejection.reason), Err(poison.reason()), "{poison:?}");
        }
    }
}
