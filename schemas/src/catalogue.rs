//! Every record with its schemas: the current one and all that were released.

use crate::compatibility::{Incompatibility, check_full_transitive};

/// A version of a record's schema that was released, and is never changed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released<'s> {
    /// 1, 2, 3 and so on.
    pub version: u32,
    /// The schema, JSON.
    pub schema: &'s str,
}

/// The schemas of one record.
#[derive(Clone, Copy, Debug)]
pub struct RecordSchemas {
    /// Name of the record.
    pub record: &'static str,
    /// The schema of this version, JSON.
    pub current: &'static str,
    /// What was released, oldest first.
    pub released: &'static [Released<'static>],
}

macro_rules! catalogue {
    ($($record:literal: $($version:literal),*;)*) => {
        /// Every record.
        pub const RECORDS: &[RecordSchemas] = &[$(RecordSchemas {
            record: $record,
            current: include_str!(concat!("../avro/", $record, ".avsc")),
            released: &[$(Released {
                version: $version,
                schema: include_str!(concat!("../released/", $record, "/v", $version, ".avsc")),
            }),*],
        }),*];
    };
}

catalogue! {
    "PlaybackEvent": 1;
    "CleanPlaybackEvent": 1;
    "AppEvent": 1;
    "BillingEvent": 1;
    "PlaybackSession": 1;
    "QosSessionSummary": 1;
    "ViewingProgress": 1;
    "ResumeState": 1;
    "ActiveStream": 1;
    "AuditBucket": 1;
    "DeadLetter": 1;
    "Suppression": 1;
    "LedgerEntry": 1;
    "Title": 1;
    "Profile": 1;
    "Experiment": 1;
}

/// The schemas of the record with this name.
#[must_use]
pub fn schemas_of(record: &str) -> Option<&'static RecordSchemas> {
    RECORDS.iter().find(|schemas| schemas.record == record)
}

/// What [`check_all`] found of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordCheck {
    /// The record.
    pub record: &'static str,
    /// The released versions that the current schema was held against.
    pub versions: Vec<u32>,
    /// What is wrong; empty where the schema may be released.
    pub errors: Vec<Incompatibility>,
}

/// Holds every current schema against all that were released of its record.
#[must_use]
pub fn check_all() -> Vec<RecordCheck> {
    let check = |schemas: &RecordSchemas| RecordCheck {
        record: schemas.record,
        versions: schemas.released.iter().map(|released| released.version).collect(),
        errors: check_full_transitive(schemas.current, schemas.released).err().unwrap_or_default(),
    };
    RECORDS.iter().map(check).collect()
}
