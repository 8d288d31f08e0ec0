//! Who watches: profiles with their devices, networks and habits, and what each watches next.

use super::catalogue::{Catalogue, Content};
use super::random::{Purpose, Random};
use super::settings::{JOINS_MS, LONGEST_BREAK_MS, LONGEST_SESSION_MS, LONGEST_TRIP_MS};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Viewers that begin in each hour of the run, by weight: few at night, most in the evening.
const JOINS_BY_HOUR: [u32; 24] = [4, 2, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 8, 8, 7, 7, 8, 10, 14, 19, 24, 22, 15, 8];

/// Country and region, by weight.
const COUNTRIES: [(u32, (&str, &str)); 8] = [
    (22, ("BR", "sp")),
    (8, ("BR", "rj")),
    (20, ("US", "ca")),
    (10, ("US", "ny")),
    (14, ("DE", "by")),
    (9, ("JP", "13")),
    (9, ("IN", "mh")),
    (8, ("NL", "nh")),
];

/// Content delivery networks, by weight of the sessions that they serve.
const CDNS: [(u32, u8); 3] = [(50, 0), (35, 1), (15, 2)];

/// Name of a content delivery network.
pub(crate) const CDN_NAMES: [&str; 3] = ["akamai", "fastly", "own"];

/// A kind of device: how common it is, what plays on it, and the bitrates that it can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceKind {
    pub(crate) device_type: &'static str,
    pub(crate) player: &'static str,
    pub(crate) app_version: &'static str,
    /// Bitrates, bit/s, rising.
    pub(crate) ladder_bps: &'static [u32],
    /// It is carried about: apps go to the background, and it watches without network.
    pub(crate) is_mobile: bool,
}

const DEVICE_KINDS: [(u32, DeviceKind); 4] = [
    (
        42,
        DeviceKind {
            device_type: "tv",
            player: "exoplayer",
            app_version: "5.2.0",
            ladder_bps: &[1_500_000, 3_000_000, 6_000_000, 10_000_000, 16_000_000],
            is_mobile: false,
        },
    ),
    (
        28,
        DeviceKind {
            device_type: "phone",
            player: "avplayer",
            app_version: "8.14.1",
            ladder_bps: &[235_000, 560_000, 1_050_000, 2_350_000, 4_300_000],
            is_mobile: true,
        },
    ),
    (
        20,
        DeviceKind {
            device_type: "web",
            player: "shaka",
            app_version: "2026.3",
            ladder_bps: &[375_000, 1_050_000, 2_350_000, 4_300_000, 5_800_000],
            is_mobile: false,
        },
    ),
    (
        10,
        DeviceKind {
            device_type: "tablet",
            player: "avplayer",
            app_version: "8.14.1",
            ladder_bps: &[560_000, 1_050_000, 2_350_000, 4_300_000],
            is_mobile: true,
        },
    ),
];

/// One of a viewer's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) kind: DeviceKind,
    /// Told apart by it from the viewer's other one.
    pub(crate) number: u8,
    /// How far its clock is ahead of the true time, ms; negative where it is behind.
    pub(crate) clock_error_ms: i64,
    /// Whether its player measures startup and stalls itself.
    pub(crate) measures: bool,
}

/// A profile, and what its sessions have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    pub(crate) country: &'static str,
    pub(crate) region: &'static str,
    /// Index into [`CDN_NAMES`].
    pub(crate) cdn: u8,
    /// The cheaper subscription.
    pub(crate) has_ads: bool,
    pub(crate) devices: [Device; 2],
}

/// How a session begins; all of it can be made again from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Number of the viewer.
    pub(crate) viewer: u32,
    /// Which of the viewer's sessions, from 0.
    pub(crate) ordinal: u8,
    /// When the viewer asks to play, ms since the start of the run.
    pub(crate) at_ms: i64,
    pub(crate) content: Content,
    /// Where it goes on, ms.
    pub(crate) position_ms: i64,
    /// Which of the viewer's devices.
    pub(crate) device: u8,
    pub(crate) is_preview: bool,
    /// Until when the device is without network, ms since the start of the run.
    pub(crate) offline_until_ms: Option<i64>,
}

/// How a session came out for the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    /// When it was over, ms since the start of the run.
    pub(crate) end_ms: i64,
    /// Where it stood, ms.
    pub(crate) position_ms: i64,
    /// Whether the viewer saw the end of the content.
    pub(crate) is_finished: bool,
}

impl Viewer {
    /// The viewer of that number in runs from this seed.
    pub(crate) fn of(seed: u64, number: u32) -> Self {
        let mut random = Random::of(Purpose::Viewer, &[seed, u64::from(number)]);
        let (country, region) = *random.weighted(&COUNTRIES);
        let cdn = *random.weighted(&CDNS);
        let has_ads = random.percent(30);
        Self { country, region, cdn, has_ads, devices: [0, 1].map(|device| Device::draw(device, &mut random)) }
    }

    /// When a viewer's first session begins, ms since the start of the run.
    pub(crate) fn joins_ms(seed: u64, number: u32) -> i64 {
        let mut random = Random::of(Purpose::Join, &[seed, u64::from(number)]);
        let total: u32 = JOINS_BY_HOUR.iter().sum();
        let mut drawn = random.below(u64::from(total)) as u32;
        let hour = JOINS_BY_HOUR.iter().position(|weight| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        });
        let hour_ms = JOINS_MS / JOINS_BY_HOUR.len() as i64;
        hour.map_or(0, |hour| hour as i64) * hour_ms + random.between(0..=hour_ms - 1)
    }

    /// How many sessions a viewer has.
    pub(crate) fn sessions(seed: u64, number: u32) -> u8 {
        *Random::of(Purpose::SessionCount, &[seed, u64::from(number)]).weighted(&[(52, 1), (22, 2), (13, 3), (8, 4), (5, 5)])
    }
}

impl Device {
    fn draw(number: u8, random: &mut Random) -> Self {
        let kind = *random.weighted(&DEVICE_KINDS);
        let clock_error_ms = match random.below(100) {
            0..80 => random.between(-300..=300),
            // Nobody notices: less than the 5 min from which on a clock is corrected.
            80..92 => random.between(-2 * MINUTE_MS..=2 * MINUTE_MS),
            92..96 => random.between(10 * MINUTE_MS..=26 * HOUR_MS),
            96..99 => -random.between(10 * MINUTE_MS..=26 * HOUR_MS),
            _ => -random.between(DAY_MS..=400 * DAY_MS),
        };
        Self { kind, number, clock_error_ms, measures: random.percent(50) }
    }
}

impl Opening {
    /// The first session of a viewer.
    pub(crate) fn first(seed: u64, viewer: u32, catalogue: &Catalogue) -> Self {
        let mut random = Random::of(Purpose::FirstOpening, &[seed, u64::from(viewer)]);
        let content = catalogue.choose(&mut random);
        let opening = Self::draw(viewer, 0, Viewer::joins_ms(seed, viewer), content, &mut random);
        // Some were halfway through when the run begins.
        let position_ms = if random.percent(25) { random.between(0..=content.runtime_ms() * 3 / 4) } else { 0 };
        Self { position_ms: if opening.is_preview { 0 } else { position_ms }, ..opening }
    }

    fn draw(viewer: u32, ordinal: u8, at_ms: i64, content: Content, random: &mut Random) -> Self {
        let device = u8::from(random.percent(30));
        let is_preview = random.percent(4);
        Self { viewer, ordinal, at_ms, content, position_ms: 0, device, is_preview, offline_until_ms: None }
    }

    /// The session after this one: the next episode at once, the same again later, or something else; sometimes on another device while
    /// this one is still going on.
    pub(crate) fn next(&self, seed: u64, watched: Watched, catalogue: &Catalogue) -> Self {
        let mut random = Random::of(Purpose::NextOpening, &[seed, u64::from(self.viewer), u64::from(self.ordinal)]);
        let random = &mut random;
        let later_ms = watched.end_ms + random.between(MINUTE_MS..=LONGEST_BREAK_MS);
        let ordinal = self.ordinal + 1;
        let other = catalogue.choose(random);
        let draw = |at_ms, content, random: &mut Random| Self::draw(self.viewer, ordinal, at_ms, content, random);
        let next = match (watched.is_finished, self.content.next_episode()) {
            (true, Some(next)) if random.percent(80) => {
                let at_ms = watched.end_ms + random.between(3 * SECOND_MS..=20 * SECOND_MS);
                Self { device: self.device, is_preview: false, ..draw(at_ms, next, random) }
            }
            (false, _) if random.percent(50) => {
                Self { position_ms: watched.position_ms, is_preview: false, ..draw(later_ms, self.content, random) }
            }
            _ if random.percent(8) => {
                let at_ms = random.between(self.at_ms + 1..=watched.end_ms.max(self.at_ms + 1));
                Self { device: 1 - self.device, ..draw(at_ms, other, random) }
            }
            _ => draw(later_ms, other, random),
        };
        // One trip may hold several sessions, as long as they are over before it is.
        let offline_until_ms = self.offline_until_ms.filter(|until_ms| next.at_ms + LONGEST_SESSION_MS <= *until_ms);
        Self { offline_until_ms: offline_until_ms.filter(|_| next.device == self.device), ..next }
    }

    /// Takes the device off the network now and then. To be asked once for each opening.
    pub(crate) fn with_trips(self, seed: u64, viewer: &Viewer) -> Self {
        let mut random = Random::of(Purpose::Trip, &[seed, u64::from(self.viewer), u64::from(self.ordinal)]);
        let is_trip = viewer.devices[usize::from(self.device)].kind.is_mobile && random.percent(8);
        let until_ms = self.at_ms + random.between(LONGEST_SESSION_MS..=LONGEST_TRIP_MS);
        Self { offline_until_ms: self.offline_until_ms.or(is_trip.then_some(until_ms)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_come_most_in_the_evening_and_within_a_day() {
        let mut by_hour = [0; 24];
        for number in 0..20_000 {
            by_hour[(Viewer::joins_ms(1, number) / HOUR_MS) as usize] += 1;
        }
        assert_eq!(by_hour.iter().enumerate().max_by_key(|(_, count)| **count).map(|(hour, _)| hour), Some(20));
        assert!(by_hour[3] < by_hour[20] / 10);
    }

    #[test]
    fn a_viewer_is_the_same_each_time_and_most_clocks_are_right() {
        assert_eq!(Viewer::of(3, 4), Viewer::of(3, 4));
        let errors_ms: Vec<i64> = (0..2_000).map(|number| Viewer::of(1, number).devices[0].clock_error_ms.abs()).collect();
        let wrong = errors_ms.iter().filter(|error_ms| **error_ms > 5 * MINUTE_MS).count();
        assert!((120..200).contains(&wrong), "{wrong}");
        // Between what nobody notices and what is corrected there is room for the network's delay.
        assert!(!errors_ms.iter().any(|error_ms| (2 * MINUTE_MS + 1..10 * MINUTE_MS).contains(error_ms)));
    }
}
