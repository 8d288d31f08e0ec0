//! A ClickHouse in memory: tables that know tokens, tables that are made of their blocks, and the ways in which it fails.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sink_clickhouse::{Heard, Insert, Mark, QueryError, Span, Store};

use crate::native::Block;

/// The calls that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Insert,
    IsInserting,
    Offsets,
    TakeOut,
    HasRows,
    IsHeld,
    Mark,
    NoteFreshness,
}

/// How one call fails; each but the last two ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    Down,
    /// It was done.
    LostReply,
    /// Killed between token and part: what is inserted under it again is left out.
    TokenWithoutRows,
    /// Killed before the tables that are made of the block were written, whose tokens are there.
    RowsWithoutViews,
    /// Killed after these, and before the rows.
    ViewsWithoutRows,
    /// Nothing was done, and it will never be.
    Refused,
    /// The sink's process is gone after this call: whoever asks next is another.
    Crash,
}

const HOUR_US: i64 = 3_600_000_000;

#[derive(Debug, Default)]
struct Contents {
    /// Topic id, partition and offset of each event.
    events: Vec<(String, u32, i64)>,
    /// Events by hour, as they are; and as the tables by minute count them: count and sum of hashes.
    hours: BTreeMap<i64, (u64, u64)>,
    hours_of_views: BTreeMap<i64, (u64, u64)>,
    /// The newest version of each session.
    sessions: BTreeMap<(String, i64), i64>,
    session_rows: u64,
    tokens: BTreeSet<String>,
    tokens_of_views: BTreeSet<String>,
    marks: BTreeSet<Mark>,
    heard: Vec<Heard>,
    calls: Vec<Call>,
    /// Whether every token is forgotten as soon as another block comes: a window of one block.
    forgets: bool,
    fault: Option<(usize, Fault)>,
    has_crashed: bool,
}

/// A store that outlives the sinks on it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryClickHouse {
    contents: Rc<RefCell<Contents>>,
}

impl MemoryClickHouse {
    /// Fails at the call with this number, from 0.
    pub(crate) fn failing(at: usize, fault: Fault) -> Self {
        let store = Self::default();
        store.contents.borrow_mut().fault = Some((at, fault));
        store
    }

    /// A window of tokens that is overrun by whatever comes.
    pub(crate) fn forget_tokens(&self) {
        self.contents.borrow_mut().forgets = true;
    }

    /// As by hands that inserted an event again.
    pub(crate) fn double_event(&self, at: usize) {
        let contents = &mut *self.contents.borrow_mut();
        let event = contents.events[at].clone();
        contents.events.push(event);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.contents.borrow().calls.clone()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.contents.borrow().fault.is_none()
    }

    /// The process of the sink is started again.
    pub(crate) fn restart(&self) {
        self.contents.borrow_mut().has_crashed = false;
    }

    /// Partition and offset of every event, in order.
    pub(crate) fn events(&self) -> Vec<(u32, i64)> {
        let mut events: Vec<(u32, i64)> =
            self.contents.borrow().events.iter().map(|(_, partition, offset)| (*partition, *offset)).collect();
        events.sort_unstable();
        events
    }

    pub(crate) fn sessions(&self) -> BTreeMap<(String, i64), i64> {
        self.contents.borrow().sessions.clone()
    }

    pub(crate) fn session_rows(&self) -> u64 {
        self.contents.borrow().session_rows
    }

    pub(crate) fn marks(&self) -> BTreeSet<Mark> {
        self.contents.borrow().marks.clone()
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.contents.borrow().heard.clone()
    }

    /// Hours in which the tables by minute are not what the events say.
    pub(crate) fn wrong_hours(&self) -> BTreeSet<i64> {
        let contents = self.contents.borrow();
        let hours = contents.hours.keys().chain(contents.hours_of_views.keys());
        hours.filter(|hour| contents.hours.get(hour) != contents.hours_of_views.get(hour)).copied().collect()
    }

    /// Carries out a call, or what is left of it.
    fn call<T>(&self, call: Call, make: impl FnOnce(&mut Contents, Option<Fault>) -> T) -> Result<T, QueryError> {
        let contents = &mut *self.contents.borrow_mut();
        if contents.has_crashed {
            return Err(QueryError::NoAnswer("this process is gone".to_owned()));
        }
        let number = contents.calls.len();
        contents.calls.push(call);
        let fault = contents.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        if fault.is_some() {
            contents.fault = None;
        }
        match fault {
            None => Ok(make(contents, None)),
            Some(Fault::Down) => Err(QueryError::NoAnswer("down".to_owned())),
            Some(Fault::Refused) => Err(QueryError::Refused { code: 60, message: "no such table".to_owned() }),
            Some(fault) => {
                make(contents, Some(fault));
                contents.has_crashed = fault == Fault::Crash;
                Err(QueryError::NoAnswer(format!("{fault:?} at {call:?}")))
            }
        }
    }
}

impl Contents {
    fn insert(&mut self, insert: Insert<'_>, fault: Option<Fault>) {
        let block = Block::read(insert.block);
        assert_eq!(block.rows, insert.rows);
        if self.forgets {
            self.tokens.clear();
            self.tokens_of_views.clear();
        }
        let token = format!("{} {}", insert.table, insert.token);
        let is_new = if fault == Some(Fault::ViewsWithoutRows) { false } else { self.tokens.insert(token.clone()) };
        let rows_come = is_new && fault != Some(Fault::TokenWithoutRows);
        match insert.table {
            "playback_events" => {
                let is_new_to_views = self.tokens_of_views.insert(token);
                let lost = matches!(fault, Some(Fault::TokenWithoutRows | Fault::RowsWithoutViews));
                if rows_come {
                    self.events.extend((0..block.rows).map(|row| {
                        let topic_id = block.column("topic_id")[row].clone().unwrap();
                        (topic_id, block.number("topic_partition", row), block.number("topic_offset", row))
                    }));
                    count(&mut self.hours, &block);
                }
                if is_new_to_views && !lost {
                    count(&mut self.hours_of_views, &block);
                }
            }
            "qos_sessions" if rows_come => {
                self.session_rows += block.rows as u64;
                for row in 0..block.rows {
                    let key = (block.column("session_id")[row].clone().unwrap(), block.number("opened_at", row));
                    let version = block.number("version", row);
                    let held = self.sessions.entry(key).or_insert(version);
                    *held = version.max(*held);
                }
            }
            _ => {}
        }
    }
}

fn count(hours: &mut BTreeMap<i64, (u64, u64)>, block: &Block) {
    for row in 0..block.rows {
        let hour = block.number::<i64>("effective_time", row).div_euclid(HOUR_US) * HOUR_US;
        let (events, hashes) = hours.entry(hour).or_default();
        *events += 1;
        *hashes = hashes.wrapping_add(block.number("content_hash", row));
    }
}

impl Store for MemoryClickHouse {
    fn insert(&mut self, insert: Insert<'_>) -> Result<(), QueryError> {
        self.call(Call::Insert, |contents, fault| contents.insert(insert, fault))
    }

    fn is_inserting(&mut self, _: &str) -> Result<bool, QueryError> {
        self.call(Call::IsInserting, |_, _| false)
    }

    fn offsets(&mut self, span: &Span) -> Result<Vec<i64>, QueryError> {
        self.call(Call::Offsets, |contents, _| {
            let topic_id = span.topic_id.to_string();
            let of_span = contents.events.iter().filter(|(id, partition, _)| *id == topic_id && *partition == span.partition);
            let mut offsets: Vec<i64> = of_span.map(|(.., offset)| *offset).filter(|offset| span.offsets.contains(offset)).collect();
            offsets.sort_unstable();
            offsets
        })
    }

    fn take_out(&mut self, span: &Span, offsets: &BTreeSet<i64>) -> Result<(), QueryError> {
        self.call(Call::TakeOut, |contents, _| {
            let topic_id = span.topic_id.to_string();
            contents.events.retain(|(id, partition, offset)| *id != topic_id || *partition != span.partition || !offsets.contains(offset));
        })
    }

    fn has_rows(&mut self, topic_id: pipeline::TopicId, partition: u32) -> Result<bool, QueryError> {
        let topic_id = topic_id.to_string();
        self.call(Call::HasRows, |contents, _| contents.events.iter().any(|(id, known, _)| *id == topic_id && *known == partition))
    }

    fn is_held(&mut self) -> Result<bool, QueryError> {
        self.call(Call::IsHeld, |_, _| false)
    }

    fn mark(&mut self, marks: &BTreeSet<Mark>) -> Result<(), QueryError> {
        self.call(Call::Mark, |contents, _| contents.marks.extend(marks))
    }

    fn note_freshness(&mut self, heard: &[Heard]) -> Result<(), QueryError> {
        self.call(Call::NoteFreshness, |contents, _| contents.heard.extend(heard))
    }
}
