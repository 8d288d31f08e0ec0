//! Lists of partitions with offsets.

use std::ffi::c_char;
use std::fmt;
use std::ptr::NonNull;

use rdkafka_sys::bindings as ffi;

use super::error::{Code, Failure};
use super::{c_string, text};

/// The end of a partition, whatever its offset is.
pub(crate) const END: i64 = -1;

/// One partition of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    /// An offset, or one of librdkafka's negative marks.
    pub(crate) offset: i64,
    /// What was committed with the offset.
    pub(crate) metadata: String,
    pub(crate) code: Code,
}

/// A list that librdkafka takes, and fills in.
pub(crate) struct Partitions(NonNull<ffi::rd_kafka_topic_partition_list_t>);

// SAFETY: a list is plain memory that nobody else knows of.
unsafe impl Send for Partitions {}

impl fmt::Debug for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Partitions {
    pub(crate) fn new() -> Self {
        // SAFETY: makes an empty list.
        let list = unsafe { ffi::rd_kafka_topic_partition_list_new(8) };
        Self(NonNull::new(list).expect("librdkafka ends the process where there is no memory"))
    }

    /// Topics to subscribe to.
    pub(crate) fn of_topics<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, Failure> {
        let list = Self::new();
        for name in names {
            // SAFETY: librdkafka copies the name.
            unsafe { ffi::rd_kafka_topic_partition_list_add(list.native(), c_string(name)?.as_ptr(), -1) };
        }
        Ok(list)
    }

    /// One partition at an offset.
    pub(crate) fn of(topic: &str, partition: u32, offset: i64) -> Result<Self, Failure> {
        let mut list = Self::new();
        list.push(topic, partition, offset, "")?;
        Ok(list)
    }

    /// Appends a partition with an offset, and what is to be committed with it.
    pub(crate) fn push(&mut self, topic: &str, partition: u32, offset: i64, metadata: &str) -> Result<(), Failure> {
        let name = c_string(topic)?;
        let number = i32::try_from(partition).map_err(|_| Failure::local(format!("partition {partition} of {topic}")))?;
        // SAFETY: librdkafka copies the name and returns a place in the list, which is valid until the list changes.
        let place = unsafe { &mut *ffi::rd_kafka_topic_partition_list_add(self.native(), name.as_ptr(), number) };
        place.offset = offset;
        if !metadata.is_empty() {
            place.metadata = copy(metadata.as_bytes()).cast();
            place.metadata_size = metadata.len();
        }
        Ok(())
    }

    /// # Safety
    /// `list` is a list that is valid during the call.
    pub(super) unsafe fn copy_of(list: *const ffi::rd_kafka_topic_partition_list_t) -> Self {
        // SAFETY: promised by the caller.
        let list = unsafe { ffi::rd_kafka_topic_partition_list_copy(list) };
        Self(NonNull::new(list).expect("librdkafka ends the process where there is no memory"))
    }

    pub(super) const fn native(&self) -> *mut ffi::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }

    fn entries(&self) -> &[ffi::rd_kafka_topic_partition_t] {
        // SAFETY: the list is valid, and no call changes it while it is borrowed.
        let list = unsafe { self.0.as_ref() };
        if list.elems.is_null() {
            return &[];
        }
        // SAFETY: librdkafka keeps so many entries there.
        unsafe { std::slice::from_raw_parts(list.elems, usize::try_from(list.cnt).unwrap_or(0)) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Partition> + '_ {
        // SAFETY: entries of a valid list.
        self.entries().iter().map(|entry| unsafe { read(entry) })
    }

    /// The first partition that a call has marked as failed.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let failed = self.iter().find(|entry| entry.code != Code::RD_KAFKA_RESP_ERR_NO_ERROR);
        failed.map_or(Ok(()), |entry| {
            let failure = Failure::of(entry.code);
            Err(Failure { message: format!("{}-{}: {}", entry.topic, entry.partition, failure.message), ..failure })
        })
    }
}

/// # Safety
/// `entry` is an entry of a list that librdkafka or we have filled in.
pub(super) unsafe fn read(entry: &ffi::rd_kafka_topic_partition_t) -> Partition {
    let metadata = if entry.metadata.is_null() {
        String::new()
    } else {
        // SAFETY: promised by the caller: so many bytes lie there.
        let bytes = unsafe { std::slice::from_raw_parts(entry.metadata.cast::<u8>(), entry.metadata_size) };
        String::from_utf8_lossy(bytes).into_owned()
    };
    Partition {
        // SAFETY: promised by the caller: a string that ends with a NUL byte.
        topic: unsafe { text(entry.topic) },
        partition: u32::try_from(entry.partition).unwrap_or(u32::MAX),
        offset: entry.offset,
        metadata,
        code: entry.err,
    }
}

impl Drop for Partitions {
    fn drop(&mut self) {
        // SAFETY: ours alone. Metadata is freed with it.
        unsafe { ffi::rd_kafka_topic_partition_list_destroy(self.native()) };
    }
}

/// A copy in memory that librdkafka frees.
fn copy(bytes: &[u8]) -> *mut c_char {
    // SAFETY: room for the bytes and one more, since no room at all may be a null pointer; filled before anybody reads it.
    unsafe {
        let room = ffi::rd_kafka_mem_malloc(std::ptr::null_mut(), bytes.len() + 1).cast::<u8>();
        assert!(!room.is_null(), "librdkafka ends the process where there is no memory");
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), room, bytes.len());
        room.add(bytes.len()).write(0);
        room.cast()
    }
}
