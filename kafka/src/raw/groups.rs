//! What is asked of a cluster about a group, by a client that is no member of it.

use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as ffi;

use super::c_string;
use super::client::Client;
use super::error::{Code, Failure};
use super::partitions::Partitions;
use super::request::{Event, Request, is_transient};

impl Client {
    /// Asks what a group has committed for these partitions. Where a transaction with positions of theirs is open, that fails in a way that
    /// time mends.
    pub(crate) fn committed(
        self: &Arc<Self>,
        group: &str,
        partitions: &Partitions,
        timeout: Duration,
    ) -> Result<Request<Partitions>, Failure> {
        let group = c_string(group)?;
        let (what, api) = ("positions of a group", ffi::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
        Ok(Request::start(self, what, api, timeout, read_committed, |options, queue| {
            // SAFETY: client, options, queue, name and list live, and librdkafka copies what it is given; the error object, if any, is ours.
            unsafe {
                ffi::rd_kafka_error_destroy(ffi::rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
                let mut request = ffi::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), partitions.native());
                ffi::rd_kafka_ListConsumerGroupOffsets(self.native(), &raw mut request, 1, options, queue);
                ffi::rd_kafka_ListConsumerGroupOffsets_destroy(request);
            }
        }))
    }
}

fn read_committed(event: &Event) -> Result<Partitions, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event, and the list is copied.
    unsafe {
        let result = ffi::rd_kafka_event_ListConsumerGroupOffsets_result(event.native());
        let groups = if result.is_null() {
            std::ptr::null_mut()
        } else {
            ffi::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count)
        };
        if groups.is_null() || count == 0 {
            return Err(Failure::local("an answer of another kind".to_owned()));
        }
        let group = *groups;
        let error = ffi::rd_kafka_group_result_error(group);
        if !error.is_null() && ffi::rd_kafka_error_code(error) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            let failure = Failure::read(error);
            return Err(Failure { is_retriable: is_transient(failure.code), ..failure });
        }
        let list = Partitions::copy_of(ffi::rd_kafka_group_result_partitions(group));
        let failed = list.check();
        failed.map(|()| list).map_err(|failure| Failure { is_retriable: is_transient(failure.code), ..failure })
    }
}
