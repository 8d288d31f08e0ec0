//! An INSERT whose data come piece by piece.

use std::ffi::CStr;
use std::marker::PhantomData;

use super::connection::Connection;
use super::result::{Answer, EngineError};
use super::symbols::{Library, RawInsert};

/// Dropped before [`Insert::done`], it is cancelled: blocks that were full by then may stay, as in ClickHouse.
pub(crate) struct Insert<'a> {
    stream: RawInsert,
    library: Library,
    is_done: bool,
    /// The connection does nothing else meanwhile.
    connection: PhantomData<&'a mut Connection>,
}

impl Insert<'_> {
    pub(super) fn start(library: Library, stream: RawInsert) -> Result<Self, EngineError> {
        if stream.is_null() {
            return Err(EngineError("Code: 1001. DB::Exception: the engine gave no stream. (STD_EXCEPTION)".to_owned()));
        }
        let insert = Self { stream, library, is_done: false, connection: PhantomData };
        match insert.error() {
            None => Ok(insert),
            Some(error) => Err(error),
        }
    }

    fn error(&self) -> Option<EngineError> {
        // SAFETY: a stream that lives; the message lives as long as it.
        let message = unsafe { (self.library.symbols.chdb_stream_insert_error)(self.stream) };
        // SAFETY: where it is not null it is a NUL-terminated string.
        (!message.is_null()).then(|| EngineError(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()))
    }

    /// Hands data over; waits where the engine is behind. False where the insert has failed: [`Insert::done`] says why.
    pub(crate) fn append(&mut self, data: &[u8]) -> bool {
        // SAFETY: a stream that lives and data of that length, which are copied.
        unsafe { (self.library.symbols.chdb_stream_append)(self.stream, data.as_ptr().cast(), data.len()) == 0 }
    }

    /// Ends the data, and waits until they are inserted.
    pub(crate) fn done(mut self) -> Result<Answer, EngineError> {
        self.is_done = true;
        // SAFETY: a stream that lives and was not ended yet; the result is ours.
        unsafe { Answer::take(self.library, (self.library.symbols.chdb_stream_done)(self.stream)) }
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: ours; cancelled where it was not ended, and destroyed once.
        unsafe {
            if !self.is_done {
                (self.library.symbols.chdb_stream_cancel_insert)(self.stream);
            }
            (self.library.symbols.chdb_destroy_insert_stream)(self.stream);
        }
    }
}
