//! A producer, and its transactions.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use pipeline::Headers;
use rdkafka_sys::bindings as ffi;

use super::client::{Client, Kind};
use super::consumer::Membership;
use super::error::{Code, Failure};
use super::partitions::Partitions;
use super::request::Queue;
use super::{c_string, text, timeout_ms};

/// A topic as a producer knows it.
pub(crate) struct Topic {
    topic: NonNull<ffi::rd_kafka_topic_t>,
    /// Dropped after the handle is destroyed.
    _client: Arc<Client>,
}

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: ours, and its client still lives.
        unsafe { ffi::rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}

/// A record to be sent.
#[derive(Clone, Copy)]
pub(crate) struct ToSend<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) partition: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Headers<'a>,
}

/// A producer. Records that the broker does not take are told by [`Producer::refused`].
pub(crate) struct Producer {
    events: Queue,
    client: Arc<Client>,
}

impl Producer {
    pub(crate) fn new(settings: &BTreeMap<String, String>, on_log: fn(&str)) -> Result<Self, Failure> {
        let client = Arc::new(Client::new(Kind::Producer, settings, on_log)?);
        Ok(Self { events: Queue::of_client(&client), client })
    }

    pub(crate) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// A handle to send to a topic by.
    pub(crate) fn topic(&self, name: &str) -> Result<Topic, Failure> {
        let name = c_string(name)?;
        // SAFETY: the client lives, and the name is copied.
        let topic = unsafe { ffi::rd_kafka_topic_new(self.client.native(), name.as_ptr(), ptr::null_mut()) };
        let topic = NonNull::new(topic).ok_or_else(|| Failure::local(format!("{name:?} is no topic")))?;
        Ok(Topic { topic, _client: Arc::clone(&self.client) })
    }

    /// Queues a record; its bytes are copied. It is sent with others of its partition, soon.
    pub(crate) fn send(&self, record: &ToSend<'_>) -> Result<(), Failure> {
        let partition = i32::try_from(record.partition).map_err(|_| Failure::local(format!("partition {}", record.partition)))?;
        let headers = native_headers(record.headers)?;
        let mut parts = [part(Type::RD_KAFKA_VTYPE_END, Value { _pad: [0; 64] }); 7];
        parts[0] = part(Type::RD_KAFKA_VTYPE_RKT, Value { rkt: record.topic.topic.as_ptr() });
        parts[1] = part(Type::RD_KAFKA_VTYPE_PARTITION, Value { i32_: partition });
        parts[2] = part(Type::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: ffi::RD_KAFKA_MSG_F_COPY });
        parts[3] = part(Type::RD_KAFKA_VTYPE_TIMESTAMP, Value { i64_: record.timestamp_ms });
        parts[4] = part(Type::RD_KAFKA_VTYPE_KEY, Value { mem: memory(record.key) });
        parts[5] = part(Type::RD_KAFKA_VTYPE_VALUE, Value { mem: memory(record.value) });
        let mut count = 6;
        if let Some(headers) = headers {
            parts[6] = part(Type::RD_KAFKA_VTYPE_HEADERS, Value { headers: headers.as_ptr() });
            count = 7;
        }
        // SAFETY: client and topic live; each part has the member of the union that its type stands for; key and value are copied.
        let sent = unsafe { Failure::take(ffi::rd_kafka_produceva(self.client.native(), parts.as_ptr(), count)) };
        if let (Err(_), Some(headers)) = (&sent, headers) {
            // SAFETY: librdkafka has taken them over only where it has taken the record.
            unsafe { ffi::rd_kafka_headers_destroy(headers.as_ptr()) };
        }
        sent
    }

    /// Waits until everything queued is sent and answered, or the time is over. True if so.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        // SAFETY: the client lives.
        let code = unsafe { ffi::rd_kafka_flush(self.client.native(), timeout_ms(timeout)) };
        code == Code::RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// Waits up to `timeout` for the broker to refuse a record: the first one that it did, if any.
    pub(crate) fn refused(&self, timeout: Duration) -> Option<Failure> {
        let mut first = None;
        let mut timeout = timeout;
        while let Some(event) = self.events.poll(timeout) {
            timeout = Duration::ZERO;
            // SAFETY: a valid event; of another kind it has no messages. A message lives as long as the event.
            while let Some(message) = NonNull::new(unsafe { ffi::rd_kafka_event_message_next(event.native()) }.cast_mut()) {
                // SAFETY: as above.
                let (code, topic, partition) = unsafe {
                    let message = message.as_ref();
                    (message.err, text(ffi::rd_kafka_topic_name(message.rkt)), message.partition)
                };
                if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR && first.is_none() {
                    let failure = Failure::of(code);
                    first = Some(Failure { message: format!("a record of {topic}-{partition}: {}", failure.message), ..failure });
                }
            }
        }
        first
    }

    /// Fences whoever has the same transactional id, and ends what that one left open.
    pub(crate) fn init_transactions(&self, timeout: Duration) -> Result<(), Failure> {
        // SAFETY: the client lives; the error object, if any, is ours.
        unsafe { Failure::take(ffi::rd_kafka_init_transactions(self.client.native(), timeout_ms(timeout))) }
    }

    pub(crate) fn begin_transaction(&self) -> Result<(), Failure> {
        // SAFETY: the client lives; the error object, if any, is ours.
        unsafe { Failure::take(ffi::rd_kafka_begin_transaction(self.client.native())) }
    }

    /// Puts positions into the open transaction.
    pub(crate) fn send_offsets(&self, offsets: &Partitions, membership: &Membership, timeout: Duration) -> Result<(), Failure> {
        // SAFETY: client, list and membership live, and are copied; the error object, if any, is ours.
        unsafe {
            let sent =
                ffi::rd_kafka_send_offsets_to_transaction(self.client.native(), offsets.native(), membership.native(), timeout_ms(timeout));
            Failure::take(sent)
        }
    }

    /// Sends what is queued and commits. After a retriable failure it is called again, and goes on where it was.
    pub(crate) fn commit_transaction(&self, timeout: Duration) -> Result<(), Failure> {
        // SAFETY: the client lives; the error object, if any, is ours.
        unsafe { Failure::take(ffi::rd_kafka_commit_transaction(self.client.native(), timeout_ms(timeout))) }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let everything = ffi::RD_KAFKA_PURGE_F_QUEUE | ffi::RD_KAFKA_PURGE_F_INFLIGHT | ffi::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // What is not sent by now belongs to a transaction that is lost, and the end of the client must not wait for it.
        // SAFETY: the client lives.
        unsafe { ffi::rd_kafka_purge(self.client.native(), everything as c_int) };
        self.refused(Duration::ZERO);
    }
}

type Type = ffi::rd_kafka_vtype_t;
type Value = ffi::rd_kafka_vu_s__bindgen_ty_1;

const fn part(vtype: Type, u: Value) -> ffi::rd_kafka_vu_t {
    ffi::rd_kafka_vu_t { vtype, u }
}

/// Bytes, or a null pointer for none.
const fn memory(bytes: Option<&[u8]>) -> ffi::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    let (ptr, size) = match bytes {
        Some(bytes) => (bytes.as_ptr().cast_mut().cast(), bytes.len()),
        None => (ptr::null_mut(), 0),
    };
    ffi::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size }
}

fn native_headers(headers: Headers<'_>) -> Result<Option<NonNull<ffi::rd_kafka_headers_t>>, Failure> {
    if headers.is_empty() {
        return Ok(None);
    }
    // SAFETY: makes an empty list.
    let native = NonNull::new(unsafe { ffi::rd_kafka_headers_new(headers.iter().count()) });
    let native = native.expect("librdkafka ends the process where there is no memory");
    for (name, value) in headers.iter() {
        // SAFETY: names and values of these lengths are copied.
        let code = unsafe {
            let (length, value_length) = (name.len().cast_signed(), value.len().cast_signed());
            ffi::rd_kafka_header_add(native.as_ptr(), name.as_ptr().cast(), length, value.as_ptr().cast(), value_length)
        };
        if let Err(failure) = Failure::check(code) {
            // SAFETY: ours, and nobody else knows of it.
            unsafe { ffi::rd_kafka_headers_destroy(native.as_ptr()) };
            return Err(failure);
        }
    }
    Ok(Some(native))
}
