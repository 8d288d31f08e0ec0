//! What the app around the player reports.

use crate::{Attributes, checks};

avro_enum! {
    /// What an app event says happened.
    AppEventType {
        /// The app was opened.
        AppOpen = "APP_OPEN",
        /// The app was closed.
        AppClose = "APP_CLOSE",
        /// A page was shown.
        PageView = "PAGE_VIEW",
        /// A title was shown on a page.
        Impression = "IMPRESSION",
        /// A title was clicked.
        Click = "CLICK",
        /// The viewer searched.
        Search = "SEARCH",
        /// A title was put on the list.
        ListAdd = "LIST_ADD",
        /// A title was taken off the list.
        ListRemove = "LIST_REMOVE",
        /// The viewer rated a title.
        Rating = "RATING",
        /// The viewer chose languages.
        LanguagePreference = "LANGUAGE_PREFERENCE",
        /// The viewer saw a variant of an experiment.
        ExperimentExposure = "EXPERIMENT_EXPOSURE",
        /// The app crashed.
        Crash = "CRASH",
        /// A type that this version does not know: kept, never dropped.
        Unknown = "UNKNOWN",
    } default Unknown
}

avro_record! {
    /// What the app around the player reports.
    AppEvent {
        /// Identity of the event.
        event_id: [u8; 16],
        /// Profile, pseudonymous.
        profile_id: Option<&'a str> => checks::optional_id,
        /// Account, pseudonymous.
        account_id: Option<&'a str> => checks::optional_id,
        /// One use of the app, from open to close.
        app_session_id: &'a str => checks::id,
        /// What happened. A type that the reader does not know reads as UNKNOWN.
        kind ("type"): AppEventType,
        /// The client's clock, as sent (microseconds since 1970 UTC).
        event_time: i64 => checks::time,
        /// The gateway's clock in whole milliseconds; equals the timestamp of the Kafka record (microseconds since 1970 UTC).
        received_time: i64 => checks::time,
        /// received_time less the sent_at of the request, ms.
        clock_shift_ms: Option<i64>,
        /// Title that it is about.
        title_id: Option<&'a str> => checks::optional_id,
        /// Row of the page, from 0.
        row: Option<i64>,
        /// Place in the row, from 0.
        column: Option<i64>,
        /// Rating that the viewer gave, on the scale of the product.
        rating: Option<f32>,
        /// BCP 47.
        audio_language: Option<&'a str> => checks::dimension,
        /// BCP 47.
        subtitle_language: Option<&'a str> => checks::dimension,
        /// Experiment that the viewer was exposed to.
        experiment_id: Option<&'a str> => checks::optional_id,
        /// Variant of that experiment.
        variant: Option<&'a str> => checks::dimension,
        /// Device, pseudonymous.
        device_id: Option<&'a str> => checks::optional_id,
        /// Kind of device, such as tv or phone.
        device_type: Option<&'a str> => checks::dimension,
        /// ISO 3166-1 alpha-2.
        country: Option<&'a str> => checks::country,
        /// Region within the country.
        region: Option<&'a str> => checks::dimension,
        /// Version of the app.
        app_version: Option<&'a str> => checks::dimension,
        /// Extension: at most 32 entries and 2 KiB of keys and values. Nothing personal belongs here.
        attributes: Attributes<'a> => checks::attributes,
    }
}
