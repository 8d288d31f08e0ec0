//! The raw topics that take events from outside.

use std::sync::LazyLock;

use schemas::{AppEvent, BillingEvent, Plan, PlaybackEvent, Record, Rejection, Schema};

/// The symbol for which a type of a newer client is taken, in every raw topic.
const UNKNOWN: &str = "UNKNOWN";

/// A raw topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawTopic {
    /// Players' events.
    PlaybackEvents,
    /// The app's events.
    AppEvents,
    /// Billing's events.
    BillingEvents,
}

/// What of an event decides where and when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Essence {
    pub(crate) key: String,
    pub(crate) event_id: [u8; 16],
    pub(crate) event_time_us: i64,
    pub(crate) received_time_us: i64,
    pub(crate) clock_shift_ms: Option<i64>,
    /// The type is one that this version does not know.
    pub(crate) is_of_unknown_type: bool,
}

/// A schema that is ready for use.
pub(crate) struct Compiled {
    pub(crate) schema: Schema,
    plan: Plan,
}

impl Compiled {
    fn of<'a, R: Record<'a>>() -> Self {
        Self {
            schema: Schema::parse(R::SCHEMA).expect("the schemas that are compiled in are tested"),
            plan: Plan::compile::<R>(R::SCHEMA).expect("the current schema reads itself"),
        }
    }
}

impl RawTopic {
    /// Every raw topic.
    pub const ALL: [Self; 3] = [Self::PlaybackEvents, Self::AppEvents, Self::BillingEvents];

    /// Name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PlaybackEvents => "playback_events",
            Self::AppEvents => "app_events",
            Self::BillingEvents => "billing_events",
        }
    }

    /// The topic of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// The current Avro schema of its events, JSON.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::PlaybackEvents => PlaybackEvent::SCHEMA,
            Self::AppEvents => AppEvent::SCHEMA,
            Self::BillingEvents => BillingEvent::SCHEMA,
        }
    }

    /// Its current schema, made ready once.
    pub(crate) fn compiled(self) -> &'static Compiled {
        static COMPILED: LazyLock<[Compiled; 3]> =
            LazyLock::new(|| [Compiled::of::<PlaybackEvent<'_>>(), Compiled::of::<AppEvent<'_>>(), Compiled::of::<BillingEvent<'_>>()]);
        &COMPILED[self as usize]
    }

    /// Decodes a body, which holds it to the limits of events.
    pub(crate) fn essence(self, body: &[u8]) -> Result<Essence, Box<Rejection>> {
        let plan = &self.compiled().plan;
        Ok(match self {
            Self::PlaybackEvents => {
                let event = PlaybackEvent::decode(plan, body)?;
                Essence {
                    key: event.session_id.to_owned(),
                    event_id: event.event_id,
                    event_time_us: event.event_time,
                    received_time_us: event.received_time,
                    clock_shift_ms: event.clock_shift_ms,
                    is_of_unknown_type: event.kind.as_str() == UNKNOWN,
                }
            }
            Self::AppEvents => {
                let event = AppEvent::decode(plan, body)?;
                Essence {
                    key: event.profile_id.unwrap_or(event.app_session_id).to_owned(),
                    event_id: event.event_id,
                    event_time_us: event.event_time,
                    received_time_us: event.received_time,
                    clock_shift_ms: event.clock_shift_ms,
                    is_of_unknown_type: event.kind.as_str() == UNKNOWN,
                }
            }
            Self::BillingEvents => {
                let event = BillingEvent::decode(plan, body)?;
                Essence {
                    key: event.account_id.to_owned(),
                    event_id: event.event_id,
                    event_time_us: event.event_time,
                    received_time_us: event.received_time,
                    clock_shift_ms: None,
                    is_of_unknown_type: event.kind.as_str() == UNKNOWN,
                }
            }
        })
    }
}
