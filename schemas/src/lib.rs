//! Playhead's events as types, their Avro schemas and wire codec, and the topics.

#[macro_use]
mod symbols;
#[macro_use]
mod record;

pub mod admission;
mod catalogue;
mod checks;
pub mod clean;
mod codec;
pub mod compatibility;
mod decoder;
mod defaults;
mod event_type;
pub mod fuzz;
pub mod header_name;
pub mod json;
pub mod limits;
mod plan;
mod reason;
mod records;
pub mod redrive;
pub mod registry;
mod rejection;
mod schema;
pub mod text;
pub mod topics;
mod viewing;
pub mod wire;

pub use codec::{Attributes, Headers, Strings};
pub use decoder::{Decoder, SchemaSource, SourceError};
pub use event_type::EventType;
pub use plan::{Plan, PlanError};
pub use reason::{Reason, UnknownReason};
pub use record::Record;
pub use records::{
    ActiveStream, AppEvent, AppEventType, AuditBucket, BillingEvent, BillingEventType, CleanPlaybackEvent, CleanPrefix, DeadLetter,
    EndedBy, Experiment, LedgerEntry, Outcome, PlaybackEvent, PlaybackSession, Profile, ProfileKind, QosSessionSummary, ResumeState,
    StreamState, Suppression, SuppressionKind, Title, TitleKind, ViewingProgress,
};
pub use rejection::Rejection;
pub use schema::{Schema, SchemaError};
pub use viewing::{FULL_VIEW_MEDIA_MS, ViewRank, is_full_view};
