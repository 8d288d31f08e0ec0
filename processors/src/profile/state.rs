//! The winners of one partition, by profile and content.

use hashbrown::HashTable;
use pipeline::{KEY_SEPARATOR, NotAState};
use schemas::{ViewingProgress, is_full_view};
use xxhash_rust::xxh3::xxh3_64;

use crate::saved::{Reader, Writer};
use crate::slots::SlotsSave;

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
    /// In slots; one with an empty key is free.
    contents: Vec<Content>,
    free: Vec<u32>,
    by_key: HashTable<u32>,
    /// The hour of log time in which old winners were last looked for.
    swept_hour: i64,
    saving: SlotsSave,
    /// What the first piece of a save says: [`Self::swept_hour`] as it was.
    save_hour: Option<i64>,
}

#[derive(Default)]
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

impl Content {
    fn save(&self, out: &mut Vec<u8>) {
        if self.key.is_empty() {
            return;
        }
        let mut out = Writer(out);
        out.bytes(&self.key);
        for view in [&self.latest, &self.full] {
            out.u8(view.is_some().into());
            if let Some(view) = view {
                view.save(&mut out);
            }
        }
    }
}

impl ProfileState {
    pub(super) fn new(horizon_ms: i64) -> Self {
        Self {
            horizon_ms,
            contents: Vec::new(),
            free: Vec::new(),
            by_key: HashTable::new(),
            swept_hour: i64::MIN,
            saving: SlotsSave::default(),
            save_hour: None,
        }
    }

    /// Begins to save the state as it is now.
    pub(super) fn begin_save(&mut self) {
        self.saving = SlotsSave::begin(self.contents.len());
        self.save_hour = Some(self.swept_hour);
    }

    /// Appends the next piece, about so many bytes; true for the last one.
    pub(super) fn save_piece(&mut self, out: &mut Vec<u8>, bytes: usize) -> bool {
        if let Some(hour) = self.save_hour.take() {
            Writer(out).i64(hour);
        }
        self.saving.take_early(out);
        while out.len() < bytes {
            let Some(slot) = self.saving.next_slot() else {
                self.end_save();
                return true;
            };
            self.contents[slot as usize].save(out);
        }
        false
    }

    /// No save is under way any more.
    pub(super) fn end_save(&mut self) {
        self.saving = SlotsSave::default();
        self.save_hour = None;
    }

    /// The state that was saved.
    pub(super) fn load(&mut self, saved: &[u8]) -> Result<(), NotAState> {
        let mut saved = Reader(saved);
        self.swept_hour = saved.i64()?;
        while !saved.is_empty() {
            let key = saved.bytes()?;
            if key.is_empty() {
                return Err(NotAState("a content has no key".to_owned()));
            }
            let mut view = || Ok(if saved.u8()? == 0 { None } else { Some(View::load(&mut saved)?) });
            let (latest, full) = (view()?, view()?);
            let slot = self.slot(key);
            *self.content_mut(slot) = Content { key: key.into(), latest, full };
        }
        Ok(())
    }

    /// Contents whose winners are kept.
    #[must_use]
    pub fn contents(&self) -> usize {
        self.by_key.len()
    }

    /// Judges a viewing, and says where it is to be published. Without a log time, which a re-keyed partition lacks until it has heard from
    /// all its inputs, nothing is too old.
    pub(super) fn take(&mut self, progress: &ViewingProgress<'_>, log_time_ms: Option<i64>, timestamp_ms: i64) -> [Option<Place>; 2] {
        let now_ms = log_time_ms.unwrap_or(i64::MIN);
        let too_old_us = now_ms.saturating_sub(self.horizon_ms).saturating_add(MAX_AHEAD_MS).saturating_mul(1000);
        let view = View::of(progress, now_ms.max(timestamp_ms).saturating_add(self.horizon_ms));
        let slot = self.slot(&key(progress));
        let content = self.content_mut(slot);
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
            self.forget(slot);
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
        for slot in 0..self.contents.len() as u32 {
            let content = &self.contents[slot as usize];
            let is_kept = [&content.latest, &content.full].into_iter().flatten().any(|view| view.kept_until_ms > log_time_ms);
            if !is_kept && !content.key.is_empty() {
                self.forget(slot);
            }
        }
    }

    /// The slot of a content, which is made if there is none.
    fn slot(&mut self, key: &[u8]) -> u32 {
        let hash = xxh3_64(key);
        if let Some(&slot) = self.by_key.find(hash, |&slot| *self.contents[slot as usize].key == *key) {
            return slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.contents.push(Content::default());
            u32::try_from(self.contents.len() - 1).expect("fewer than 4 billion contents in a partition")
        });
        self.content_mut(slot).key = key.into();
        let contents = &self.contents;
        self.by_key.insert_unique(hash, slot, |&slot| xxh3_64(&contents[slot as usize].key));
        slot
    }

    fn content_mut(&mut self, slot: u32) -> &mut Content {
        let content = &mut self.contents[slot as usize];
        self.saving.preserve(slot, |early| content.save(early));
        content
    }

    fn forget(&mut self, slot: u32) {
        let Content { key, .. } = std::mem::take(self.content_mut(slot));
        if let Ok(entry) = self.by_key.find_entry(xxh3_64(&key), |&held| held == slot) {
            entry.remove();
        }
        self.free.push(slot);
    }
}

fn key(progress: &ViewingProgress<'_>) -> Vec<u8> {
    let content = progress.episode_id.unwrap_or(progress.title_id);
    [progress.profile_id.as_bytes(), &[KEY_SEPARATOR], content.as_bytes()].concat()
}
