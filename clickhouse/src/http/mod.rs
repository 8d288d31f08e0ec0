//! ClickHouse's HTTP interface. What waits is asynchronous; a statement is carried out by a thread.
//!
//! Everything is bounded: connections, heads, statements that run at once, pieces that wait in either direction.

mod body;
mod browser;
mod context;
mod execute;
mod form;
mod hello;
mod parameters;
mod patient;
mod reply;
mod running;
mod serve;
mod service;
mod sessions;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::compression::blocks::BlockError;
use crate::engine::Engine;
use crate::exception::{CANNOT_DECOMPRESS, Exception};
use crate::users::Users;

pub(crate) use serve::serve;

/// What all requests share.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) users: Users,
    pub(crate) sessions: sessions::Sessions,
    pub(crate) running: Arc<running::Running>,
    /// Statements that run at once.
    pub(crate) permits: Arc<Semaphore>,
    /// Inserts that run beside them, so that what people ask never keeps out what is measured.
    pub(crate) insert_permits: Arc<Semaphore>,
    /// What answers that are held back may take together, a permit a KiB.
    pub(crate) held: Arc<Semaphore>,
    pub(crate) max_queries: usize,
}

/// KiB of answers that are held back at once.
const HELD_KIB: usize = 1 << 20;

/// Inserts that run where the permits of statements are all taken.
pub(crate) const INSERTS: usize = 4;

impl App {
    pub(crate) fn new(engine: Arc<Engine>, users: Users, max_queries: usize) -> Self {
        Self {
            engine,
            users,
            sessions: sessions::Sessions::default(),
            running: Arc::default(),
            permits: Arc::new(Semaphore::new(max_queries)),
            insert_permits: Arc::new(Semaphore::new(INSERTS)),
            held: Arc::new(Semaphore::new(HELD_KIB)),
            max_queries,
        }
    }

    /// Cancels what runs, and waits until it has ended, all together for `limit`. Whether it has.
    pub(crate) fn cancel_all(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let all = self.running.all();
        // All are told before one is waited for.
        all.iter().for_each(|(_, query)| query.tell());
        all.iter().fold(true, |have_ended, (id, query)| query.cancel(id, &self.engine, until) && have_ended)
    }
}

/// What is wrong with a body that can't be read.
fn input_exception(error: &io::Error) -> Exception {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<BlockError>()) {
        return Exception::new(error.code, &error.message);
    }
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<body::BodyError>()) {
        return (*error).into();
    }
    Exception::new(CANNOT_DECOMPRESS, &format!("Cannot decompress the body: {error}"))
}

/// What fuzz targets reach.
pub(crate) mod fuzzed {
    use super::{form, parameters};

    /// A URL's query is understood, or refused with a reason.
    pub(crate) fn url(text: &str) {
        if let Err(exception) = parameters::Parameters::parse(text) {
            assert!(exception.code > 0 && exception.text("1").starts_with("Code: "));
        }
    }

    /// Fields of a form are pieces of it.
    pub(crate) fn form(data: &[u8]) {
        let fields = form::fields(data, "b").unwrap_or_default();
        assert!(fields.iter().map(|field| field.value.len()).sum::<usize>() <= data.len());
    }
}

#[cfg(test)]
mod tests;
