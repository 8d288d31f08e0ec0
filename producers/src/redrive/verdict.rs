//! What became of a letter.

use std::collections::BTreeMap;

use schemas::redrive::LetterId;

/// What became of a letter that was to be redriven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its record was written to its topic again.
    Redriven,
    /// It would be, were this no dry run.
    WouldRedrive,
    /// A redrive has done it before.
    AlreadyDone,
    /// Another letter of the same event was redriven: a copy of it would only be dropped, or double where it is no longer remembered.
    SameEvent,
    /// It is older than state remembers sessions, so a copy of the event would count twice. `--force` takes it all the same.
    TooOld {
        /// How old: from the refusal, or from when the event happened, to the log time of its topic, ms.
        age_ms: i64,
    },
    /// The topic that the record stood in is not there any more. Where one of its name is, `--force` writes to that.
    TopicGone,
    /// The letter holds the record in part only, and the record itself is gone.
    RecordGone {
        /// What there is instead.
        detail: String,
    },
    /// With the header of the redrive the record would be larger than its topic takes.
    NoRoom {
        /// By so much, bytes.
        excess_bytes: usize,
    },
    /// A record of `dead_letters` that can't be read as a letter.
    Unreadable {
        /// Why.
        detail: String,
    },
    /// No letter has this id.
    NotFound,
}

impl Verdict {
    /// The code.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Redriven => "redriven",
            Self::WouldRedrive => "would_redrive",
            Self::AlreadyDone => "already_redriven",
            Self::SameEvent => "same_event_redriven",
            Self::TooOld { .. } => "too_old",
            Self::TopicGone => "topic_gone",
            Self::RecordGone { .. } => "record_gone",
            Self::NoRoom { .. } => "no_room",
            Self::Unreadable { .. } => "unreadable",
            Self::NotFound => "not_found",
        }
    }

    /// Whether the record can't be had back this way: bad news.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        !matches!(self, Self::Redriven | Self::WouldRedrive | Self::AlreadyDone | Self::SameEvent)
    }

    /// In words, with what to do about it.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Redriven => "written to its topic again".to_owned(),
            Self::WouldRedrive => "would be written to its topic again".to_owned(),
            Self::AlreadyDone => "was redriven before".to_owned(),
            Self::SameEvent => "another letter of the same event was redriven: this one is a copy".to_owned(),
            Self::TooOld { age_ms } => format!(
                "is {} h old, longer than sessions are remembered: were a copy of the event counted, it would count twice; --force takes that risk",
                age_ms / 3_600_000
            ),
            Self::TopicGone => "its topic is not there any more; where it was made anew, --force writes to the new one".to_owned(),
            Self::RecordGone { detail } | Self::Unreadable { detail } => detail.clone(),
            Self::NoRoom { excess_bytes } => {
                format!("with the header of the redrive it is {excess_bytes} bytes larger than its topic takes: raise max.message.bytes")
            }
            Self::NotFound => "no letter has this id".to_owned(),
        }
    }
}

/// One letter, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The letter; none where it can't be read, or is not there.
    pub id: Option<LetterId>,
    /// Where the record stood (`topic-partition`); of what can't be read where that lies; of what is not there the id that was asked for.
    pub source: String,
    /// Offset of the record there.
    pub offset: Option<i64>,
    /// Why it was refused.
    pub reason: String,
    /// How often it was refused.
    pub attempts: i64,
    /// What became of it.
    pub verdict: Verdict,
}

/// What a redrive came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Letters that were looked at and meant, by the code of what became of them.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Of these, those whose records went back, or would, by reason.
    pub redriven_by_reason: BTreeMap<String, u64>,
    /// Letters that could not be redriven.
    pub failures: u64,
}

impl Report {
    /// Letters whose records went back, or would.
    #[must_use]
    pub fn redriven(&self) -> u64 {
        self.redriven_by_reason.values().sum()
    }

    pub(super) fn count(&mut self, outcome: &Outcome) {
        *self.verdicts.entry(outcome.verdict.as_str()).or_default() += 1;
        if matches!(outcome.verdict, Verdict::Redriven | Verdict::WouldRedrive) {
            *self.redriven_by_reason.entry(outcome.reason.clone()).or_default() += 1;
        }
        self.failures += u64::from(outcome.verdict.is_failure());
    }
}
