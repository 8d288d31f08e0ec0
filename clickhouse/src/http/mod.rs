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
mod reply;
mod running;
mod serve;
mod service;
mod sessions;

use std::io;
use std::sync::Arc;

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
    pub(crate) max_queries: usize,
}

impl App {
    pub(crate) fn new(engine: Arc<Engine>, users: Users, max_queries: usize) -> Self {
        Self {
            engine,
            users,
            sessions: sessions::Sessions::default(),
            running: Arc::default(),
            permits: Arc::new(Semaphore::new(max_queries)),
            max_queries,
        }
    }

    /// Cancels what runs.
    pub(crate) fn cancel_all(&self) {
        for (id, query) in self.running.all() {
            query.cancel(&id, &self.engine);
        }
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
