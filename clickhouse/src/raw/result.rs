//! What the engine answers.

use std::ffi::CStr;
use std::{fmt, slice};

use super::symbols::{Library, RawResult};

/// What the engine says of a statement that failed: `Code: 60. DB::Exception: ...`, as it came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct EngineError(pub(crate) String);

/// Rows and bytes that a statement read and wrote. Of a piece of a stream: since the piece before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) result_rows: u64,
    pub(crate) result_bytes: u64,
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
}

impl Counts {
    pub(crate) const fn add(&mut self, other: Self) {
        self.result_rows += other.result_rows;
        self.result_bytes += other.result_bytes;
        self.read_rows += other.read_rows;
        self.read_bytes += other.read_bytes;
        self.written_rows += other.written_rows;
        self.written_bytes += other.written_bytes;
    }
}

/// An answer, or a piece of one. Its bytes stay where the engine put them.
pub(crate) struct Answer {
    result: RawResult,
    library: Library,
}

// SAFETY: a result belongs to nobody but its holder, and is only read.
unsafe impl Send for Answer {}
// SAFETY: reading it changes nothing.
unsafe impl Sync for Answer {}

impl Answer {
    /// # Safety
    /// `result` is null or a result that nobody else will destroy.
    pub(super) unsafe fn take(library: Library, result: RawResult) -> Result<Self, EngineError> {
        if result.is_null() {
            return Err(EngineError("Code: 1001. DB::Exception: the engine gave no result. (STD_EXCEPTION)".to_owned()));
        }
        let answer = Self { result, library };
        // SAFETY: a result that lives; the message lives as long as it.
        let message = unsafe { (library.symbols.chdb_result_error)(answer.result) };
        if message.is_null() {
            return Ok(answer);
        }
        // SAFETY: not null, so a NUL-terminated string.
        Err(EngineError(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()))
    }

    pub(super) const fn raw(&self) -> RawResult {
        self.result
    }

    pub(crate) fn counts(&self) -> Counts {
        let symbols = self.library.symbols;
        // SAFETY: a result that lives.
        unsafe {
            Counts {
                result_rows: (symbols.chdb_result_rows_read)(self.result),
                result_bytes: (symbols.chdb_result_bytes_read)(self.result),
                read_rows: (symbols.chdb_result_storage_rows_read)(self.result),
                read_bytes: (symbols.chdb_result_storage_bytes_read)(self.result),
                written_rows: (symbols.chdb_result_rows_written)(self.result),
                written_bytes: (symbols.chdb_result_bytes_written)(self.result),
            }
        }
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: a result that lives.
        let (buffer, length) =
            unsafe { ((self.library.symbols.chdb_result_buffer)(self.result), (self.library.symbols.chdb_result_length)(self.result)) };
        if buffer.is_null() {
            return &[];
        }
        // SAFETY: the buffer has that length, and lives, unchanged, until the result is destroyed.
        unsafe { slice::from_raw_parts(buffer.cast(), length) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.as_ref().len())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed once.
        unsafe { (self.library.symbols.chdb_destroy_query_result)(self.result) };
    }
}
