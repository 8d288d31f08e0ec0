//! Which queries run, by their ids: an id runs once at a time, and what runs for a client that has gone is cancelled.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::exception::{Exception, QUERY_ID_RUNS};

/// How long a cancelled query is given to show itself before it is looked for again: it may not have reached the engine yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long it is tried to cancel a query before that is given up: it stays cancelled for its own thread.
const CANCEL_TIME: Duration = Duration::from_secs(60);

/// All that run.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<String, Arc<Query>>>);

/// One of them.
#[derive(Default)]
pub(crate) struct Query {
    is_cancelled: AtomicBool,
    has_ended: Mutex<bool>,
    ended: Condvar,
}

/// Held by the thread that carries it out.
pub(crate) struct Ticket {
    running: Arc<Running>,
    pub(crate) id: String,
    pub(crate) query: Arc<Query>,
}

/// Dropped with the request or the answer of a client that has gone, it cancels the query.
pub(crate) struct Guard {
    engine: Arc<Engine>,
    id: String,
    query: Option<Arc<Query>>,
}

impl Running {
    pub(crate) fn start(self: &Arc<Self>, id: &str) -> Result<Ticket, Exception> {
        let mut queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queries.contains_key(id) {
            return Err(Exception::new(QUERY_ID_RUNS, &format!("Query with id = {} is already running", id.escape_debug())));
        }
        let query = Arc::new(Query::default());
        queries.insert(id.to_owned(), Arc::clone(&query));
        Ok(Ticket { running: Arc::clone(self), id: id.to_owned(), query })
    }

    /// Those that run now.
    pub(crate) fn all(&self) -> Vec<(String, Arc<Query>)> {
        let queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queries.iter().map(|(id, query)| (id.clone(), Arc::clone(query))).collect()
    }
}

impl Query {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
    }

    /// Tells its thread, which heeds it between two pieces.
    pub(crate) fn tell(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
    }

    /// Cancels it, and waits until it has ended, or the moment has come. Whether it has ended.
    pub(crate) fn cancel(&self, id: &str, engine: &Engine, until: Instant) -> bool {
        self.tell();
        let mut has_ended = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*has_ended && Instant::now() < until {
            drop(has_ended);
            if let Err(error) = engine.kill(id) {
                tracing::debug!(%error, "a query can't be cancelled");
            }
            let waiting = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
            has_ended = self.ended.wait_timeout(waiting, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        *has_ended
    }
}

impl Guard {
    pub(crate) fn of(ticket: &Ticket, engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::clone(engine), id: ticket.id.clone(), query: Some(Arc::clone(&ticket.query)) }
    }

    /// Its answer is done.
    pub(crate) fn disarm(mut self) {
        self.query = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(query) = self.query.take() {
            let (engine, id) = (Arc::clone(&self.engine), std::mem::take(&mut self.id));
            tokio::task::spawn_blocking(move || {
                if !query.cancel(&id, &engine, Instant::now() + CANCEL_TIME) {
                    tracing::warn!(query = id, "a query whose client has gone does not end");
                }
            });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        *self.query.has_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.query.ended.notify_all();
    }
}
