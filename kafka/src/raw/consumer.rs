//! A consumer: a member of a group, or a reader of partitions that it is told.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as ffi;

use super::client::{Client, Kind};
use super::error::Failure;
use super::messages::{Message, Messages};
use super::notes::{Change, Rebalance};
use super::partitions::Partitions;
use super::request::{Event, Queue, Request};
use super::{text, timeout_ms};
use crate::wire::Member;

/// A consumer and the messages that it has handed over, which are held until they are released.
pub(crate) struct Consumer {
    messages: Messages,
    queue: Queue,
    /// Nothing ever comes here: polling it is a sign of life that reads nothing.
    silent: Queue,
    client: Arc<Client>,
}

impl Consumer {
    pub(crate) fn new(settings: &BTreeMap<String, String>, on_log: fn(&str)) -> Result<Self, Failure> {
        let client = Arc::new(Client::new(Kind::Consumer, settings, on_log)?);
        // What the client itself has to say comes by the same queue.
        // SAFETY: a consumer with a group, just made.
        Failure::check(unsafe { ffi::rd_kafka_poll_set_consumer(client.native()) })?;
        let (queue, silent) = (Queue::of_consumer(&client), Queue::new(&client));
        Ok(Self { messages: Messages::new(), queue, silent, client })
    }

    pub(crate) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Joins the group for these topics.
    pub(crate) fn subscribe<'t>(&self, topics: impl IntoIterator<Item = &'t str>) -> Result<(), Failure> {
        let list = Partitions::of_topics(topics)?;
        // SAFETY: client and list live, and the list is copied.
        Failure::check(unsafe { ffi::rd_kafka_subscribe(self.client.native(), list.native()) })
    }

    /// Takes messages that have come, and says how many: waits until there are `at_most`, the assignment changes, or the time is over.
    pub(crate) fn take(&mut self, timeout: Duration, at_most: usize) -> usize {
        // SAFETY: a queue of this client, which outlives the messages: they are dropped first.
        unsafe { self.messages.take(self.queue.native(), timeout_ms(timeout), at_most) }
    }

    /// Messages held.
    pub(crate) const fn held(&self) -> usize {
        self.messages.len()
    }

    /// The message held at this index.
    pub(crate) fn message(&self, index: usize) -> Message<'_> {
        self.messages.get(index)
    }

    /// Gives all messages held back.
    pub(crate) fn release(&mut self) {
        self.messages.clear();
    }

    /// Tells the group that this member lives.
    pub(crate) fn keep_alive(&self) {
        let mut nothing = Messages::new();
        // SAFETY: a queue of this client.
        unsafe { nothing.take(self.silent.native(), 0, 1) };
    }

    /// A change of the assignment that is still to be answered, oldest first.
    pub(crate) fn next_rebalance(&self) -> Option<Rebalance> {
        self.client.notes().next_rebalance()
    }

    pub(crate) fn has_rebalance(&self) -> bool {
        self.client.notes().has_rebalance()
    }

    /// Takes partitions over.
    pub(crate) fn incremental_assign(&self, partitions: &Partitions) -> Result<(), Failure> {
        // SAFETY: client and list live; the error object, if any, is ours.
        unsafe { Failure::take(ffi::rd_kafka_incremental_assign(self.client.native(), partitions.native())) }
    }

    /// Hands partitions over.
    pub(crate) fn incremental_unassign(&self, partitions: &Partitions) -> Result<(), Failure> {
        // SAFETY: client and list live; the error object, if any, is ours.
        unsafe { Failure::take(ffi::rd_kafka_incremental_unassign(self.client.native(), partitions.native())) }
    }

    /// Reads these partitions, without a group; none ends that.
    pub(crate) fn assign(&self, partitions: Option<&Partitions>) -> Result<(), Failure> {
        let list = partitions.map_or(std::ptr::null(), |list| list.native().cast_const());
        // SAFETY: client and list live, and the list is copied.
        Failure::check(unsafe { ffi::rd_kafka_assign(self.client.native(), list) })
    }

    /// Reads on from these offsets.
    pub(crate) fn seek(&self, partitions: &Partitions, timeout: Duration) -> Result<(), Failure> {
        // SAFETY: client and list live; the error object, if any, is ours.
        unsafe { Failure::take(ffi::rd_kafka_seek_partitions(self.client.native(), partitions.native(), timeout_ms(timeout)))? };
        partitions.check()
    }

    pub(crate) fn pause(&self, partitions: &Partitions) -> Result<(), Failure> {
        // SAFETY: client and list live.
        Failure::check(unsafe { ffi::rd_kafka_pause_partitions(self.client.native(), partitions.native()) })?;
        partitions.check()
    }

    pub(crate) fn resume(&self, partitions: &Partitions) -> Result<(), Failure> {
        // SAFETY: client and list live.
        Failure::check(unsafe { ffi::rd_kafka_resume_partitions(self.client.native(), partitions.native()) })?;
        partitions.check()
    }

    /// Fills in the offset after the last message taken or passed of each partition.
    pub(crate) fn position(&self, partitions: &Partitions) -> Result<(), Failure> {
        // SAFETY: client and list live.
        Failure::check(unsafe { ffi::rd_kafka_position(self.client.native(), partitions.native()) })
    }

    /// Fills in what the group has committed.
    pub(crate) fn committed(&self, partitions: &Partitions, timeout: Duration) -> Result<(), Failure> {
        // SAFETY: client and list live.
        Failure::check(unsafe { ffi::rd_kafka_committed(self.client.native(), partitions.native(), timeout_ms(timeout)) })?;
        partitions.check()
    }

    /// Commits offsets by themselves.
    pub(crate) fn commit(&self, partitions: &Partitions, timeout: Duration) -> Result<Request<()>, Failure> {
        let queue = Queue::new(&self.client);
        // SAFETY: client, list and queue live, and the list is copied.
        let code =
            unsafe { ffi::rd_kafka_commit_queue(self.client.native(), partitions.native(), queue.native(), None, std::ptr::null_mut()) };
        Failure::check(code)?;
        Ok(Request::on_queue(queue, "commit of positions", timeout, read_commit))
    }

    /// Who this member is to the group, as of now.
    pub(crate) fn membership(&self) -> Option<Membership> {
        // SAFETY: the client lives.
        NonNull::new(unsafe { ffi::rd_kafka_consumer_group_metadata(self.client.native()) }).map(Membership)
    }

    /// Leaves the group as a member that has answered everything.
    fn close(&self) {
        self.client.notes().close();
        while let Some(Rebalance { change, .. }) = self.next_rebalance() {
            let nothing = Partitions::new();
            // Only so that the group has its answer: closing gives everything back. Nobody is left to whom a failure would matter.
            _ = match change {
                Change::Assigned => self.incremental_assign(&nothing),
                Change::Revoked | Change::Lost => self.incremental_unassign(&nothing),
            };
        }
        // SAFETY: the client lives. Callbacks during the call answer at once.
        unsafe { ffi::rd_kafka_consumer_close(self.client.native()) };
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.messages.clear();
        self.close();
    }
}

fn read_commit(event: &Event) -> Result<(), Failure> {
    // SAFETY: a valid event; the list belongs to it, and is copied.
    let list = unsafe {
        let list = ffi::rd_kafka_event_topic_partition_list(event.native());
        if list.is_null() {
            return Ok(());
        }
        Partitions::copy_of(list)
    };
    list.check()
}

/// A member of a group at one generation.
pub(crate) struct Membership(NonNull<ffi::rd_kafka_consumer_group_metadata_t>);

impl Membership {
    /// What the group calls this member: nothing where it is none. Whoever was given up comes back under another name.
    pub(crate) fn member_id(&self) -> String {
        // SAFETY: ours, and the string belongs to it.
        unsafe { text(ffi::rd_kafka_consumer_group_metadata_member_id(self.0.as_ptr())) }
    }

    /// As the group's coordinator is told of it.
    pub(crate) fn member(&self) -> Member {
        let metadata = self.0.as_ptr();
        // SAFETY: valid until it is dropped, and so are its strings; these are copied, and one that there is not is null.
        unsafe {
            let instance = ffi::rd_kafka_consumer_group_metadata_group_instance_id(metadata);
            Member {
                group: text(ffi::rd_kafka_consumer_group_metadata_group_id(metadata)),
                generation: ffi::rd_kafka_consumer_group_metadata_generation_id(metadata),
                id: self.member_id(),
                instance: (!instance.is_null()).then(|| text(instance)),
            }
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) };
    }
}
