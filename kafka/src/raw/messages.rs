//! Messages as the client holds them, borrowed.

use std::ffi::{c_char, c_void};
use std::ptr;

use rdkafka_sys::bindings as ffi;

use pipeline::Headers;

use super::error::{Code, Failure};
use super::text;

/// Messages that a client has handed over. They are given back when this is cleared or dropped.
pub(super) struct Messages {
    handed_over: Vec<*mut ffi::rd_kafka_message_t>,
}

// SAFETY: messages are plain memory; librdkafka counts references to what they share under locks.
unsafe impl Send for Messages {}

impl Messages {
    pub(super) const fn new() -> Self {
        Self { handed_over: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.handed_over.len()
    }

    /// The message at an index.
    pub(super) fn get(&self, index: usize) -> Message<'_> {
        // SAFETY: a message that is valid until it is given back, which takes a mutable borrow.
        Message { message: unsafe { &*self.handed_over[index] } }
    }

    /// Takes what is there, up to so many, from a queue. Waits until there are so many, or the time is over.
    ///
    /// # Safety
    /// `queue` is a queue of a client that lives longer than these messages.
    pub(super) unsafe fn take(&mut self, queue: *mut ffi::rd_kafka_queue_t, timeout_ms: i32, at_most: usize) -> usize {
        let before = self.handed_over.len();
        self.handed_over.reserve(at_most);
        // SAFETY: there is room for so many pointers behind those that are there, and librdkafka says how many it has written.
        unsafe {
            let room = self.handed_over.as_mut_ptr().add(before);
            let taken = ffi::rd_kafka_consume_batch_queue(queue, timeout_ms, room, at_most);
            let taken = usize::try_from(taken).unwrap_or(0);
            self.handed_over.set_len(before + taken);
            taken
        }
    }

    /// Gives all of them back.
    pub(super) fn clear(&mut self) {
        for message in self.handed_over.drain(..) {
            // SAFETY: handed over to us, and nobody borrows it: this takes a mutable borrow.
            unsafe { ffi::rd_kafka_message_destroy(message) };
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Which partition a message is of. The same topic may have several handles, but a handle is of one topic only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    topic: *const c_void,
    pub(crate) partition: u32,
}

/// One message, or an error of the consumer in a message's place.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    message: &'a ffi::rd_kafka_message_t,
}

impl<'a> Message<'a> {
    /// What is wrong, where it is no message.
    pub(crate) fn failure(&self) -> Option<Failure> {
        if self.message.err == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        // SAFETY: an error's message is a string that lives as long as the message.
        let message = unsafe { text(ffi::rd_kafka_message_errstr(self.message)) };
        Some(Failure { message, ..Failure::of(self.message.err) })
    }

    pub(crate) const fn is_message(&self) -> bool {
        self.message.err as i32 == Code::RD_KAFKA_RESP_ERR_NO_ERROR as i32
    }

    pub(crate) fn place(&self) -> Place {
        // Errors of the whole consumer have no partition.
        Place { topic: self.message.rkt.cast_const().cast(), partition: u32::try_from(self.message.partition).unwrap_or(u32::MAX) }
    }

    /// The topic's name; empty for an error of the whole consumer.
    pub(crate) fn topic(&self) -> String {
        if self.message.rkt.is_null() {
            return String::new();
        }
        // SAFETY: a topic's handle lives as long as the message, and its name as long as the handle.
        unsafe { text(ffi::rd_kafka_topic_name(self.message.rkt)) }
    }

    pub(crate) const fn offset(&self) -> i64 {
        self.message.offset
    }

    pub(crate) fn timestamp_ms(&self) -> i64 {
        // SAFETY: a valid message; who set the timestamp is not asked.
        unsafe { ffi::rd_kafka_message_timestamp(self.message, ptr::null_mut()) }
    }

    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: so many bytes lie there, as long as the message lives.
        unsafe { slice(self.message.key, self.message.key_len) }
    }

    pub(crate) fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: so many bytes lie there, as long as the message lives.
        unsafe { slice(self.message.payload, self.message.len) }
    }

    /// Appends the headers as [`Headers`] has them.
    pub(crate) fn append_headers(&self, encoded: &mut Vec<u8>) {
        let mut headers = ptr::null_mut();
        // SAFETY: a valid message. The headers belong to it.
        let code = unsafe { ffi::rd_kafka_message_headers(self.message, &raw mut headers) };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length): (*const c_char, *const c_void, usize) = (ptr::null(), ptr::null(), 0);
            // SAFETY: headers of a message that lives; the call fills the three places in.
            let code = unsafe { ffi::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut length) };
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: a string that ends with a NUL byte, and so many bytes of value; both live as long as the headers.
            let (name, value) = unsafe { (std::ffi::CStr::from_ptr(name).to_bytes(), slice(value, length).unwrap_or_default()) };
            Headers::append(encoded, name, value);
        }
    }
}

/// # Safety
/// `bytes` is null, or so many bytes lie there for as long as the slice lives.
unsafe fn slice<'a>(bytes: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    (!bytes.is_null()).then(|| unsafe { std::slice::from_raw_parts(bytes.cast(), length) })
}
