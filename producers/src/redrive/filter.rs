//! Which letters are meant.

use std::collections::{BTreeMap, BTreeSet};

use schemas::DeadLetter;
use schemas::redrive::LetterId;

/// Which letters are meant: those to which all of it applies. Nothing set: every letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Code of the reason.
    pub reason: Option<String>,
    /// The stage that refused.
    pub stage: Option<String>,
    /// The topic that the record stood in, by name.
    pub topic: Option<String>,
    /// The partition that the record stood in.
    pub partition: Option<u32>,
    /// Refused at or after this log time, microseconds since 1970 UTC.
    pub since_us: Option<i64>,
    /// Refused before this log time, microseconds since 1970 UTC.
    pub until_us: Option<i64>,
    /// One of these letters, each named by its id or as [`named_id`] does.
    pub ids: Option<BTreeSet<String>>,
}

/// The id of a letter with its topic's name: `<topic>-<partition>-<offset>-<stage>`. Two letters may have the same where a topic was deleted
/// and made again under its name.
#[must_use]
pub fn named_id(letter: &DeadLetter<'_>) -> String {
    format!("{}-{}-{}", letter.source, letter.offset, letter.stage)
}

impl Filter {
    /// Whether a letter is meant.
    #[must_use]
    pub fn takes(&self, letter: &DeadLetter<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        is(&self.reason, letter.reason)
            && is(&self.stage, letter.stage)
            && is(&self.topic, topic_of(letter))
            && self.partition.is_none_or(|wanted| u32::try_from(letter.partition) == Ok(wanted))
            && self.since_us.is_none_or(|since_us| letter.failed_at >= since_us)
            && self.until_us.is_none_or(|until_us| letter.failed_at < until_us)
            && self.ids.is_none_or_has(letter)
    }

    /// What of [`Filter::ids`] names this letter.
    pub(super) fn naming(&self, letter: &DeadLetter<'_>) -> Option<&str> {
        let ids = self.ids.as_ref()?;
        let of_id = LetterId::of(letter).and_then(|id| ids.get(&id.to_string()));
        of_id.or_else(|| ids.get(&named_id(letter))).map(String::as_str)
    }
}

trait Ids {
    fn is_none_or_has(&self, letter: &DeadLetter<'_>) -> bool;
}

impl Ids for Option<BTreeSet<String>> {
    fn is_none_or_has(&self, letter: &DeadLetter<'_>) -> bool {
        self.as_ref()
            .is_none_or(|ids| ids.contains(&named_id(letter)) || LetterId::of(letter).is_some_and(|id| ids.contains(&id.to_string())))
    }
}

/// The name of the topic that a letter's record stood in.
pub(super) fn topic_of<'l>(letter: &DeadLetter<'l>) -> &'l str {
    letter.source.rsplit_once('-').map_or(letter.source, |(topic, _)| topic)
}

/// Letters that were asked for by id, and how many answer to each name.
#[derive(Debug, Default)]
pub(super) struct Asked {
    found: BTreeMap<String, u64>,
}

impl Asked {
    pub(super) fn new(filter: &Filter) -> Self {
        Self { found: filter.ids.iter().flatten().map(|id| (id.clone(), 0)).collect() }
    }

    /// Takes note of a letter that a filter takes.
    pub(super) fn note(&mut self, filter: &Filter, letter: &DeadLetter<'_>) {
        if let Some(count) = filter.naming(letter).and_then(|name| self.found.get_mut(name)) {
            *count += 1;
        }
    }

    /// Names to which no letter answers.
    pub(super) fn missing(self) -> Vec<String> {
        self.found.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect()
    }
}
