//! The state of one partition: its rows, their timers, and what an event does to them.

use std::collections::BTreeSet;

use pipeline::{Judgement, NotAState, Outputs, SavedPiece, SegmentPlace};
use schemas::{EventType, PlaybackEvent, Reason, Rejection};
use xxhash_rust::xxh3::xxh3_64;

use crate::saved::{Reader, Writer};

use super::PlaybackConfig;
use super::entry::Incoming;
use super::fold::Workspace;
use super::identity;
use super::packed_id::Id;
use super::report::{OutputSchemas, Reporter};
use super::row::{Added, ClosedBy, NO_SLOT, Row, Slot};
use super::saving::SAVED_ROW;
use super::schedule::{self, Due};
use super::shelf::{PutAway, SAVED_ENTRY, Shelf};
use super::table::{SessionKey, Table};
use super::timers::{self, Timers};

const MINUTE_US: i64 = 60_000_000;
/// A client's clock that is off by more than this is corrected.
const TOLERATED_SHIFT_US: i64 = 5 * MINUTE_US;
/// An event is never taken to have happened later than this after it was received.
const MAX_AHEAD_US: i64 = 5 * MINUTE_US;
/// An event older than this, against log time, is late.
const LATE_AFTER_US: i64 = 5 * MINUTE_US;
/// What the events of one session may take, beside their number: honest ones take some hundred kilobytes at most.
const MAX_SESSION_BYTES: usize = 4 << 20;
const PROGRESS_INTERVAL_S: u32 = 30;
const ACTIVE_INTERVAL_S: u32 = 60;

/// What became of an event that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When it happened, microseconds.
    pub effective_time_us: i64,
    /// Whether it is more than 5 min older than log time.
    pub is_late: bool,
}

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// It was new.
    New,
    /// It was there already.
    Duplicate,
    /// Not taken yet: its session must be brought back from there first.
    PutAway(SegmentPlace),
}

/// Sessions of one partition. A function of the partition's records.
pub struct PlaybackState {
    config: PlaybackConfig,
    schemas: OutputSchemas,
    partition: u32,
    table: Table,
    shelf: Shelf,
    timers: Timers,
    workspace: Workspace,
    due: Vec<Slot>,
    /// What the first piece of a save says: rows, and sessions put away.
    save_counts: Option<[usize; 2]>,
    /// Seconds whose timers are in part of rows that left memory.
    stale_seconds: BTreeSet<i64>,
}

impl PlaybackState {
    pub(super) fn new(config: PlaybackConfig, schemas: OutputSchemas, partition: u32) -> Self {
        Self {
            config,
            schemas,
            partition,
            table: Table::default(),
            shelf: Shelf::default(),
            timers: Timers::default(),
            workspace: Workspace::default(),
            due: Vec::new(),
            save_counts: None,
            stale_seconds: BTreeSet::new(),
        }
    }

    /// The state that was saved.
    pub(super) fn load(&mut self, saved: &[u8]) -> Result<(), NotAState> {
        // What a row takes at least: a count that was not written here asks for no more than there can be.
        let most = saved.len() / 16;
        let mut saved = Reader(saved);
        let mut count = || Ok(usize::try_from(saved.i64()?).unwrap_or_default().min(most));
        let (rows, put_away) = (count()?, count()?);
        self.table.reserve(rows);
        self.shelf.reserve(put_away);
        while !saved.is_empty() {
            match saved.u8()? {
                SAVED_ROW => {
                    let row = Row::load(&mut saved, &mut self.workspace)?;
                    let slot = self.table.restore(row);
                    self.arm(slot);
                }
                SAVED_ENTRY => self.shelf.insert(PutAway::load(&mut saved)?),
                _ => return Err(NotAState("neither a session nor the place of one".to_owned())),
            }
        }
        Ok(())
    }

    /// Begins to save the state as it is now.
    pub(super) fn begin_save(&mut self) {
        self.end_save();
        self.table.begin_save();
        self.shelf.begin_save();
        self.save_counts = Some([self.table.len(), self.shelf.len()]);
    }

    /// Fills the next piece with about so many bytes; true for the last one.
    pub(super) fn save_piece(&mut self, piece: &mut SavedPiece, bytes: usize) -> bool {
        if let Some(counts) = self.save_counts.take() {
            counts.into_iter().for_each(|count| Writer(&mut piece.state).i64(count as i64));
        }
        self.table.save_piece(piece, bytes) && self.shelf.save_piece(&mut piece.state, bytes)
    }

    /// What was saved is durable: about `most` of the sessions that were put away leave memory; true once all have.
    pub(super) fn let_go(&mut self, most: usize) -> bool {
        for _ in 0..most {
            let Some((slot, away)) = self.table.next_to_let_go() else {
                self.end_save();
                return true;
            };
            let row = self.table.row(slot);
            let due_ms = schedule::eviction_at_ms(row, &self.config);
            if row.timer_tag == timers::tag(due_ms) {
                self.stale_seconds.insert(timers::second_of(due_ms));
            }
            self.table.remove(slot);
            self.shelf.insert(away);
        }
        false
    }

    /// No save is under way any more.
    pub(super) fn end_save(&mut self) {
        self.table.end_save();
        self.shelf.end_save();
        let table = &self.table;
        for second in std::mem::take(&mut self.stale_seconds) {
            self.timers.forget_stale(second, |&slot| table.row(slot).is_alive());
        }
    }

    /// Numbers of the segments in which sessions lie.
    pub(super) fn segments(&self) -> BTreeSet<u32> {
        self.shelf.segments().collect()
    }

    /// Takes a session back that was put away.
    pub(super) fn bring_back(&mut self, place: SegmentPlace, saved: &[u8]) -> Result<(), NotAState> {
        let row = Row::load(&mut Reader(saved), &mut self.workspace)?;
        let hash = SessionKey::of(row.session_id().as_str().unwrap_or_default()).hash;
        if !self.shelf.remove(hash, place) {
            return Err(NotAState("the session there is not the one that was put away".to_owned()));
        }
        let slot = self.table.restore(row);
        self.arm(slot);
        Ok(())
    }

    /// Sessions that were put away, and the bytes of their index.
    #[must_use]
    pub fn put_away(&self) -> (usize, usize) {
        (self.shelf.len(), self.shelf.allocated_bytes())
    }

    /// Rows in memory: open sessions, and closed ones that were not put away.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.table.len()
    }

    /// Bytes allocated for the events of all rows, without the tables around them.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.table.iter().map(|row| row.log.allocated_bytes()).sum()
    }

    /// Brings the sessions of the events that come next into the caches, each by its session id and event id; at most [`pipeline::AHEAD`]
    /// of them count. It changes nothing, so a wrong id does no harm.
    pub fn prepare<'k>(&self, upcoming: impl Iterator<Item = (&'k [u8], [u8; 16])>) {
        self.table.prepare(upcoming.map(|(session_id, event_id)| (session_id, xxh3_64(&event_id))));
    }

    /// Takes an event. `pass_on` is called for a new one before anything is said of its session.
    ///
    /// # Errors
    /// [`Reason::SessionTooLong`].
    pub fn take(
        &mut self,
        event: &PlaybackEvent<'_>,
        log_time_ms: i64,
        is_import: bool,
        judgement: Judgement,
        out: &mut Outputs,
        pass_on: impl FnOnce(&mut Outputs, &Taken),
    ) -> Result<Took, Box<Rejection>> {
        let session = SessionKey::of(event.session_id);
        let event_hash = xxh3_64(&event.event_id);
        let newest = self.table.find(session);
        if newest.is_none()
            && let Some(place) = self.shelf.find(session.hash)
        {
            return Ok(Took::PutAway(place));
        }
        let shift_us = match newest {
            Some(slot) if self.holds(slot, event_hash) => return Ok(Took::Duplicate),
            Some(slot) => identity::shift_us(self.table.row(slot).log.bytes()),
            None => shift_of(event),
        };
        let effective_time_us = effective_time_us(event, shift_us);
        let row_slot = newest.and_then(|slot| self.row_for(slot, effective_time_us));
        if judgement == Judgement::Open {
            check_effective_time(effective_time_us, shift_us)?;
            if let Some(slot) = row_slot {
                self.check_length(slot, event)?;
            }
        }
        let is_late = effective_time_us < log_time_ms.saturating_mul(1000).saturating_sub(LATE_AFTER_US);
        pass_on(out, &Taken { effective_time_us, is_late });
        let (slot, is_new) = match row_slot {
            Some(slot) => (slot, false),
            None => (self.open_row(session, newest, event, shift_us, effective_time_us, log_time_ms, is_import), true),
        };
        self.add(slot, is_new, event, effective_time_us, event_hash, log_time_ms, out);
        Ok(Took::New)
    }

    /// Whether any row of the session holds the event.
    fn holds(&self, newest: Slot, event_hash: u64) -> bool {
        let mut slot = newest;
        while slot != NO_SLOT {
            let row = self.table.row(slot);
            if row.log.contains(event_hash) {
                return true;
            }
            slot = row.older;
        }
        false
    }

    /// The row that an effective time belongs to: the oldest whose day was not over then.
    fn row_for(&self, newest: Slot, effective_time_us: i64) -> Option<Slot> {
        let mut found = None;
        let mut slot = newest;
        while slot != NO_SLOT {
            let row = self.table.row(slot);
            if effective_time_us.div_euclid(1000) < schedule::cut_at_ms(row, &self.config) {
                found = Some(slot);
            }
            slot = row.older;
        }
        found
    }

    fn check_length(&self, slot: Slot, event: &PlaybackEvent<'_>) -> Result<(), Box<Rejection>> {
        let log = &self.table.row(slot).log;
        if log.count() < self.config.max_session_events && log.bytes().len() < MAX_SESSION_BYTES {
            return Ok(());
        }
        let (events, bytes) = (log.count(), log.bytes().len());
        let limits = format!("at most {} events and {MAX_SESSION_BYTES} bytes", self.config.max_session_events);
        let detail = format!("session {:?} holds {events} events in {bytes} bytes, {limits}", event.session_id);
        Err(Rejection::of_field(Reason::SessionTooLong, "session_id", detail))
    }

    #[expect(clippy::too_many_arguments, reason = "what an event and its session are known by at this point")]
    fn open_row(
        &mut self,
        session: SessionKey<'_>,
        newest: Option<Slot>,
        event: &PlaybackEvent<'_>,
        shift_us: i64,
        effective_time_us: i64,
        log_time_ms: i64,
        is_import: bool,
    ) -> Slot {
        let boundary_us = newest.map_or(i64::MIN, |slot| schedule::cut_at_ms(self.table.row(slot), &self.config).saturating_mul(1000));
        let opened_at_us = effective_time_us.max(boundary_us);
        let row = Row::open(event, shift_us, opened_at_us, log_time_ms, is_import, &mut self.workspace.entry);
        self.table.insert(session, newest, row)
    }

    #[expect(clippy::too_many_arguments, reason = "an event, where it goes and when")]
    fn add(
        &mut self,
        slot: Slot,
        is_new: bool,
        event: &PlaybackEvent<'_>,
        effective_time_us: i64,
        event_hash: u64,
        log_time_ms: i64,
        out: &mut Outputs,
    ) {
        let row = self.table.row_mut(slot);
        let incoming = Incoming { event, effective_time_us };
        let added = row.add(&incoming, event_hash, log_time_ms, &mut self.workspace);
        let agreeing = added.agrees.then_some(event);
        let mut reporter = Reporter { schemas: self.schemas, partition: self.partition, log_time_ms, agreeing, out };
        let must_rearm = if row.is_closed() {
            after_closing(row, &added, &incoming, &self.config, &mut reporter, &mut self.workspace)
        } else {
            while_open(row, is_new, &added, &incoming, &mut reporter, &mut self.workspace)
        };
        if row.is_closed() && row.is_import {
            self.table.remove(slot);
        } else if is_new || must_rearm {
            self.arm(slot);
        }
    }

    fn arm(&mut self, slot: Slot) {
        let row = self.table.row_mut(slot);
        let (due_ms, _) = schedule::next(row, &self.config);
        row.timer_tag = self.timers.set(due_ms, slot);
    }

    /// Fires every timer due at or before `log_time_ms`, in order of (due time, session_id).
    pub fn advance(&mut self, log_time_ms: i64, out: &mut Outputs) {
        // What was put away was said: it is forgotten without a word.
        self.shelf.forget_before(schedule::first_kept_hour(log_time_ms, &self.config));
        let table = &self.table;
        self.timers.begin_seconds(log_time_ms, |slot, second_ms| {
            let row = table.row(slot);
            timers::due_from_tag(row.timer_tag, second_ms).filter(|_| row.is_alive())
        });
        while let Some(due_ms) = self.timers.next_due_ms()
            && due_ms <= log_time_ms
        {
            let mut due = std::mem::take(&mut self.due);
            self.timers.take_due(due_ms, &mut due);
            due.sort_unstable();
            due.dedup();
            due.retain(|&slot| {
                let row = self.table.row(slot);
                row.is_alive() && row.timer_tag == timers::tag(due_ms)
            });
            if due.len() > 1 {
                due.sort_by_cached_key(|&slot| self.order_key(slot));
            }
            for &slot in &due {
                self.fire(slot, due_ms, out);
            }
            due.clear();
            self.due = due;
        }
    }

    fn order_key(&self, slot: Slot) -> (Id<'_>, i64) {
        let row = self.table.row(slot);
        (row.session_id(), row.opened_at_us)
    }

    /// Does what is due for a row at `due_ms`, if anything is: timers may come early.
    fn fire(&mut self, slot: Slot, due_ms: i64, out: &mut Outputs) {
        let row = self.table.row_mut(slot);
        let (next_ms, due) = schedule::next(row, &self.config);
        if next_ms > due_ms {
            row.timer_tag = self.timers.set(next_ms, slot);
            return;
        }
        let mut reporter = Reporter { schemas: self.schemas, partition: self.partition, log_time_ms: due_ms, agreeing: None, out };
        match due {
            Due::Mark => {
                row.mark = schedule::mark_after(row.opened_log_ms, due_ms);
                if row.is_unsaid() {
                    reporter.say(row, &mut self.workspace);
                }
            }
            Due::Silence | Due::Cut => {
                row.close(if due == Due::Cut { ClosedBy::Cut } else { ClosedBy::Silence }, due_ms);
                reporter.say(row, &mut self.workspace);
                reporter.say_stream(row, due_ms.saturating_mul(1000));
            }
            Due::LateReport => reporter.say(row, &mut self.workspace),
            Due::Eviction => {
                if row.is_unsaid() {
                    reporter.say(row, &mut self.workspace);
                }
            }
        }
        if due == Due::Eviction || (row.is_closed() && row.is_import) {
            self.table.remove(slot);
        } else {
            self.arm(slot);
        }
    }
}

/// An event of an open row: it may close it, else it is thinned into progress and active streams. True where the timer must be set anew.
fn while_open(
    row: &mut Row,
    is_new: bool,
    added: &Added,
    incoming: &Incoming<'_, '_>,
    reporter: &mut Reporter<'_>,
    workspace: &mut Workspace,
) -> bool {
    if added.is_ended {
        // A session that is closed and opened again and again is reported no more often than one that late events change.
        let was_closed_before = row.closed_s > 0;
        row.close(ClosedBy::Events, reporter.log_time_ms);
        reporter.say_stream(row, incoming.effective_time_us);
        if was_closed_before && reporter.log_time_ms < schedule::late_report_at_ms(row) {
            return true;
        }
        reporter.say(row, workspace);
        // The pending timer is for a mark or for silence, and comes before the eviction: it is set anew when it fires.
        return false;
    }
    thin(row, added, incoming, reporter);
    let log_time_s = schedule::seconds_up(reporter.log_time_ms);
    if is_new || log_time_s.saturating_sub(row.active_s) >= ACTIVE_INTERVAL_S {
        reporter.say_stream(row, incoming.effective_time_us);
    }
    false
}

/// Progress of an open session: at its turns, else each 30 s.
fn thin(row: &mut Row, added: &Added, incoming: &Incoming<'_, '_>, reporter: &mut Reporter<'_>) {
    let log_time_s = schedule::seconds_up(reporter.log_time_ms);
    let is_turn = added.is_newest && matches!(incoming.event.kind, EventType::Pause | EventType::SeekEnd);
    if row.has_progress && (is_turn || log_time_s.saturating_sub(row.progress_s) >= PROGRESS_INTERVAL_S) {
        reporter.say_progress(row);
    }
}

/// A late event: it may open the row again, else it is reported, but not too often. True where the timer must be set anew.
fn after_closing(
    row: &mut Row,
    added: &Added,
    incoming: &Incoming<'_, '_>,
    config: &PlaybackConfig,
    reporter: &mut Reporter<'_>,
    workspace: &mut Workspace,
) -> bool {
    if !added.is_ended && !row.is_past_cut(reporter.log_time_ms, config) {
        row.reopen(reporter.log_time_ms);
        thin(row, added, incoming, reporter);
        reporter.say_stream(row, incoming.effective_time_us);
        return true;
    }
    if reporter.log_time_ms >= schedule::late_report_at_ms(row) {
        reporter.say(row, workspace);
        return false;
    }
    true
}

/// A session's shift may not move an event to before 2000 either.
fn check_effective_time(effective_time_us: i64, shift_us: i64) -> Result<(), Box<Rejection>> {
    if effective_time_us >= schemas::limits::EARLIEST_TIME_MICROS {
        return Ok(());
    }
    let detail = format!("{effective_time_us} us with the session's clock shift of {shift_us} us, which is before 2000");
    Err(Rejection::of_field(Reason::TimeBefore2000, "event_time", detail))
}

/// The shift that the event which opens a session fixes, microseconds.
fn shift_of(event: &PlaybackEvent<'_>) -> i64 {
    let shift_us = event.clock_shift_ms.unwrap_or(0).saturating_mul(1000);
    if shift_us.unsigned_abs() > TOLERATED_SHIFT_US.unsigned_abs() { shift_us } else { 0 }
}

/// When an event happened, microseconds.
fn effective_time_us(event: &PlaybackEvent<'_>, shift_us: i64) -> i64 {
    event.event_time.saturating_add(shift_us).min(event.received_time.saturating_add(MAX_AHEAD_US))
}
