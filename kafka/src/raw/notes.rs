//! What librdkafka's callbacks note for the lane. They do nothing else: the lane acts on its next poll.

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka_sys::bindings as ffi;

use super::error::Code;
use super::partitions::Partitions;
use super::text;

/// What happens to partitions of this member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Assigned,
    Revoked,
    /// Taken away already: this member was given up.
    Lost,
}

/// A change of the assignment that is still to be answered.
#[derive(Debug)]
pub(crate) struct Rebalance {
    pub(crate) change: Change,
    pub(crate) partitions: Partitions,
}

/// Shared with librdkafka's threads.
pub(super) struct Notes {
    rebalances: Mutex<VecDeque<Rebalance>>,
    is_closing: AtomicBool,
    on_log: fn(&str),
}

impl Notes {
    pub(super) fn new(on_log: fn(&str)) -> Self {
        Self { rebalances: Mutex::default(), is_closing: AtomicBool::new(false), on_log }
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn has_rebalance(&self) -> bool {
        !self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// From now on changes of the assignment are answered at once.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// Registers the callbacks.
    ///
    /// # Safety
    /// `conf` is a configuration, and `notes` outlives every client that is made of it.
    pub(super) unsafe fn register(notes: *const Self, conf: *mut ffi::rd_kafka_conf_t, is_consumer: bool) {
        // SAFETY: promised by the caller; the callbacks only read the notes, which are shared between threads.
        unsafe {
            ffi::rd_kafka_conf_set_opaque(conf, notes.cast_mut().cast());
            ffi::rd_kafka_conf_set_log_cb(conf, Some(log));
            if is_consumer {
                ffi::rd_kafka_conf_set_rebalance_cb(conf, Some(rebalance));
            }
        }
    }
}

/// Runs on the thread that polls, in the middle of a poll.
unsafe extern "C" fn rebalance(rk: *mut ffi::rd_kafka_t, code: Code, list: *mut ffi::rd_kafka_topic_partition_list_t, opaque: *mut c_void) {
    // SAFETY: the opaque pointer is the one that was registered, and lives as long as the client.
    let notes = unsafe { &*opaque.cast_const().cast::<Notes>() };
    let change = match code {
        Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assigned,
        // SAFETY: librdkafka passes the client that calls.
        _ if unsafe { ffi::rd_kafka_assignment_lost(rk) } != 0 => Change::Lost,
        _ => Change::Revoked,
    };
    if notes.is_closing.load(Ordering::Relaxed) {
        // SAFETY: the client and the list are valid during the callback. There is nobody left to whom a failure would matter.
        unsafe {
            match change {
                Change::Assigned => ffi::rd_kafka_error_destroy(ffi::rd_kafka_incremental_assign(rk, list)),
                Change::Revoked | Change::Lost => ffi::rd_kafka_error_destroy(ffi::rd_kafka_incremental_unassign(rk, list)),
            }
        }
        return;
    }
    // SAFETY: the list is valid during the callback; it is copied.
    let partitions = unsafe { Partitions::copy_of(list) };
    // The poll is not ended by a yield: librdkafka takes one more message off its queue before it looks at that, and drops it.
    notes.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push_back(Rebalance { change, partitions });
}

/// Runs on any thread.
unsafe extern "C" fn log(rk: *const ffi::rd_kafka_t, _level: c_int, facility: *const c_char, line: *const c_char) {
    // SAFETY: librdkafka passes strings that are valid during the callback.
    let (facility, line) = unsafe { (text(facility), text(line)) };
    // Every client is given all settings of the user, those of the other kind too.
    if rk.is_null() || facility == "CONFWARN" {
        return;
    }
    // SAFETY: the opaque pointer is the one that was registered, and lives as long as the client.
    let notes = unsafe { &*ffi::rd_kafka_opaque(rk).cast_const().cast::<Notes>() };
    (notes.on_log)(&format!("{facility}: {line}"));
}
