//! The newest sessions as they are now, for the page: bounded, in memory, and made up for from store and log at each start.

mod state;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::{CleanPlaybackEvent, EndedBy, QosSessionSummary};
use serde_json::{Map, Value, json};
use serving::rfc3339;

use crate::service_quality::{Measured, ServiceQuality};
use state::State;

/// Sessions held. Beyond that those that started first are left out.
const SESSIONS: usize = 10_000;

/// Groups that are told apart, the largest first.
const GROUPS: usize = 50;

/// The newest sessions by their start.
#[derive(Default)]
pub(super) struct Live {
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    sessions: HashMap<Arc<str>, Session>,
    /// By start and id.
    by_start: BTreeSet<(i64, Arc<str>)>,
}

/// A session, of which a row was reported, or events are known, or both.
#[derive(Clone, Debug, Default)]
struct Session {
    /// Effective time of the first event known, microseconds since 1970 UTC.
    started_at: i64,
    title_id: String,
    episode_id: Option<String>,
    profile_id: Option<String>,
    device_type: Option<String>,
    country: Option<String>,
    state: State,
    /// Effective time of the event that the state is of.
    state_at: i64,
    position_ms: Option<i64>,
    reported: Option<Reported>,
}

/// What the newest summary of its newest row says.
#[derive(Clone, Copy, Debug)]
struct Reported {
    opened_at: i64,
    version: i64,
    is_final: bool,
    ended_by: EndedBy,
    event_count: i64,
    rebuffer_count: i64,
    playing_ms: i64,
    rebuffer_ratio: Option<f64>,
    measured: Measured,
}

impl Live {
    /// Takes in a distinct event.
    pub(super) fn event(&self, clean: &CleanPlaybackEvent<'_>) {
        let (event, at) = (&clean.event, clean.prefix.effective_time);
        self.window().change(event.session_id, at, |session| {
            if session.title_id.is_empty() {
                session.title_id = event.title_id.to_owned();
                session.episode_id = event.episode_id.map(str::to_owned);
            }
            learn(&mut session.profile_id, event.profile_id);
            learn(&mut session.device_type, event.device_type);
            learn(&mut session.country, event.country);
            if at >= session.state_at {
                session.state_at = at;
                session.state = session.state.after(event.kind, event.error_fatal == Some(true));
                session.position_ms = event.position_ms.or(session.position_ms);
            }
        });
    }

    /// Takes in a summary.
    pub(super) fn summary(&self, summary: &QosSessionSummary<'_>) {
        self.window().change(summary.session_id, summary.started_at, |session| {
            let rank = (summary.opened_at, summary.version);
            if session.reported.is_some_and(|reported| (reported.opened_at, reported.version) > rank) {
                return;
            }
            session.title_id = summary.title_id.to_owned();
            session.episode_id = summary.episode_id.map(str::to_owned);
            session.profile_id = summary.profile_id.map(str::to_owned);
            learn(&mut session.device_type, summary.device_type);
            learn(&mut session.country, summary.country);
            if summary.is_final && summary.ended_at >= session.state_at {
                session.state_at = summary.ended_at;
                session.state = if summary.ended_by == EndedBy::Error { State::Failed } else { State::Ended };
            }
            session.reported = Some(Reported {
                opened_at: summary.opened_at,
                version: summary.version,
                is_final: summary.is_final,
                ended_by: summary.ended_by,
                event_count: summary.event_count,
                rebuffer_count: summary.rebuffer_count,
                playing_ms: summary.playing_ms,
                rebuffer_ratio: summary.rebuffer_ratio_cta2066,
                measured: summary.into(),
            });
        });
    }

    /// The newest sessions, and how many there are.
    pub(super) fn newest(&self, limit: usize) -> Value {
        let window = self.window();
        let newest = window.by_start.iter().rev().take(limit);
        let shown: Vec<Value> = newest.filter_map(|(_, id)| window.sessions.get(id).map(|session| session.as_json(id))).collect();
        json!({"sessions": shown, "held": window.sessions.len(), "at_most": SESSIONS})
    }

    /// Quality of service over all sessions held: as a whole, and by device and country.
    pub(super) fn service_quality(&self) -> Value {
        let window = self.window();
        let mut total = ServiceQuality::default();
        let mut groups: BTreeMap<(Option<&str>, Option<&str>), ServiceQuality> = BTreeMap::new();
        let mut open = 0_u64;
        for session in window.sessions.values() {
            open += u64::from(session.is_open());
            if let Some(reported) = &session.reported {
                total.add(&reported.measured);
                groups.entry((session.device_type.as_deref(), session.country.as_deref())).or_default().add(&reported.measured);
            }
        }
        total.sort();
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, quality)| std::cmp::Reverse(quality.sessions));
        let rows = groups.into_iter().take(GROUPS).map(|((device_type, country), mut quality)| {
            quality.sort();
            let mut row = Map::from_iter([("device_type".to_owned(), device_type.into()), ("country".to_owned(), country.into())]);
            row.extend(quality.as_json());
            Value::Object(row)
        });
        let rows: Vec<Value> = rows.collect();
        json!({"open_sessions": open, "total": total.as_json(), "by_device_type_and_country": rows})
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn learn(known: &mut Option<String>, said: Option<&str>) {
    if known.is_none() {
        *known = said.map(str::to_owned);
    }
}

impl Window {
    /// Changes a session of which something is known that was at `at`; one that started before all that are held is passed over where there
    /// is no room.
    fn change(&mut self, session_id: &str, at: i64, change: impl FnOnce(&mut Session)) {
        let held = self.sessions.get_key_value(session_id).map(|(id, session)| (Arc::clone(id), session.started_at));
        let is_full = self.sessions.len() >= SESSIONS;
        let id = match held {
            Some((id, started_at)) => {
                if at < started_at {
                    self.by_start.remove(&(started_at, Arc::clone(&id)));
                    self.by_start.insert((at, Arc::clone(&id)));
                }
                id
            }
            None if is_full && self.by_start.first().is_some_and(|(oldest, _)| at <= *oldest) => return,
            None => {
                if is_full && let Some((_, oldest)) = self.by_start.pop_first() {
                    self.sessions.remove(&oldest);
                }
                let id: Arc<str> = session_id.into();
                self.by_start.insert((at, Arc::clone(&id)));
                id
            }
        };
        let session = self.sessions.entry(id).or_insert_with(|| Session { started_at: at, state_at: i64::MIN, ..Session::default() });
        session.started_at = session.started_at.min(at);
        change(session);
    }
}

impl Session {
    fn is_open(&self) -> bool {
        !matches!(self.state, State::Ended | State::Failed)
    }

    fn as_json(&self, session_id: &str) -> Value {
        let reported = self.reported.as_ref();
        json!({
            "session_id": session_id,
            "started_at": rfc3339(self.started_at),
            "title_id": self.title_id,
            "episode_id": self.episode_id,
            "profile_id": self.profile_id,
            "device_type": self.device_type,
            "country": self.country,
            "state": self.state.name(),
            "position_ms": self.position_ms,
            "event_count": reported.map(|reported| reported.event_count),
            "final": reported.is_some_and(|reported| reported.is_final),
            "ended_by": reported.map(|reported| reported.ended_by.as_str()),
            "outcome": reported.and_then(|reported| reported.measured.outcome).map(schemas::Outcome::as_str),
            "startup_ms": reported.and_then(|reported| reported.measured.startup_ms),
            "playing_ms": reported.map(|reported| reported.playing_ms),
            "rebuffer_count": reported.map(|reported| reported.rebuffer_count),
            "rebuffering_ms": reported.map(|reported| reported.measured.rebuffering_ms),
            "rebuffer_ratio_cta2066": reported.and_then(|reported| reported.rebuffer_ratio),
            "error_count": reported.map(|reported| reported.measured.error_count),
        })
    }
}

#[cfg(test)]
mod tests;
