//! What a video player reports, for playback and quality of service alike: one stream, because the order matters.

use crate::{Attributes, EventType, checks};

avro_record! {
    /// What a video player reports, for playback and quality of service alike: one stream, because the order matters.
    PlaybackEvent {
        /// Identity of the event: UUIDv7 of the client, or derived by the gateway from what the client sent.
        event_id: [u8; 16],
        /// One playback of one title on one device, 1 to 64 bytes. CMCD sid.
        session_id: &'a str => checks::session_id,
        /// The client's counter in the session: breaks ties of order, and gaps show loss. Never identity.
        sequence: Option<i64>,
        /// What happened. A type that the reader does not know reads as UNKNOWN.
        kind ("type"): EventType,
        /// The client's clock, as sent (microseconds since 1970 UTC).
        event_time: i64 => checks::time,
        /// The gateway's clock in whole milliseconds; equals the timestamp of the Kafka record (microseconds since 1970 UTC).
        received_time: i64 => checks::time,
        /// received_time less the sent_at of the request: how far the client's clock is off, ms.
        clock_shift_ms: Option<i64>,
        /// Profile, pseudonymous.
        profile_id: Option<&'a str> => checks::optional_id,
        /// Account, pseudonymous.
        account_id: Option<&'a str> => checks::optional_id,
        /// Title: a film or a series. The content is episode_id, else title_id.
        title_id: &'a str => checks::id,
        /// Episode of a series.
        episode_id: Option<&'a str> => checks::optional_id,
        /// Media position of the content, never of an ad, ms.
        position_ms: Option<i64> => checks::position,
        /// Length of the content as the player knows it, ms.
        runtime_ms: Option<i64> => checks::runtime,
        /// What the client itself measured for this event, ms: startup, one stall (CMCD bsd), one seek, watch time of an import.
        duration_ms: Option<i64> => checks::duration,
        /// Bitrate after this event, bit/s.
        bitrate_bps: Option<i64> => checks::bitrate,
        /// Playback rate after this event; 0 reads as null.
        playback_rate: Option<f32> => checks::rate,
        /// The player's code of an ERROR.
        error_code: Option<&'a str> => checks::dimension,
        /// Whether an ERROR ended playback.
        error_fatal: Option<bool>,
        /// Trailer, teaser, or started by the product and not by the viewer.
        preview: Option<bool>,
        /// Device, pseudonymous.
        device_id: Option<&'a str> => checks::optional_id,
        /// Kind of device, such as tv or phone.
        device_type: Option<&'a str> => checks::dimension,
        /// ISO 3166-1 alpha-2.
        country: Option<&'a str> => checks::country,
        /// Region within the country.
        region: Option<&'a str> => checks::dimension,
        /// Content delivery network in use from this event on.
        cdn: Option<&'a str> => checks::dimension,
        /// Player library.
        player: Option<&'a str> => checks::dimension,
        /// Version of the app.
        app_version: Option<&'a str> => checks::dimension,
        /// Extension: at most 32 entries and 2 KiB of keys and values. Nothing personal belongs here.
        attributes: Attributes<'a> => checks::attributes,
    }
}

impl PlaybackEvent<'_> {
    /// The one correction that every reader makes, whether it holds the event to its limits or not: rate 0 says nothing.
    pub(crate) fn forget_rate_zero(&mut self) {
        self.playback_rate = self.playback_rate.filter(|rate| *rate != 0.0);
    }
}
