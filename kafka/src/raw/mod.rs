//! librdkafka behind safe types: handles that free themselves, batches of messages, errors. The only unsafe code of the crate.
//!
//! Every handle keeps alive what it was made from, so the order in which they are dropped does not matter to the caller.
#![expect(unsafe_code, reason = "librdkafka is a C library; each block says why it is sound")]

mod admin;
mod client;
mod consumer;
mod error;
mod groups;
mod look;
mod messages;
mod notes;
mod partitions;
mod request;

pub(crate) use admin::{NewTopic, OffsetOf, TopicDescription};
pub(crate) use client::{Client, Kind, check_settings};
pub(crate) use consumer::{Consumer, Membership};
pub(crate) use error::{Code, Failure};
pub(crate) use messages::Place;
pub(crate) use notes::{Change, Rebalance};
pub(crate) use partitions::{Partition, Partitions};
pub(crate) use request::Request;

use std::ffi::{CStr, CString, c_char, c_int};
use std::time::Duration;

/// A name for librdkafka.
fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::local(format!("\"{}\" has a NUL byte", text.escape_debug())))
}

/// Milliseconds as librdkafka takes them.
fn timeout_ms(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX)
}

/// # Safety
/// `text` is null or a NUL-terminated string that lives during the call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
