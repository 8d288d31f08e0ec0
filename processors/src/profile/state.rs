//! The winners of one partition, by profile and content.

use hashbrown::HashTable;
use pipeline::{KEY_SEPARATOR, NotAState};
use schemas::{ViewingProgress, is_full_view};
use xxhash_rust::xxh3::xxh3_64;

use crate::saved::{Reader, Writer};

use super::view::View;

const HOUR_MS: i64 = 3_600_000;
/// How far ahead of its reception an event may be taken to have happened, ms.
const MAX_AHEAD_MS: i64 = 5 * 60_000;

/// Where a viewing is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The winner of its content.
    Latest,
    /// The latest full view of its content.
    Full,
    /// Too old to be judged here: stores decide.
    OfItsOwn,
}

/// See the module's documentation.
pub struct ProfileState {
    horizon_ms: i64,
    contents: HashTable<Content>,
    /// The hour of log time in which old winners were last looked for.
    swept_hour: i64,
    /// What is being saved, and how much of it has been taken.
    saving: Vec<u8>,
    saved_bytes: usize,
}

struct Content {
    key: Box<[u8]>,
    latest: Option<View>,
    full: Option<View>,
}

/// What one register makes of a viewing.
enum Verdict {
    Wins,
    Loses,
    TooOld,
}

impl ProfileState {
    pub(super) fn new(horizon_ms: i64) -> Self {
        Self { horizon_ms, contents: HashTable::new(), swept_hour: i64::MIN, saving: Vec::new(), saved_bytes: 0 }
    }

    /// Saves the state as it is now, all of it at once: a content is two small views. By key, so that equal states are equal bytes.
    pub(super) fn begin_save(&mut self) {
        let mut contents: Vec<&Content> = self.contents.iter().collect();
        contents.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        self.saving.clear();
        self.saved_bytes = 0;
        let mut out = Writer(&mut self.saving);
        out.i64(self.swept_hour);
        for content in contents {
            out.bytes(&content.key);
            for view in [&content.latest, &content.full] {
                out.u8(view.is_some().into());
                if let Some(view) = view {
                    view.save(&mut out);
                }
            }
        }
    }

    pub(super) fn save_piece(&mut self, out: &mut Vec<u8>, bytes: usize) -> bool {
        let rest = &self.saving[self.saved_bytes..];
        let piece = &rest[..rest.len().min(bytes)];
        out.extend_from_slice(piece);
        self.saved_bytes += piece.len();
        let is_last = self.saved_bytes == self.saving.len();
        if is_last {
            self.saving = Vec::new();
            self.saved_bytes = 0;
        }
        is_last
    }

    /// The state that was saved.
    pub(super) fn load(&mut self, saved: &[u8]) -> Result<(), NotAState> {
        let mut saved = Reader(saved);
        self.swept_hour = saved.i64()?;
        while !saved.is_empty() {
            let key = saved.bytes()?;
            let mut view = || Ok(if saved.u8()? == 0 { None } else { Some(View::load(&mut saved)?) });
            let content = Content { key: key.into(), latest: view()?, full: view()? };
            self.contents.insert_unique(xxh3_64(key), content, |content| xxh3_64(&content.key));
        }
        Ok(())
    }

    /// Contents whose winners are kept.
    #[must_use]
    pub fn contents(&self) -> usize {
        self.contents.len()
    }

    /// Judges a viewing, and says where it is to be published. Without a log time, which a re-keyed partition lacks until it has heard from
    /// all its inputs, nothing is too old.
    pub(super) fn take(&mut self, progress: &ViewingProgress<'_>, log_time_ms: Option<i64>, timestamp_ms: i64) -> [Option<Place>; 2] {
        let now_ms = log_time_ms.unwrap_or(i64::MIN);
        let too_old_us = now_ms.saturating_sub(self.horizon_ms).saturating_add(MAX_AHEAD_MS).saturating_mul(1000);
        let view = View::of(progress, now_ms.max(timestamp_ms).saturating_add(self.horizon_ms));
        let content = self.content(progress);
        let judge = |register: &mut Option<View>| {
            let held = register.as_ref().filter(|held| held.kept_until_ms > now_ms);
            let verdict = match held {
                Some(held) if held.is_replaced_by(progress) => Verdict::Wins,
                Some(_) => Verdict::Loses,
                None if log_time_ms.is_some() && progress.at <= too_old_us => Verdict::TooOld,
                None => Verdict::Wins,
            };
            if matches!(verdict, Verdict::Wins) {
                *register = Some(view.clone());
            }
            verdict
        };
        let latest = judge(&mut content.latest);
        let full = if is_full_view(progress.preview, progress.media_ms) { judge(&mut content.full) } else { Verdict::Loses };
        let is_empty = content.latest.is_none() && content.full.is_none();
        if is_empty {
            self.forget(progress);
        }
        match (latest, full) {
            (Verdict::TooOld, Verdict::Wins) => [Some(Place::OfItsOwn), Some(Place::Full)],
            (Verdict::Wins, Verdict::TooOld) => [Some(Place::Latest), Some(Place::OfItsOwn)],
            (Verdict::TooOld, _) | (_, Verdict::TooOld) => [Some(Place::OfItsOwn), None],
            (latest, full) => {
                [matches!(latest, Verdict::Wins).then_some(Place::Latest), matches!(full, Verdict::Wins).then_some(Place::Full)]
            }
        }
    }

    /// Forgets winners whose time is over. They count for nothing from then on whether they are still held or not, so it is done by the hour.
    pub(super) fn forget_old(&mut self, log_time_ms: i64) {
        let hour = log_time_ms.div_euclid(HOUR_MS);
        if hour <= self.swept_hour {
            return;
        }
        self.swept_hour = hour;
        self.contents.retain(|content| [&content.latest, &content.full].into_iter().flatten().any(|view| view.kept_until_ms > log_time_ms));
    }

    fn content(&mut self, progress: &ViewingProgress<'_>) -> &mut Content {
        let key = key(progress);
        let hash = xxh3_64(&key);
        self.contents
            .entry(hash, |content| *content.key == *key, |content| xxh3_64(&content.key))
            .or_insert_with(|| Content { key: key.clone().into(), latest: None, full: None })
            .into_mut()
    }

    fn forget(&mut self, progress: &ViewingProgress<'_>) {
        let key = key(progress);
        if let Ok(entry) = self.contents.find_entry(xxh3_64(&key), |content| *content.key == *key) {
            entry.remove();
        }
    }
}

fn key(progress: &ViewingProgress<'_>) -> Vec<u8> {
    let content = progress.episode_id.unwrap_or(progress.title_id);
    [progress.profile_id.as_bytes(), &[KEY_SEPARATOR], content.as_bytes()].concat()
}
