//! Realistic events: a viewer's session with a heartbeat each 10 s, a stall, a pause and bitrate switches here and there.

use schemas::{EventType, PlaybackEvent};

/// 2026-01-01T00:00:00Z, ms.
pub(crate) const DAY_MS: i64 = 1_767_225_600_000;

const DEVICE_TYPES: [&str; 4] = ["tv", "phone", "web", "tablet"];
const COUNTRIES: [&str; 4] = ["BR", "DE", "US", "JP"];
const CDNS: [&str; 3] = ["akamai", "fastly", "own"];

/// A cheap generator of random numbers (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// What is fixed for one session.
#[derive(Clone)]
pub(crate) struct Viewing {
    pub(crate) number: u64,
    pub(crate) next_event: u32,
    /// Ids of session, profile, account, device and title, one behind the other.
    ids: [u8; 104],
}

/// Where in a viewing's ids each but the first begins.
const PROFILE_AT: usize = 36;
const ACCOUNT_AT: usize = PROFILE_AT + 16;
const DEVICE_AT: usize = ACCOUNT_AT + 16;
const TITLE_AT: usize = DEVICE_AT + 24;

fn write_hex(mut bits: u64, out: &mut [u8]) {
    for digit in out {
        *digit = b"0123456789abcdef"[(bits & 15) as usize];
        bits = bits.rotate_right(4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Viewing {
    pub(crate) fn new(number: u64) -> Self {
        let mut ids = [0; 104];
        write_hex(number.wrapping_mul(0xd6e8_feb8_6659_fd93), &mut ids[..PROFILE_AT]);
        [8, 13, 18, 23].into_iter().for_each(|at| ids[at] = b'-');
        write_hex(number.wrapping_mul(3), &mut ids[PROFILE_AT..ACCOUNT_AT]);
        write_hex(number.wrapping_mul(5), &mut ids[ACCOUNT_AT..DEVICE_AT]);
        write_hex(number.wrapping_mul(7), &mut ids[DEVICE_AT..TITLE_AT]);
        write_hex(number % 5_000, &mut ids[TITLE_AT..]);
        Self { number, next_event: 0, ids }
    }

    fn ids(&self) -> &str {
        std::str::from_utf8(&self.ids).expect("hexadecimal digits")
    }

    /// The next event of a session of `length` events, at log time `at_ms`.
    pub(crate) fn next(&mut self, length: u32, at_ms: i64) -> PlaybackEvent<'_> {
        let number = self.next_event;
        self.next_event += 1;
        let kind = match number {
            0 => EventType::SessionStart,
            1 => EventType::Startup,
            _ if number + 1 == length => EventType::End,
            _ => match number % 40 {
                7 => EventType::BufferingStart,
                8 => EventType::BufferingEnd,
                15 => EventType::BitrateChange,
                23 => EventType::Pause,
                24 => EventType::Play,
                _ => EventType::Heartbeat,
            },
        };
        let mut event_id = [0; 16];
        event_id[..8].copy_from_slice(&at_ms.to_be_bytes());
        event_id[8..].copy_from_slice(&(self.number << 12 | u64::from(number)).to_be_bytes());
        // The client sends times in milliseconds, some tens of milliseconds before they arrive.
        let event_time = (at_ms - 40 - (self.number % 50) as i64) * 1000;
        let which = self.number as usize;
        let ids = self.ids();
        PlaybackEvent {
            event_id,
            session_id: &ids[..PROFILE_AT],
            sequence: Some(i64::from(number)),
            kind,
            event_time,
            received_time: at_ms * 1000,
            clock_shift_ms: Some(3),
            profile_id: Some(&ids[PROFILE_AT..ACCOUNT_AT]),
            account_id: Some(&ids[ACCOUNT_AT..DEVICE_AT]),
            title_id: &ids[TITLE_AT..],
            position_ms: Some(i64::from(number) * 10_000 + (at_ms % 37)),
            runtime_ms: Some(5_400_000),
            bitrate_bps: Some([2_500_000, 4_000_000, 6_000_000][(number / 15 % 3) as usize]),
            playback_rate: Some(1.0),
            device_id: Some(&ids[DEVICE_AT..TITLE_AT]),
            device_type: Some(DEVICE_TYPES[which % 4]),
            country: Some(COUNTRIES[which % 3]),
            region: Some("sp"),
            cdn: Some(CDNS[which % 3]),
            player: Some("hls"),
            app_version: Some("4.11.0"),
            ..PlaybackEvent::default()
        }
    }
}
