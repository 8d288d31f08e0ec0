//! What is asked of a cluster about itself and its groups.

use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as ffi;

use super::admin::{Settings, array, failed, read_settings, unexpected};
use super::client::Client;
use super::error::{Code, Failure};
use super::partitions::Partitions;
use super::request::{Event, Request};
use super::{c_string, text};

type Op = ffi::rd_kafka_admin_op_t;

/// A broker of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: i32,
    pub(crate) address: String,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupDescription {
    /// `Stable`, `Empty`, `Dead`, `PreparingRebalance` and so on.
    pub(crate) state: String,
    pub(crate) members: usize,
}

impl Client {
    /// Asks for the brokers of the cluster.
    pub(crate) fn brokers(self: &Arc<Self>, timeout: Duration) -> Request<Vec<Node>> {
        Request::start(self, "cluster", Op::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, timeout, read_brokers, |options, queue| {
            // SAFETY: client, options and queue live.
            unsafe { ffi::rd_kafka_DescribeCluster(self.native(), options, queue) };
        })
    }

    /// Asks for all settings of a broker, by its id and key.
    pub(crate) fn broker_settings(self: &Arc<Self>, id: i32, timeout: Duration) -> Result<Request<Settings>, Failure> {
        let name = c_string(&id.to_string())?;
        Ok(Request::start(self, "settings of a broker", Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout, read_settings, |options, queue| {
            let broker = ffi::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_BROKER;
            // SAFETY: client, options, queue and name live, and librdkafka copies the resource, which is freed behind it.
            unsafe {
                let mut resource = ffi::rd_kafka_ConfigResource_new(broker, name.as_ptr());
                ffi::rd_kafka_DescribeConfigs(self.native(), &raw mut resource, 1, options, queue);
                ffi::rd_kafka_ConfigResource_destroy(resource);
            }
        }))
    }

    /// Asks who is in a group. One that is not known has no members.
    pub(crate) fn group(self: &Arc<Self>, group: &str, timeout: Duration) -> Result<Request<GroupDescription>, Failure> {
        let name = c_string(group)?;
        Ok(Request::start(self, "group", Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout, read_group, |options, queue| {
            let mut names = [name.as_ptr()];
            // SAFETY: client, options, queue and name live, and librdkafka copies the name.
            unsafe { ffi::rd_kafka_DescribeConsumerGroups(self.native(), names.as_mut_ptr(), 1, options, queue) };
        }))
    }

    /// Asks for the positions that a group has committed. The answer has an offset below 0 where it has none.
    pub(crate) fn group_positions(self: &Arc<Self>, group: &str, timeout: Duration) -> Result<Request<Partitions>, Failure> {
        let name = c_string(group)?;
        let what = "positions of a group";
        Ok(Request::start(self, what, Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout, read_positions, |options, queue| {
            // SAFETY: client, options, queue and name live; without a list all partitions are asked for. librdkafka copies what it is given.
            unsafe {
                let mut asked = ffi::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), std::ptr::null());
                ffi::rd_kafka_ListConsumerGroupOffsets(self.native(), &raw mut asked, 1, options, queue);
                ffi::rd_kafka_ListConsumerGroupOffsets_destroy(asked);
            }
        }))
    }
}

fn read_brokers(event: &Event) -> Result<Vec<Node>, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    unsafe {
        let result = ffi::rd_kafka_event_DescribeCluster_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        let nodes = array(ffi::rd_kafka_DescribeCluster_result_nodes(result, &raw mut count), count);
        let node = |&node: &*const _| Node {
            id: ffi::rd_kafka_Node_id(node),
            address: format!("{}:{}", text(ffi::rd_kafka_Node_host(node)), ffi::rd_kafka_Node_port(node)),
        };
        Ok(nodes.iter().map(node).collect())
    }
}

fn read_group(event: &Event) -> Result<GroupDescription, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    unsafe {
        let result = ffi::rd_kafka_event_DescribeConsumerGroups_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        let groups = array(ffi::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count), count);
        let Some(&group) = groups.first() else { return Err(unexpected()) };
        check(ffi::rd_kafka_ConsumerGroupDescription_error(group))?;
        let state = ffi::rd_kafka_ConsumerGroupDescription_state(group);
        Ok(GroupDescription {
            state: text(ffi::rd_kafka_consumer_group_state_name(state)),
            members: ffi::rd_kafka_ConsumerGroupDescription_member_count(group),
        })
    }
}

fn read_positions(event: &Event) -> Result<Partitions, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event, and the list is copied.
    unsafe {
        let result = ffi::rd_kafka_event_ListConsumerGroupOffsets_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        let groups = array(ffi::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count), count);
        let Some(&group) = groups.first() else { return Err(unexpected()) };
        check(ffi::rd_kafka_group_result_error(group))?;
        Ok(Partitions::copy_of(ffi::rd_kafka_group_result_partitions(group)))
    }
}

/// # Safety
/// `error` is null or an error object that lives during the call.
unsafe fn check(error: *const ffi::rd_kafka_error_t) -> Result<(), Failure> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: promised by the caller.
    let failure = unsafe { Failure::read(error) };
    match failure.code {
        // Nobody has committed anything under this name.
        Code::RD_KAFKA_RESP_ERR_NO_ERROR | Code::RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND => Ok(()),
        code => Err(failed(code, failure.message)),
    }
}
