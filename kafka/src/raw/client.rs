//! A client of one cluster.

use std::collections::BTreeMap;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka_sys::bindings as ffi;

use super::error::{Code, ErrorText, Failure};
use super::notes::Notes;
use super::{c_string, timeout_ms};

/// How long it may take to learn who leads.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(2);

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Consumer,
    /// Only asks and orders: a producer that produces nothing.
    Asking,
}

/// A handle of librdkafka, with its threads and connections.
pub(crate) struct Client {
    handle: NonNull<ffi::rd_kafka_t>,
    notes: NonNull<Notes>,
}

// SAFETY: librdkafka's handles may be used from any thread, and the notes are shared between threads already.
unsafe impl Send for Client {}
// SAFETY: and by several threads at the same time.
unsafe impl Sync for Client {}

impl Client {
    /// With these settings.
    pub(crate) fn new(kind: Kind, settings: &BTreeMap<String, String>, on_log: fn(&str)) -> Result<Self, Failure> {
        let notes = Box::into_raw(Box::new(Notes::new(on_log)));
        // SAFETY: just made from a box, and taken back below or when the client is dropped.
        let notes = unsafe { NonNull::new_unchecked(notes) };
        match Self::make(kind, settings, notes) {
            Ok(handle) => Ok(Self { handle, notes }),
            Err(failure) => {
                // SAFETY: no client was made, so nobody else knows of it.
                drop(unsafe { Box::from_raw(notes.as_ptr()) });
                Err(failure)
            }
        }
    }

    fn make(kind: Kind, settings: &BTreeMap<String, String>, notes: NonNull<Notes>) -> Result<NonNull<ffi::rd_kafka_t>, Failure> {
        let conf = Conf::new(settings)?;
        // SAFETY: the notes live until the client is destroyed.
        unsafe { Notes::register(notes.as_ptr(), conf.0, kind == Kind::Consumer) };
        let native = match kind {
            Kind::Consumer => ffi::rd_kafka_type_t::RD_KAFKA_CONSUMER,
            Kind::Asking => ffi::rd_kafka_type_t::RD_KAFKA_PRODUCER,
        };
        let mut why = ErrorText::new();
        let (room, length) = why.room();
        // SAFETY: the configuration is handed over where a client comes of it, and stays ours otherwise.
        let handle = unsafe { ffi::rd_kafka_new(native, conf.0, room, length) };
        let handle = NonNull::new(handle).ok_or_else(|| Failure::local(format!("no client could be made: {why}")))?;
        std::mem::forget(conf);
        Ok(handle)
    }

    pub(super) const fn native(&self) -> *mut ffi::rd_kafka_t {
        self.handle.as_ptr()
    }

    pub(super) const fn notes(&self) -> &Notes {
        // SAFETY: they live as long as the client.
        unsafe { self.notes.as_ref() }
    }

    /// Asks who leads the partitions of all topics. A client that only asks knows no topic of its own, so nothing else would make it look again
    /// after a leader has changed: it would believe what it learned first for a quarter of an hour.
    pub(super) fn learn_leaders(&self) {
        let mut metadata = ptr::null();
        // SAFETY: the client lives; the answer, if any, is ours, and only what the client keeps of it is of use. Where it fails, whoever
        // asks again comes back here.
        unsafe {
            if ffi::rd_kafka_metadata(self.native(), 1, ptr::null_mut(), &raw mut metadata, timeout_ms(LEADERS_TIMEOUT))
                == Code::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                ffi::rd_kafka_metadata_destroy(metadata);
            }
        }
    }

    /// Why this client is of no use any more, if it is so.
    pub(crate) fn fatal(&self) -> Option<Failure> {
        let mut why = ErrorText::new();
        let (room, length) = why.room();
        // SAFETY: the client lives, and the room is as long as it says.
        let code = unsafe { ffi::rd_kafka_fatal_error(self.native(), room, length) };
        (code != Code::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| Failure { message: why.to_string(), is_fatal: true, ..Failure::of(code) })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: whatever was made from the client keeps it in a field of its own that is dropped last, so nothing of it is left. After
        // this call none of its threads runs, so nobody knows of the notes.
        unsafe {
            ffi::rd_kafka_destroy(self.handle.as_ptr());
            drop(Box::from_raw(self.notes.as_ptr()));
        }
    }
}

/// Whether librdkafka knows these settings and takes their values. No client is made.
pub(crate) fn check_settings(settings: &BTreeMap<String, String>) -> Result<(), Failure> {
    Conf::new(settings).map(drop)
}

/// A configuration, until a client is made of it.
struct Conf(*mut ffi::rd_kafka_conf_t);

impl Conf {
    fn new(settings: &BTreeMap<String, String>) -> Result<Self, Failure> {
        // SAFETY: makes a configuration of defaults.
        let conf = Self(unsafe { ffi::rd_kafka_conf_new() });
        for (key, value) in settings {
            let (name, setting) = (c_string(key)?, c_string(value)?);
            let mut why = ErrorText::new();
            let (room, length) = why.room();
            // SAFETY: the strings end with NUL bytes and are copied; the room is as long as it says.
            let set = unsafe { ffi::rd_kafka_conf_set(conf.0, name.as_ptr(), setting.as_ptr(), room, length) };
            if set != ffi::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                return Err(Failure::local(format!("kafka.client.{key}: {why}")));
            }
        }
        Ok(conf)
    }
}

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: no client was made of it.
        unsafe { ffi::rd_kafka_conf_destroy(self.0) };
    }
}
