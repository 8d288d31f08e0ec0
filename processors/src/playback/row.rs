//! One row: (session_id, opened_at). Its log of distinct events, and what must be known of them between folds.

use pipeline::NotAState;
use schemas::{EventType, PlaybackEvent};

use crate::qos::{self, EndTracker};
use crate::saved::{Reader, Writer};

use super::entry::{self, Agreement, Cursor, Incoming};
use super::event_log::EventLog;
use super::identity::{self, Identity};
use super::packed_id::Id;
use super::said::Said;

/// Index of a row in its partition's table.
pub(crate) type Slot = u32;

/// No row.
pub(crate) const NO_SLOT: Slot = Slot::MAX;

/// How a row was closed, as far as its events do not say so themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    /// An end is open at its last event.
    Events,
    /// Silence in log time.
    Silence,
    /// Its day was over.
    Cut,
}

/// See the module's documentation. There are many, so it is kept small: times between folds are seconds of log time in 32 bits.
pub(crate) struct Row {
    pub(crate) log: EventLog,
    pub(crate) cursor: Cursor,
    /// Follows the ends; none before the first one.
    end: Option<Box<EndTracker>>,
    /// Effective time of the event that opened it, microseconds; half of the row's identity.
    pub(crate) opened_at_us: i64,
    /// Log time of its first record: the marks at which an open session is reported, and the cut, are counted from here.
    pub(crate) opened_log_ms: i64,
    /// Media as of the last fold; negative: none yet.
    media_ms: i64,
    /// Log time from its first record to its newest distinct event, ms. Only an open row's counts, and that is open for a day at most.
    last_log_after_ms: u32,
    /// The row of the same session before its day was over.
    pub(crate) older: Slot,
    /// When its one valid timer is due, the low bits: they tell it from timers that were set before.
    pub(crate) timer_tag: u32,
    /// Log time of its last closing, rounded up.
    pub(crate) closed_s: u32,
    /// Log time at which it was last reported.
    pub(crate) said_s: u32,
    /// Log time of its last progress record; 0: none yet.
    pub(crate) progress_s: u32,
    /// Hash of what the last progress record said; 0: none yet.
    pub(crate) progress_print: u32,
    /// Log time of its last active-stream record; 0: none yet.
    pub(crate) active_s: u32,
    /// Events as of the last report; 0: never reported.
    said_count: u16,
    /// Number of the next mark of an open session.
    pub(crate) mark: u8,
    /// What its newest event said that agreed with the row; none as long as none did.
    heard: Said,
    /// None while it is open.
    pub(crate) closed_by: Option<ClosedBy>,
    said_closed: bool,
    pub(crate) is_import: bool,
    pub(crate) is_paused: bool,
    /// Whether the position has changed since the last progress record.
    pub(crate) has_progress: bool,
}

const _: () = assert!(size_of::<Row>() <= 160, "what a row takes, each of millions of live sessions takes");

/// How an event relates to what the row held before.
pub(crate) struct Added {
    /// Comes after all others in the fold's order.
    pub(crate) is_newest: bool,
    /// Whether an end is open at the last event of the set.
    pub(crate) is_ended: bool,
    /// Whether it does not contradict what the row's first event fixed.
    pub(crate) agrees: bool,
}

impl Row {
    /// A row that `event` opens. The event itself is yet to be added. `header` is a buffer to write in.
    pub(crate) fn open(
        event: &PlaybackEvent<'_>,
        shift_us: i64,
        opened_at_us: i64,
        log_time_ms: i64,
        is_import: bool,
        header: &mut Vec<u8>,
    ) -> Self {
        header.clear();
        identity::write(event, shift_us, header);
        Self {
            log: EventLog::with_header(header),
            cursor: Cursor::default(),
            end: None,
            opened_at_us,
            opened_log_ms: log_time_ms,
            media_ms: -1,
            last_log_after_ms: 0,
            older: NO_SLOT,
            timer_tag: 0,
            closed_s: 0,
            said_s: 0,
            progress_s: 0,
            progress_print: 0,
            active_s: 0,
            said_count: 0,
            mark: 0,
            heard: Said::default(),
            closed_by: None,
            said_closed: false,
            is_import,
            is_paused: false,
            has_progress: false,
        }
    }

    /// Appends what [`Row::load`] reads; nothing of a free slot. Where the timer stands, what the newest event said and how the ends go follow
    /// from the rest.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        if !self.is_alive() {
            return;
        }
        let mut out = Writer(out);
        out.bytes(self.log.bytes());
        out.bytes(self.log.hash_bytes());
        self.cursor.save(&mut out);
        [self.opened_at_us, self.opened_log_ms, self.media_ms].into_iter().for_each(|number| out.i64(number));
        [self.last_log_after_ms, self.closed_s, self.said_s, self.progress_s, self.progress_print, self.active_s, self.said_count.into()]
            .into_iter()
            .for_each(|number| out.u32(number));
        out.u8(self.mark);
        out.u8(match self.closed_by {
            None => 0,
            Some(ClosedBy::Events) => 1,
            Some(ClosedBy::Silence) => 2,
            Some(ClosedBy::Cut) => 3,
        });
        [self.said_closed, self.is_import, self.is_paused, self.has_progress, self.end.is_some()]
            .into_iter()
            .for_each(|flag| out.u8(flag.into()));
    }

    /// A row that was saved, not yet in a table and without a timer.
    pub(crate) fn load(saved: &mut Reader<'_>, workspace: &mut super::fold::Workspace) -> Result<Self, NotAState> {
        let not = |why: &str| NotAState(why.to_owned());
        let log = EventLog::restored(saved.bytes()?, saved.bytes()?).ok_or_else(|| not("the hashes of a session are none"))?;
        if log.bytes().is_empty() || log.count() == 0 {
            return Err(not("a session has no event"));
        }
        let mut row = Self {
            log,
            cursor: Cursor::load(saved)?,
            end: None,
            opened_at_us: saved.i64()?,
            opened_log_ms: saved.i64()?,
            media_ms: saved.i64()?,
            last_log_after_ms: saved.u32()?,
            older: NO_SLOT,
            timer_tag: 0,
            closed_s: saved.u32()?,
            said_s: saved.u32()?,
            progress_s: saved.u32()?,
            progress_print: saved.u32()?,
            active_s: saved.u32()?,
            said_count: saved.u32()? as u16,
            mark: saved.u8()?,
            heard: Said::default(),
            closed_by: match saved.u8()? {
                0 => None,
                1 => Some(ClosedBy::Events),
                2 => Some(ClosedBy::Silence),
                3 => Some(ClosedBy::Cut),
                _ => return Err(not("a session is closed by nothing known")),
            },
            said_closed: saved.u8()? != 0,
            is_import: saved.u8()? != 0,
            is_paused: saved.u8()? != 0,
            has_progress: saved.u8()? != 0,
        };
        if saved.u8()? != 0 {
            row.end = Some(Box::new(workspace.track_end(&row.log)));
        }
        Ok(row)
    }

    /// Whether the row is one of this session.
    #[inline]
    pub(crate) fn is_of(&self, session_id: &[u8]) -> bool {
        identity::is_of(self.log.bytes(), session_id)
    }

    pub(crate) fn session_id(&self) -> Id<'_> {
        identity::session_id(self.log.bytes())
    }

    /// What its first event fixed. `agreeing` is an event that agrees with it, where there is one at hand.
    pub(crate) fn identity<'a>(&'a self, agreeing: Option<&'a PlaybackEvent<'a>>) -> Identity<'a> {
        Identity::read(self.log.bytes(), agreeing)
    }

    /// False once its slot is free: every row's log has a header.
    #[inline]
    pub(crate) fn is_alive(&self) -> bool {
        !self.log.bytes().is_empty()
    }

    /// Gives up its memory.
    pub(crate) fn forget(&mut self) {
        self.log = EventLog::default();
        self.end = None;
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed_by.is_some()
    }

    /// Log time of its newest distinct event.
    pub(crate) fn last_log_ms(&self) -> i64 {
        self.opened_log_ms + i64::from(self.last_log_after_ms)
    }

    /// Media as of the last fold, ms.
    pub(crate) fn media_ms(&self) -> Option<i64> {
        (self.media_ms >= 0).then_some(self.media_ms)
    }

    pub(crate) fn set_media_ms(&mut self, media_ms: i64) {
        self.media_ms = media_ms;
    }

    /// Whether something is known that no report has said.
    pub(crate) fn is_unsaid(&self) -> bool {
        u32::from(self.said_count) != self.log.count() || self.said_closed != self.is_closed()
    }

    /// Notes that the row is being reported as it stands.
    pub(crate) fn note_said(&mut self) {
        self.said_count = u16::try_from(self.log.count()).unwrap_or(u16::MAX);
        self.said_closed = self.is_closed();
    }

    /// Reads of the row what the next event will need, so that it is in the caches by then.
    #[inline]
    pub(crate) fn touch(&self) -> u8 {
        self.log.count() as u8 ^ self.cursor.last.0 as u8 ^ self.opened_at_us as u8 ^ self.mark ^ u8::from(self.said_closed)
    }

    /// Appends a distinct event. `hash` is that of its id.
    pub(crate) fn add(
        &mut self,
        incoming: &Incoming<'_, '_>,
        hash: u64,
        log_time_ms: i64,
        workspace: &mut super::fold::Workspace,
    ) -> Added {
        let rank = incoming.rank();
        let is_newest = rank > self.cursor.last;
        let position_before = (self.cursor.position_rank, self.cursor.position_ms());
        workspace.entry.clear();
        let agreement = self.hear(incoming.event);
        entry::write(&mut self.cursor, incoming, agreement, self.log.bytes(), &mut workspace.entry);
        self.log.push(hash, &workspace.entry);
        self.last_log_after_ms = u32::try_from(log_time_ms.saturating_sub(self.opened_log_ms)).unwrap_or(u32::MAX);
        self.has_progress |= position_before != (self.cursor.position_rank, self.cursor.position_ms());
        match incoming.event.kind {
            EventType::Pause if is_newest => self.is_paused = true,
            EventType::Play | EventType::Startup | EventType::Heartbeat if is_newest => self.is_paused = false,
            _ => {}
        }
        self.follow_end(incoming, hash, is_newest, workspace);
        let is_ended = self.end.as_ref().is_some_and(|end| end.is_ended());
        Added { is_newest, is_ended, agrees: agreement != Agreement::Disagrees }
    }

    /// How what the event says relates to what the row holds; it is noted as said.
    fn hear(&mut self, event: &PlaybackEvent<'_>) -> Agreement {
        let said = Said::by(event);
        if said == self.heard {
            return Agreement::Repeats;
        }
        let is_contradicted = identity::is_contradicted_by(self.log.bytes(), event);
        self.heard = if is_contradicted { Said::default() } else { said };
        if is_contradicted { Agreement::Disagrees } else { Agreement::Agrees }
    }

    /// Whether an end is open is known event by event while they come in order. Only where there is an end and an event comes out of
    /// order is the whole set looked at again.
    fn follow_end(&mut self, incoming: &Incoming<'_, '_>, hash: u64, is_newest: bool, workspace: &mut super::fold::Workspace) {
        let event = incoming.event;
        let seen = qos::Event::new(incoming.effective_time_us, hash, event.kind)
            .with_position_ms(event.position_ms)
            .with_error(event.error_fatal == Some(true), 0);
        match &mut self.end {
            None if !seen.is_end() => {}
            Some(end) if is_newest => end.observe(&seen),
            None if is_newest => self.end.insert(Box::default()).observe(&seen),
            // What neither opens nor closes an end, nor has a position, tells the tracker nothing wherever it stands.
            Some(_) if is_silent_on_ends(&seen) => {}
            _ => self.end = Some(Box::new(workspace.track_end(&self.log))),
        }
    }
}

fn is_silent_on_ends(event: &qos::Event) -> bool {
    let is_neutral = !matches!(event.kind(), EventType::Startup | EventType::Play | EventType::SeekStart);
    is_neutral && !event.is_end() && event.position_ms().is_none()
}
