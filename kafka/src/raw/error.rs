//! What librdkafka says when it fails.

use std::ffi::c_char;
use std::fmt;

use rdkafka_sys::bindings as ffi;
use rdkafka_sys::types::RDKafkaRespErr;

use super::text;

/// librdkafka's error codes, which hold the broker's.
pub(crate) type Code = RDKafkaRespErr;

/// A call that failed, and what librdkafka recommends.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The same call may be made again.
    pub(crate) is_retriable: bool,
    /// The client instance is of no use any more.
    pub(crate) is_fatal: bool,
    /// The open transaction is lost.
    pub(crate) requires_abort: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.message, self.code)
    }
}

impl Failure {
    /// A failure that librdkafka reports by its code alone.
    pub(crate) fn of(code: Code) -> Self {
        // SAFETY: the result is a static string for every code.
        let message = unsafe { text(ffi::rd_kafka_err2str(code)) };
        Self { code, message, is_retriable: false, is_fatal: code == Code::RD_KAFKA_RESP_ERR__FATAL, requires_abort: false }
    }

    /// A failure on our side of the library.
    pub(super) fn local(message: String) -> Self {
        Self { message, ..Self::of(Code::RD_KAFKA_RESP_ERR__INVALID_ARG) }
    }

    /// Nothing came in time.
    pub(super) fn timed_out(what: &str) -> Self {
        Self { message: format!("{what}: no answer in time"), is_retriable: true, ..Self::of(Code::RD_KAFKA_RESP_ERR__TIMED_OUT) }
    }

    /// Ok where the code says so.
    pub(super) fn check(code: Code) -> Result<(), Self> {
        if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(Self::of(code)) }
    }

    /// Ok where librdkafka returned no error object.
    ///
    /// # Safety
    /// `error` is null or an error object that nobody else will destroy.
    pub(super) unsafe fn take(error: *mut ffi::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: an error object, promised by the caller, is valid until it is destroyed at the end.
        let failure = unsafe { Self::read(error) };
        // SAFETY: nobody else destroys it.
        unsafe { ffi::rd_kafka_error_destroy(error) };
        Err(failure)
    }

    /// # Safety
    /// `error` is an error object.
    pub(super) unsafe fn read(error: *const ffi::rd_kafka_error_t) -> Self {
        // SAFETY: promised by the caller; these only read it.
        unsafe {
            Self {
                code: ffi::rd_kafka_error_code(error),
                message: text(ffi::rd_kafka_error_string(error)),
                is_retriable: ffi::rd_kafka_error_is_retriable(error) != 0,
                is_fatal: ffi::rd_kafka_error_is_fatal(error) != 0,
                requires_abort: ffi::rd_kafka_error_txn_requires_abort(error) != 0,
            }
        }
    }
}

/// Room for a message that a call may leave.
pub(super) struct ErrorText([c_char; 512]);

impl ErrorText {
    pub(super) const fn new() -> Self {
        Self([0; 512])
    }

    pub(super) const fn room(&mut self) -> (*mut c_char, usize) {
        (self.0.as_mut_ptr(), self.0.len())
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: librdkafka ends what it writes with a NUL byte, and the room was all NUL bytes.
        f.write_str(&unsafe { text(self.0.as_ptr()) })
    }
}
