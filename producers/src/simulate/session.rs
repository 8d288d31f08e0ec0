//! One session, whole: how it begins, what is on the screen, what the player says of it, and how that comes to the log. All of it can be
//! made again from how it begins.

use schemas::{EventType, PlaybackEvent, Record as _, wire};
use uuid::Builder;

use super::audience::{CDN_NAMES, Device, Opening, Viewer, Watched};
use super::delivery::{self, Content, Deliveries, Delivery};
use super::events::{self, ClientEvent};
use super::random::{Purpose, Random};
use super::settings::Settings;
use super::viewing::{Ending, Viewing};
use crate::identity;

/// From how far on a client's clock is corrected, ms (the playback processor's rule).
const TOLERATED_SHIFT_MS: i64 = 5 * 60_000;

/// Code of an error that playback survives, and of one that ends it.
pub(crate) const ERROR_CODES: [&str; 2] = ["segment_404", "decoder_failed"];

/// A run: its settings, and the number that its ids are made from.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) settings: Settings,
    ids: u64,
}

impl Run {
    /// The seed alone says what happens. Ids are made of the start too, so that two runs do not meet in one log.
    pub(crate) fn of(settings: Settings) -> Self {
        let content = identity::Content::default().number(settings.seed.cast_signed()).number(settings.start_ms);
        Self { ids: content.hash() as u64, settings }
    }

    fn random(&self, purpose: Purpose, opening: &Opening) -> Random {
        Random::of(purpose, &[self.settings.seed, u64::from(opening.viewer), u64::from(opening.ordinal)])
    }

    pub(crate) fn profile_id(&self, viewer: u32) -> String {
        format!("profile-{:016x}", Random::of(Purpose::ProfileId, &[self.ids, u64::from(viewer)]).bits())
    }

    /// Two profiles share an account.
    fn account_id(&self, viewer: u32) -> String {
        format!("account-{:016x}", Random::of(Purpose::AccountId, &[self.ids, u64::from(viewer / 2)]).bits())
    }

    fn device_id(&self, viewer: u32, device: &Device) -> String {
        format!("device-{:016x}", Random::of(Purpose::DeviceId, &[self.ids, u64::from(viewer), u64::from(device.number)]).bits())
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) opening: Opening,
    pub(crate) viewer: Viewer,
    pub(crate) viewing: Viewing,
    pub(crate) events: Vec<ClientEvent>,
    pub(crate) deliveries: Deliveries,
    pub(crate) session_id: String,
    pub(crate) profile_id: String,
    pub(crate) account_id: String,
    pub(crate) title_id: String,
    pub(crate) episode_id: Option<String>,
    device_id: String,
    /// What event ids are made from.
    ids: Random,
    /// Start of the session by a right clock, ms since 1970 UTC.
    start_ms: i64,
}

impl Session {
    pub(crate) fn of(run: &Run, opening: Opening) -> Self {
        let seed = run.settings.seed;
        let viewer = Viewer::of(seed, opening.viewer);
        let opening = opening.with_trips(seed, &viewer);
        let device = viewer.devices[usize::from(opening.device)];
        let viewing = Viewing::of(seed, &opening, &viewer);
        let events = events::events(&viewing, device.measures, &mut run.random(Purpose::Events, &opening));
        let deliveries = delivery::deliver(&events, &opening, &run.settings, &mut run.random(Purpose::Delivery, &opening));
        let mut ids = Random::of(Purpose::SessionIds, &[run.ids, u64::from(opening.viewer), u64::from(opening.ordinal)]);
        let session_id = u128::from(ids.bits()) << 64 | u128::from(ids.bits());
        Self {
            session_id: Builder::from_random_bytes(session_id.to_be_bytes()).into_uuid().to_string(),
            profile_id: run.profile_id(opening.viewer),
            account_id: run.account_id(opening.viewer),
            title_id: opening.content.title_id(),
            episode_id: opening.content.episode_id(),
            device_id: run.device_id(opening.viewer, &device),
            start_ms: run.settings.start_ms + opening.at_ms,
            opening,
            viewer,
            viewing,
            events,
            deliveries,
            ids,
        }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.viewer.devices[usize::from(self.opening.device)]
    }

    /// How it came out for the viewer.
    pub(crate) fn watched(&self) -> Watched {
        Watched {
            end_ms: self.opening.at_ms + self.viewing.end_ms(),
            position_ms: self.viewing.end_position_ms(),
            is_finished: self.viewing.ending == Ending::Finished,
        }
    }

    /// What the client's clock shows at an event, microseconds since 1970 UTC.
    fn event_time_us(&self, event: &ClientEvent) -> i64 {
        (self.start_ms + event.at_ms() + self.device().clock_error_ms) * 1_000
    }

    /// By how much the client's clock seems to be behind when a request arrives, ms.
    fn clock_shift_ms(&self, network_ms: u16) -> i64 {
        i64::from(network_ms) - self.device().clock_error_ms
    }

    /// The event that comes to the log first, and so opens the session's row; none where all are lost.
    pub(crate) fn opener(&self) -> Option<&Delivery> {
        self.deliveries.records.iter().find(|delivery| delivery.content == Content::Event)
    }

    /// When an event is taken to have happened, microseconds since 1970 UTC: by the client's clock, which is corrected by what the first
    /// event in log order says of it where it is more than 5 min off.
    pub(crate) fn effective_time_us(&self, event: &ClientEvent, opener: &Delivery) -> i64 {
        let shift_ms = self.clock_shift_ms(opener.network_ms);
        let correction_ms = if shift_ms.abs() > TOLERATED_SHIFT_MS { shift_ms } else { 0 };
        self.event_time_us(event) + correction_ms * 1_000
    }

    /// Writes the key and the value of the record that is delivered.
    pub(crate) fn write(&self, run: &Run, delivery: &Delivery, schema_id: u32, key: &mut Vec<u8>, value: &mut Vec<u8>) {
        let event = &self.events[delivery.event as usize];
        let stretch = &self.viewing.stretches[event.stretch as usize];
        let device = self.device();
        let before = event.stretch.checked_sub(1).map(|before| &self.viewing.stretches[before as usize]);
        let is_startup = event.kind == EventType::Startup;
        let switches_cdn = is_startup || (event.kind == EventType::BitrateChange && before.is_some_and(|before| before.cdn != stretch.cdn));
        let is_error = event.kind == EventType::Error;
        let is_fatal = delivery.event as usize + 1 == self.events.len();
        let record = PlaybackEvent {
            event_id: self.event_id(delivery),
            session_id: &self.session_id,
            sequence: Some(i64::from(delivery.event)),
            kind: event.kind,
            event_time: self.event_time_us(event),
            received_time: (run.settings.start_ms + delivery.received_ms) * 1_000,
            clock_shift_ms: Some(self.clock_shift_ms(delivery.network_ms)),
            profile_id: Some(&self.profile_id),
            account_id: Some(&self.account_id),
            title_id: &self.title_id,
            episode_id: self.episode_id.as_deref(),
            position_ms: event.position_ms(),
            runtime_ms: Some(self.opening.content.runtime_ms()),
            duration_ms: event.duration_ms(),
            bitrate_bps: (is_startup || event.kind == EventType::BitrateChange).then_some(i64::from(stretch.bitrate_bps)),
            playback_rate: (event.kind == EventType::RateChange).then_some(stretch.rate_thousandths as f32 / 1_000.0),
            error_code: is_error.then_some(ERROR_CODES[usize::from(is_fatal)]),
            error_fatal: is_error.then_some(is_fatal),
            preview: self.opening.is_preview.then_some(true),
            device_id: Some(&self.device_id),
            device_type: Some(device.kind.device_type),
            country: Some(self.viewer.country),
            region: Some(self.viewer.region),
            cdn: switches_cdn.then_some(CDN_NAMES[usize::from(stretch.cdn)]),
            player: Some(device.kind.player),
            app_version: Some(device.kind.app_version),
            ..PlaybackEvent::default()
        };
        if let Content::Poison(poison) = delivery.content {
            return poison.write(&record, schema_id, key, value);
        }
        key.extend_from_slice(self.session_id.as_bytes());
        wire::frame(schema_id, value);
        record.encode(value);
    }

    /// A UUID of version 7 (RFC 9562), as clients make it: of their clock, and of chance. Poison has ids of its own.
    fn event_id(&self, delivery: &Delivery) -> [u8; 16] {
        let event = &self.events[delivery.event as usize];
        let kind = match delivery.content {
            Content::Poison(poison) => 1 + poison as u64,
            _ => 0,
        };
        let mut random = Random::of(Purpose::EventId, &[self.ids.clone().bits(), u64::from(delivery.event), kind]);
        let mut chance = [0; 10];
        for (place, byte) in chance.iter_mut().zip(random.bits().to_le_bytes().into_iter().chain(random.bits().to_le_bytes())) {
            *place = byte;
        }
        let clock_ms = self.event_time_us(event).div_euclid(1_000).max(0).cast_unsigned();
        Builder::from_unix_timestamp_millis(clock_ms, &chance).into_uuid().into_bytes()
    }
}
