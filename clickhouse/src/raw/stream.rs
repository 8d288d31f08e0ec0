//! An answer that comes piece by piece.

use super::connection::Connection;
use super::result::{Answer, EngineError};

/// A SELECT that runs. Dropped before its end, it is cancelled.
pub(crate) struct Stream<'a> {
    connection: &'a mut Connection,
    handle: Answer,
    has_ended: bool,
}

impl<'a> Stream<'a> {
    pub(super) const fn new(connection: &'a mut Connection, handle: Answer) -> Self {
        Self { connection, handle, has_ended: false }
    }

    /// The next piece: a whole document of the format. None at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, EngineError> {
        if self.has_ended {
            return Ok(None);
        }
        // SAFETY: the handle is a stream of this connection.
        let fetched = unsafe { self.connection.fetch(&self.handle) };
        let piece = fetched.inspect_err(|_| self.has_ended = true)?;
        if piece.as_ref().is_empty() {
            self.has_ended = true;
            return Ok(None);
        }
        Ok(Some(piece))
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            // SAFETY: the handle is a stream of this connection.
            unsafe { self.connection.cancel(&self.handle) };
        }
    }
}
