//! The records, one a file.

mod active_stream;
mod app_event;
mod audit_bucket;
mod billing_event;
mod clean_playback_event;
mod dead_letter;
mod experiment;
mod ledger_entry;
mod outcome;
mod playback_event;
mod playback_session;
mod profile;
mod qos_session_summary;
mod resume_state;
mod suppression;
mod title;
mod viewing_progress;

pub use active_stream::{ActiveStream, StreamState};
pub use app_event::{AppEvent, AppEventType};
pub use audit_bucket::AuditBucket;
pub use billing_event::{BillingEvent, BillingEventType};
pub use clean_playback_event::{CleanPlaybackEvent, CleanPrefix};
pub use dead_letter::DeadLetter;
pub use experiment::Experiment;
pub use ledger_entry::LedgerEntry;
pub use outcome::{EndedBy, Outcome};
pub use playback_event::PlaybackEvent;
pub use playback_session::PlaybackSession;
pub use profile::{Profile, ProfileKind};
pub use qos_session_summary::QosSessionSummary;
pub use resume_state::ResumeState;
pub use suppression::{Suppression, SuppressionKind};
pub use title::{Title, TitleKind};
pub use viewing_progress::ViewingProgress;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Record, Schema};

    /// The order of a struct's fields is the order of the wire.
    #[test]
    fn fields_stand_as_in_their_schema() {
        macro_rules! check {
            ($($record:ident),* $(,)?) => {
                $(
                    let schema = Schema::parse($record::SCHEMA).unwrap();
                    assert_eq!(schema.name(), $record::NAME);
                    assert!(schema.field_names().eq($record::FIELDS.iter().copied()), "{}", $record::NAME);
                )*
            };
        }
        check!(
            ActiveStream,
            AppEvent,
            AuditBucket,
            BillingEvent,
            DeadLetter,
            Experiment,
            LedgerEntry,
            PlaybackEvent,
            PlaybackSession,
            Profile,
            QosSessionSummary,
            ResumeState,
            Suppression,
            Title,
            ViewingProgress,
        );
        let schema = Schema::parse(CleanPlaybackEvent::SCHEMA).unwrap();
        assert!(schema.field_names().eq(CleanPrefix::FIELDS.iter().chain(PlaybackEvent::FIELDS).copied()));
    }
}
