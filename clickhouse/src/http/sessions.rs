//! Sessions: connections that are kept between requests, with their temporary tables and settings.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::parameters::SessionParameters;
use crate::exception::{Exception, SESSION_IS_LOCKED, SESSION_NOT_FOUND, TOO_MANY_QUERIES};
use crate::raw::Connection;

/// Sessions of a user at once: each keeps a connection of the engine, with its tables.
const SESSIONS: usize = 100;

/// All sessions, by user and id.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Key, Session>>);

pub(crate) type Key = (String, String);

enum Session {
    InUse,
    /// Until when it is kept without a request.
    Idle(Connection, Instant),
}

impl Sessions {
    /// Takes a session's connection; None where it is new. Nobody else gets it until it is put back, or ended.
    pub(crate) fn take(&self, user: &str, parameters: &SessionParameters) -> Result<(Key, Option<Connection>), Exception> {
        self.end_expired();
        let key = (user.to_owned(), parameters.id.clone());
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sessions.keys().filter(|(owner, _)| owner == user).count();
        match sessions.entry(key.clone()) {
            Entry::Vacant(_) if parameters.check => {
                Err(Exception::new(SESSION_NOT_FOUND, &format!("Session {} not found", parameters.id.escape_debug())))
            }
            Entry::Vacant(_) if count >= SESSIONS => {
                Err(Exception::new(TOO_MANY_QUERIES, &format!("Too many sessions of one user. Maximum: {SESSIONS}")))
            }
            Entry::Vacant(entry) => {
                entry.insert(Session::InUse);
                Ok((key, None))
            }
            Entry::Occupied(mut entry) => match std::mem::replace(entry.get_mut(), Session::InUse) {
                Session::InUse => Err(Exception::new(
                    SESSION_IS_LOCKED,
                    &format!("Session {} is locked by a concurrent client", parameters.id.escape_debug()),
                )),
                Session::Idle(connection, _) => Ok((key, Some(connection))),
            },
        }
    }

    pub(crate) fn put_back(&self, key: Key, connection: Connection, timeout_s: u64) {
        let until = Instant::now() + Duration::from_secs(timeout_s);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Session::Idle(connection, until));
    }

    pub(crate) fn end(&self, key: &Key) {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        drop(ended);
    }

    /// Ends those whose time is over.
    pub(crate) fn end_expired(&self) {
        let now = Instant::now();
        // Closed when the lock is free again.
        let expired: Vec<Session> = {
            let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sessions
                .extract_if(|_, session| matches!(session, Session::Idle(_, until) if *until <= now))
                .map(|(_, session)| session)
                .collect()
        };
        drop(expired);
    }

    /// Ends all that nobody uses.
    pub(crate) fn end_all(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(all);
    }
}
