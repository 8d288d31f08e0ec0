//! Requests that are answered on a queue of their own, so that nobody has to wait for an answer.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as ffi;

use super::client::Client;
use super::error::{Code, Failure};
use super::{text, timeout_ms};

/// A queue of a client.
pub(super) struct Queue {
    queue: NonNull<ffi::rd_kafka_queue_t>,
    /// Dropped after the queue is destroyed.
    client: Arc<Client>,
}

// SAFETY: librdkafka's queues are locked inside.
unsafe impl Send for Queue {}

impl Queue {
    /// A queue that nobody else knows.
    pub(super) fn new(client: &Arc<Client>) -> Self {
        // SAFETY: the client lives.
        Self::of(client, unsafe { ffi::rd_kafka_queue_new(client.native()) })
    }

    /// The queue of all partitions of a consumer.
    pub(super) fn of_consumer(client: &Arc<Client>) -> Self {
        // SAFETY: the client lives, and is a consumer with a group.
        Self::of(client, unsafe { ffi::rd_kafka_queue_get_consumer(client.native()) })
    }

    /// The queue of everything that a client says by itself.
    pub(super) fn of_client(client: &Arc<Client>) -> Self {
        // SAFETY: the client lives.
        Self::of(client, unsafe { ffi::rd_kafka_queue_get_main(client.native()) })
    }

    fn of(client: &Arc<Client>, queue: *mut ffi::rd_kafka_queue_t) -> Self {
        let queue = NonNull::new(queue).expect("a client has its queues");
        Self { queue, client: Arc::clone(client) }
    }

    pub(super) const fn native(&self) -> *mut ffi::rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    /// The next event, if one comes in time.
    pub(super) fn poll(&self, timeout: Duration) -> Option<Event> {
        // SAFETY: a queue of a client that lives.
        NonNull::new(unsafe { ffi::rd_kafka_queue_poll(self.native(), timeout_ms(timeout)) }).map(Event)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours, and its client still lives.
        unsafe { ffi::rd_kafka_queue_destroy(self.native()) };
    }
}

/// Something that happened.
pub(super) struct Event(NonNull<ffi::rd_kafka_event_t>);

impl Event {
    pub(super) const fn native(&self) -> *mut ffi::rd_kafka_event_t {
        self.0.as_ptr()
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        // SAFETY: a valid event, whose string lives as long as it.
        let (code, message) = unsafe { (ffi::rd_kafka_event_error(self.native()), text(ffi::rd_kafka_event_error_string(self.native()))) };
        Failure::check(code).map_err(|failure| Failure { message, is_retriable: is_transient(code), ..failure })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::rd_kafka_event_destroy(self.native()) };
    }
}

/// Whether the same request may be answered a little later.
pub(super) const fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR__TIMED_OUT
            | Code::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
            | Code::RD_KAFKA_RESP_ERR__TRANSPORT
            | Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
            | Code::RD_KAFKA_RESP_ERR__RESOLVE
            | Code::RD_KAFKA_RESP_ERR__WAIT_COORD
            | Code::RD_KAFKA_RESP_ERR__IN_PROGRESS
            | Code::RD_KAFKA_RESP_ERR__OUTDATED
            | Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
            | Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
            | Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH
            | Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH
            | Code::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
            | Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
            | Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR
            | Code::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT
            | Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE
            | Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR
            | Code::RD_KAFKA_RESP_ERR_NOT_CONTROLLER
    )
}

/// Whether the client believes in leaders that are none any more.
const fn has_old_leaders(code: Code) -> bool {
    matches!(
        code,
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
            | Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH
            | Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH
    )
}

/// A request under way, and how its answer is read.
pub(crate) struct Request<T> {
    queue: Queue,
    what: &'static str,
    timeout: Duration,
    read: fn(&Event) -> Result<T, Failure>,
}

impl<T> Request<T> {
    /// Sends a request by `send`, which is given options with a time-out and the queue for the answer.
    pub(super) fn start(
        client: &Arc<Client>,
        what: &'static str,
        api: ffi::rd_kafka_admin_op_t,
        timeout: Duration,
        read: fn(&Event) -> Result<T, Failure>,
        send: impl FnOnce(*mut ffi::rd_kafka_AdminOptions_t, *mut ffi::rd_kafka_queue_t),
    ) -> Self {
        let queue = Queue::new(client);
        // SAFETY: the client lives. The options are read during `send` only. A time-out out of bounds leaves the default one.
        unsafe {
            let options = ffi::rd_kafka_AdminOptions_new(client.native(), api);
            ffi::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms(timeout), std::ptr::null_mut(), 0);
            send(options, queue.native());
            ffi::rd_kafka_AdminOptions_destroy(options);
        }
        Self { queue, what, timeout, read }
    }

    /// The queue, for a request of another kind; it is answered by an event.
    pub(super) fn on_queue(queue: Queue, what: &'static str, timeout: Duration, read: fn(&Event) -> Result<T, Failure>) -> Self {
        Self { queue, what, timeout, read }
    }

    /// The answer, if it is there.
    pub(crate) fn poll(&self, timeout: Duration) -> Option<Result<T, Failure>> {
        let event = self.queue.poll(timeout)?;
        let answer = event.check().and_then(|()| (self.read)(&event));
        Some(answer.map_err(|failure| {
            if has_old_leaders(failure.code) {
                self.queue.client.learn_leaders();
            }
            Failure { message: format!("{}: {}", self.what, failure.message), ..failure }
        }))
    }

    /// Waits for the answer.
    pub(crate) fn wait(&self) -> Result<T, Failure> {
        self.poll(self.timeout).unwrap_or_else(|| Err(Failure::timed_out(self.what)))
    }
}
