//! What is asked of a cluster, and changed in it, from any client.

use std::collections::BTreeMap;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use pipeline::TopicId;
use rdkafka_sys::bindings as ffi;

use super::client::Client;
use super::error::{Code, ErrorText, Failure};
use super::partitions::{self, Partition, Partitions};
use super::request::{Event, Request, is_transient};
use super::{c_string, text, timeout_ms};

type Op = ffi::rd_kafka_admin_op_t;

/// An offset by topic and partition.
pub(crate) type Offsets = BTreeMap<(String, u32), i64>;
/// A timestamp by topic and partition, ms.
pub(crate) type Timestamps = BTreeMap<(String, u32), i64>;
/// An offset and its timestamp (ms) by topic and partition.
type Listed = ((String, u32), i64, i64);
/// Values of settings by whose they are (a topic's or a broker's) and key.
pub(crate) type Settings = BTreeMap<String, BTreeMap<String, String>>;

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetOf {
    /// The first record held.
    First,
    /// After the last record that a reader of committed records may see: the last stable offset.
    CommittedEnd,
    /// After the last record, be its transaction open: the high watermark.
    End,
    /// The first record whose timestamp, ms since 1970 UTC, is not below this; −1 where there is none.
    Time(i64),
}

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicDescription {
    pub(crate) name: String,
    pub(crate) id: TopicId,
    pub(crate) partitions: u32,
    /// Replicas of the partition that has the fewest.
    pub(crate) replicas: u16,
}

/// A topic to be made.
pub(crate) struct NewTopic<'t> {
    pub(crate) name: &'t str,
    pub(crate) partitions: u32,
    /// Replicas of each partition; none: what the cluster has as default.
    pub(crate) replicas: Option<u16>,
    pub(crate) settings: &'t [(&'t str, &'t str)],
}

impl Client {
    /// Asks for an offset of each of these partitions. The answer has them by (topic, partition).
    pub(crate) fn offsets<'p>(
        self: &Arc<Self>,
        of: OffsetOf,
        partitions: impl IntoIterator<Item = (&'p str, u32)>,
        timeout: Duration,
    ) -> Result<Request<Offsets>, Failure> {
        self.ask_offsets(of, partitions, timeout, read_offsets)
    }

    /// As [`Client::offsets`]; a partition of which nobody knows it is left out of the answer.
    pub(crate) fn known_offsets<'p>(
        self: &Arc<Self>,
        of: OffsetOf,
        partitions: impl IntoIterator<Item = (&'p str, u32)>,
        timeout: Duration,
    ) -> Result<Request<Offsets>, Failure> {
        self.ask_offsets(of, partitions, timeout, read_known_offsets)
    }

    fn ask_offsets<'p>(
        self: &Arc<Self>,
        of: OffsetOf,
        partitions: impl IntoIterator<Item = (&'p str, u32)>,
        timeout: Duration,
        read: fn(&Event) -> Result<Offsets, Failure>,
    ) -> Result<Request<Offsets>, Failure> {
        let committed = Some(ffi::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
        let all = Some(ffi::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
        let (spec, isolation) = match of {
            OffsetOf::First => (ffi::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST as i64, None),
            OffsetOf::CommittedEnd => (ffi::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64, committed),
            OffsetOf::End => (ffi::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64, all),
            // Below zero are the marks above.
            OffsetOf::Time(timestamp_ms) => (timestamp_ms.max(0), committed),
        };
        let mut list = Partitions::new();
        for (topic, partition) in partitions {
            list.push(topic, partition, spec, "")?;
        }
        Ok(Request::start(self, "offsets", Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout, read, |options, queue| {
            // SAFETY: client, options and queue live, and librdkafka copies the list.
            unsafe {
                if let Some(isolation) = isolation {
                    ffi::rd_kafka_error_destroy(ffi::rd_kafka_AdminOptions_set_isolation_level(options, isolation));
                }
                ffi::rd_kafka_ListOffsets(self.native(), list.native(), options, queue);
            }
        }))
    }

    /// Asks for the largest timestamp of each of these partitions, ms; -1 where a partition holds no record. Records of open transactions count, and the
    /// markers of those that have ended, which carry the broker's time.
    pub(crate) fn largest_timestamps<'p>(
        self: &Arc<Self>,
        partitions: impl IntoIterator<Item = (&'p str, u32)>,
        timeout: Duration,
    ) -> Result<Request<Timestamps>, Failure> {
        let mut list = Partitions::new();
        for (topic, partition) in partitions {
            list.push(topic, partition, ffi::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_MAX_TIMESTAMP as i64, "")?;
        }
        Ok(Request::start(self, "timestamps", Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout, read_timestamps, |options, queue| {
            // SAFETY: client, options and queue live, and librdkafka copies the list.
            unsafe { ffi::rd_kafka_ListOffsets(self.native(), list.native(), options, queue) };
        }))
    }

    /// Asks what these topics are. A topic that does not exist is an error.
    pub(crate) fn describe<'t>(
        self: &Arc<Self>,
        topics: impl IntoIterator<Item = &'t str>,
        timeout: Duration,
    ) -> Result<Request<Vec<TopicDescription>>, Failure> {
        let names = topics.into_iter().map(c_string).collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        Ok(Request::start(self, "topics", Op::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout, read_descriptions, |options, queue| {
            // SAFETY: client, options, queue and names live, and librdkafka copies the names.
            unsafe {
                let collection = ffi::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
                ffi::rd_kafka_DescribeTopics(self.native(), collection, options, queue);
                ffi::rd_kafka_TopicCollection_destroy(collection);
            }
        }))
    }

    /// Asks for all settings of these topics, by topic and key.
    pub(crate) fn topic_settings<'t>(
        self: &Arc<Self>,
        topics: impl IntoIterator<Item = &'t str>,
        timeout: Duration,
    ) -> Result<Request<Settings>, Failure> {
        let names = topics.into_iter().map(c_string).collect::<Result<Vec<_>, _>>()?;
        Ok(Request::start(self, "settings of topics", Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout, read_settings, |options, queue| {
            let topic = ffi::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
            // SAFETY: client, options, queue and names live, and librdkafka copies the resources, which are freed behind it.
            unsafe {
                let mut all: Vec<_> = names.iter().map(|name| ffi::rd_kafka_ConfigResource_new(topic, name.as_ptr())).collect();
                ffi::rd_kafka_DescribeConfigs(self.native(), all.as_mut_ptr(), all.len(), options, queue);
                ffi::rd_kafka_ConfigResource_destroy_array(all.as_mut_ptr(), all.len());
            }
        }))
    }

    /// Makes topics. One that exists already is an error.
    pub(crate) fn create(self: &Arc<Self>, topics: &[NewTopic<'_>], timeout: Duration) -> Result<Request<()>, Failure> {
        let mut made = Vec::with_capacity(topics.len());
        let built = topics.iter().try_for_each(|topic| native_topic(topic).map(|native| made.push(native.as_ptr())));
        let request = built.map(|()| {
            Request::start(self, "create topics", Op::RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout, read_created, |options, queue| {
                // SAFETY: client, options, queue and topics live. The answer comes when the topics can be used, or the time is over.
                unsafe {
                    ffi::rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms(timeout), ptr::null_mut(), 0);
                    ffi::rd_kafka_CreateTopics(self.native(), made.as_mut_ptr(), made.len(), options, queue);
                }
            })
        });
        // SAFETY: ours, and librdkafka has copied them.
        made.into_iter().for_each(|topic| unsafe { ffi::rd_kafka_NewTopic_destroy(topic) });
        request
    }

    /// Gives a topic more partitions: so many in all.
    pub(crate) fn grow(self: &Arc<Self>, topic: &str, partitions: u32, timeout: Duration) -> Result<Request<()>, Failure> {
        let name = c_string(topic)?;
        let mut why = ErrorText::new();
        let (room, length) = why.room();
        // SAFETY: librdkafka copies the name, and the room is as long as it says.
        let made = unsafe { ffi::rd_kafka_NewPartitions_new(name.as_ptr(), partitions as usize, room, length) };
        let made = NonNull::new(made).ok_or_else(|| Failure::local(format!("topic {topic}: {why}")))?;
        let request =
            Request::start(self, "new partitions", Op::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, timeout, read_grown, |options, queue| {
                let mut all = [made.as_ptr()];
                // SAFETY: client, options, queue and partitions live, and librdkafka copies them.
                unsafe {
                    ffi::rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms(timeout), ptr::null_mut(), 0);
                    ffi::rd_kafka_CreatePartitions(self.native(), all.as_mut_ptr(), all.len(), options, queue);
                }
            });
        // SAFETY: ours, and librdkafka has copied it.
        unsafe { ffi::rd_kafka_NewPartitions_destroy(made.as_ptr()) };
        Ok(request)
    }

    /// Sets settings of a topic, and leaves its others as they are.
    pub(crate) fn set(self: &Arc<Self>, topic: &str, settings: &[(&str, &str)], timeout: Duration) -> Result<Request<()>, Failure> {
        let name = c_string(topic)?;
        let settings = settings.iter().map(|(key, value)| Ok((c_string(key)?, c_string(value)?))).collect::<Result<Vec<_>, Failure>>()?;
        Ok(Request::start(self, "set settings", Op::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS, timeout, read_set, |options, queue| {
            let kind = ffi::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
            let set = ffi::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET;
            // SAFETY: client, options, queue and texts live, and librdkafka copies the resource, which is freed behind it.
            unsafe {
                let mut resource = ffi::rd_kafka_ConfigResource_new(kind, name.as_ptr());
                for (key, value) in &settings {
                    let error = ffi::rd_kafka_ConfigResource_add_incremental_config(resource, key.as_ptr(), set, value.as_ptr());
                    // It refuses empty names only, and none of these is.
                    ffi::rd_kafka_error_destroy(error);
                }
                ffi::rd_kafka_IncrementalAlterConfigs(self.native(), &raw mut resource, 1, options, queue);
                ffi::rd_kafka_ConfigResource_destroy(resource);
            }
        }))
    }

    /// Deletes topics.
    pub(crate) fn delete(self: &Arc<Self>, topics: &[&str], timeout: Duration) -> Result<Request<()>, Failure> {
        let names = topics.iter().map(|name| c_string(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Request::start(self, "delete topics", Op::RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout, read_deleted, |options, queue| {
            // SAFETY: client, options, queue and names live, and librdkafka copies the topics, which are freed behind it.
            unsafe {
                ffi::rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms(timeout), ptr::null_mut(), 0);
                let mut all: Vec<_> = names.iter().map(|name| ffi::rd_kafka_DeleteTopic_new(name.as_ptr())).collect();
                ffi::rd_kafka_DeleteTopics(self.native(), all.as_mut_ptr(), all.len(), options, queue);
                ffi::rd_kafka_DeleteTopic_destroy_array(all.as_mut_ptr(), all.len());
            }
        }))
    }

    /// Deletes the records before an offset of a partition, as retention does.
    pub(crate) fn delete_before(
        self: &Arc<Self>,
        topic: &str,
        partition: u32,
        offset: i64,
        timeout: Duration,
    ) -> Result<Request<()>, Failure> {
        let list = Partitions::of(topic, partition, offset)?;
        Ok(Request::start(self, "delete records", Op::RD_KAFKA_ADMIN_OP_DELETERECORDS, timeout, read_deleted_records, |options, queue| {
            // SAFETY: client, options, queue and list live, and librdkafka copies what it is given.
            unsafe {
                ffi::rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms(timeout), ptr::null_mut(), 0);
                let mut request = ffi::rd_kafka_DeleteRecords_new(list.native());
                ffi::rd_kafka_DeleteRecords(self.native(), &raw mut request, 1, options, queue);
                ffi::rd_kafka_DeleteRecords_destroy(request);
            }
        }))
    }
}

fn native_topic(topic: &NewTopic<'_>) -> Result<NonNull<ffi::rd_kafka_NewTopic_t>, Failure> {
    let name = c_string(topic.name)?;
    let partitions = i32::try_from(topic.partitions).map_err(|_| Failure::local(format!("{} partitions", topic.partitions)))?;
    let replicas = topic.replicas.map_or(-1, i32::from);
    let mut why = ErrorText::new();
    let (room, length) = why.room();
    // SAFETY: librdkafka copies the name, and the room is as long as it says.
    let made = unsafe { ffi::rd_kafka_NewTopic_new(name.as_ptr(), partitions, replicas, room, length) };
    let made = NonNull::new(made).ok_or_else(|| Failure::local(format!("topic {}: {why}", topic.name)))?;
    for (key, value) in topic.settings {
        let set = c_string(key).and_then(|key| {
            let value = c_string(value)?;
            // SAFETY: the topic was made just now, and the strings are copied.
            Failure::check(unsafe { ffi::rd_kafka_NewTopic_set_config(made.as_ptr(), key.as_ptr(), value.as_ptr()) })
        });
        if let Err(failure) = set {
            // SAFETY: ours, and nobody else knows of it.
            unsafe { ffi::rd_kafka_NewTopic_destroy(made.as_ptr()) };
            return Err(failure);
        }
    }
    Ok(made)
}

/// An array that librdkafka returns with its length.
///
/// # Safety
/// `items` is null, or so many items lie there for as long as the result is used.
pub(super) unsafe fn array<'a, T>(items: *mut *const T, length: usize) -> &'a [*const T] {
    // SAFETY: promised by the caller.
    if items.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(items, length) } }
}

pub(super) fn unexpected() -> Failure {
    Failure::local("an answer of another kind".to_owned())
}

pub(super) fn failed(code: Code, message: String) -> Failure {
    Failure { message, is_retriable: is_transient(code), ..Failure::of(code) }
}

fn read_offsets(event: &Event) -> Result<Offsets, Failure> {
    read_listed(event)?.into_iter().map(|listed| listed.map(|(place, offset, _)| (place, offset))).collect()
}

/// Where nobody knows any of them, that is an error all the same.
fn read_known_offsets(event: &Event) -> Result<Offsets, Failure> {
    let (mut known, mut unknown) = (Offsets::new(), Ok(()));
    for listed in read_listed(event)? {
        match listed {
            Ok((place, offset, _)) => _ = known.insert(place, offset),
            Err(failure) => unknown = Err(failure),
        }
    }
    if known.is_empty() { unknown.map(|()| known) } else { Ok(known) }
}

fn read_timestamps(event: &Event) -> Result<Timestamps, Failure> {
    read_listed(event)?.into_iter().map(|listed| listed.map(|(place, _, timestamp_ms)| (place, timestamp_ms))).collect()
}

/// What is said of each partition: offset and timestamp, ms.
fn read_listed(event: &Event) -> Result<Vec<Result<Listed, Failure>>, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    let infos = unsafe {
        let result = ffi::rd_kafka_event_ListOffsets_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        array(ffi::rd_kafka_ListOffsets_result_infos(result, &raw mut count), count)
    };
    let listed = |&info: &*const _| {
        // SAFETY: an entry of the answer.
        let Partition { topic, partition, offset, code, .. } =
            unsafe { partitions::read(&*ffi::rd_kafka_ListOffsetsResultInfo_topic_partition(info)) };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(failed(code, format!("{topic}-{partition}: {}", Failure::of(code).message)));
        }
        // SAFETY: an entry of the answer.
        let timestamp_ms = unsafe { ffi::rd_kafka_ListOffsetsResultInfo_timestamp(info) };
        // A broker that has just started may answer without one.
        if offset == i64::from(ffi::RD_KAFKA_OFFSET_INVALID) {
            return Err(failed(Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, format!("{topic}-{partition}: no offset")));
        }
        Ok(((topic, partition), offset, timestamp_ms))
    };
    Ok(infos.iter().map(listed).collect())
}

fn read_descriptions(event: &Event) -> Result<Vec<TopicDescription>, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    let topics = unsafe {
        let result = ffi::rd_kafka_event_DescribeTopics_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        array(ffi::rd_kafka_DescribeTopics_result_topics(result, &raw mut count), count)
    };
    let mut descriptions = Vec::with_capacity(count);
    for &topic in topics {
        let mut partitions = 0;
        // SAFETY: an entry of the answer, which owns what is read of it.
        unsafe {
            let name = text(ffi::rd_kafka_TopicDescription_name(topic));
            let error = ffi::rd_kafka_TopicDescription_error(topic);
            if !error.is_null() && ffi::rd_kafka_error_code(error) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                let failure = Failure::read(error);
                return Err(failed(failure.code, format!("{name}: {}", failure.message)));
            }
            let described = ffi::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
            let replicas = array(described, partitions).iter().map(|&partition| {
                let mut replicas = 0;
                ffi::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut replicas);
                replicas
            });
            let replicas = u16::try_from(replicas.min().unwrap_or(0)).unwrap_or(u16::MAX);
            let uuid = ffi::rd_kafka_TopicDescription_topic_id(topic);
            let mut id = [0; 16];
            id[..8].copy_from_slice(&ffi::rd_kafka_Uuid_most_significant_bits(uuid).to_be_bytes());
            id[8..].copy_from_slice(&ffi::rd_kafka_Uuid_least_significant_bits(uuid).to_be_bytes());
            let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
            descriptions.push(TopicDescription { name, id: TopicId(id), partitions, replicas });
        }
    }
    Ok(descriptions)
}

pub(super) fn read_settings(event: &Event) -> Result<Settings, Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    let resources = unsafe {
        let result = ffi::rd_kafka_event_DescribeConfigs_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        array(ffi::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count), count)
    };
    let mut settings = BTreeMap::new();
    for &resource in resources {
        // SAFETY: an entry of the answer, which owns what is read of it.
        unsafe {
            let name = text(ffi::rd_kafka_ConfigResource_name(resource));
            let code = ffi::rd_kafka_ConfigResource_error(resource);
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(failed(code, format!("{name}: {}", text(ffi::rd_kafka_ConfigResource_error_string(resource)))));
            }
            let mut count = 0;
            let entries = array(ffi::rd_kafka_ConfigResource_configs(resource, &raw mut count), count);
            let read = |&entry: &*const _| (text(ffi::rd_kafka_ConfigEntry_name(entry)), text(ffi::rd_kafka_ConfigEntry_value(entry)));
            settings.insert(name, entries.iter().map(read).collect());
        }
    }
    Ok(settings)
}

/// # Safety
/// `results` are entries of an answer that lives during the call.
unsafe fn check_topics(results: &[*const ffi::rd_kafka_topic_result_t]) -> Result<(), Failure> {
    for &result in results {
        // SAFETY: promised by the caller.
        unsafe {
            let code = ffi::rd_kafka_topic_result_error(result);
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                let (name, why) = (text(ffi::rd_kafka_topic_result_name(result)), text(ffi::rd_kafka_topic_result_error_string(result)));
                return Err(failed(code, format!("{name}: {why}")));
            }
        }
    }
    Ok(())
}

fn read_created(event: &Event) -> Result<(), Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    unsafe {
        let result = ffi::rd_kafka_event_CreateTopics_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        check_topics(array(ffi::rd_kafka_CreateTopics_result_topics(result, &raw mut count), count))
    }
}

fn read_grown(event: &Event) -> Result<(), Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    unsafe {
        let result = ffi::rd_kafka_event_CreatePartitions_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        check_topics(array(ffi::rd_kafka_CreatePartitions_result_topics(result, &raw mut count), count))
    }
}

fn read_set(event: &Event) -> Result<(), Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    let resources = unsafe {
        let result = ffi::rd_kafka_event_IncrementalAlterConfigs_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        array(ffi::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count), count)
    };
    for &resource in resources {
        // SAFETY: an entry of the answer, which owns what is read of it.
        unsafe {
            let code = ffi::rd_kafka_ConfigResource_error(resource);
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                let (name, why) =
                    (text(ffi::rd_kafka_ConfigResource_name(resource)), text(ffi::rd_kafka_ConfigResource_error_string(resource)));
                return Err(failed(code, format!("{name}: {why}")));
            }
        }
    }
    Ok(())
}

fn read_deleted(event: &Event) -> Result<(), Failure> {
    let mut count = 0;
    // SAFETY: a valid event; null where it is of another kind. What it holds lives as long as the event.
    unsafe {
        let result = ffi::rd_kafka_event_DeleteTopics_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        check_topics(array(ffi::rd_kafka_DeleteTopics_result_topics(result, &raw mut count), count))
    }
}

fn read_deleted_records(event: &Event) -> Result<(), Failure> {
    // SAFETY: a valid event; null where it is of another kind. The list is copied.
    let list = unsafe {
        let result = ffi::rd_kafka_event_DeleteRecords_result(event.native());
        if result.is_null() {
            return Err(unexpected());
        }
        Partitions::copy_of(ffi::rd_kafka_DeleteRecords_result_offsets(result))
    };
    list.check()
}
