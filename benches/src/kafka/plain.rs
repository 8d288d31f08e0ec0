//! The floor of what the usual client library costs: a loop of librdkafka's own calls that reads batches and produces copies of them, exactly
//! once, and knows nothing of states, rebalances or errors.

#![expect(unsafe_code, reason = "librdkafka is a C library; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::time::{Duration, Instant};

use rdkafka_sys::bindings as ffi;
use rdkafka_sys::types::RDKafkaRespErr as Code;
use rdkafka_sys::{RDKafkaConfRes, RDKafkaType};

use super::meter::Meter;

/// Messages taken at a time.
const BATCH: usize = 10_000;
/// `RD_KAFKA_PARTITION_UA`, a macro in C.
const ANY_PARTITION: i32 = -1;
const TIMEOUT_MS: c_int = 60_000;
/// Free the copies that were made, take the partition from each message, and wait where the queue is full.
const FLAGS: c_int = (ffi::RD_KAFKA_MSG_F_COPY | ffi::RD_KAFKA_MSG_F_PARTITION | ffi::RD_KAFKA_MSG_F_BLOCK) as c_int;

/// Copies `input` to `output` until the meter has seen all of it, with a commit each `interval`. Partitions stay.
///
/// # Panics
/// Where anything at all goes wrong.
pub(super) fn copy(brokers: &str, names: [&str; 2], interval: Duration, meter: &Meter) {
    let name = |text: &str| CString::new(text).expect("names have no NUL byte");
    let [input, output] = names;
    // SAFETY: every pointer below comes from the call before it, is checked there, and lives until it is destroyed at the end, in the order
    // that librdkafka asks for. Messages are read before they are destroyed, and copied by `rd_kafka_produce_batch`.
    unsafe {
        let (producer, consumer) = (producer(brokers, output), consumer(brokers, output));
        let topic = ffi::rd_kafka_topic_new(producer, name(output).as_ptr(), ptr::null_mut());
        assert!(!topic.is_null(), "the topic is there");
        check_error(ffi::rd_kafka_init_transactions(producer, TIMEOUT_MS));
        let subscription = ffi::rd_kafka_topic_partition_list_new(1);
        ffi::rd_kafka_topic_partition_list_add(subscription, name(input).as_ptr(), ANY_PARTITION);
        check(ffi::rd_kafka_subscribe(consumer, subscription));
        ffi::rd_kafka_topic_partition_list_destroy(subscription);
        let queue = ffi::rd_kafka_queue_get_consumer(consumer);
        let mut messages = vec![ptr::null_mut(); BATCH];
        let mut copies = Vec::with_capacity(BATCH);
        let mut next = [-1_i64; super::scene::PARTITIONS as usize];
        let (mut is_open, mut last_commit) = (false, Instant::now());
        while !meter.is_over() {
            let taken = ffi::rd_kafka_consume_batch_queue(queue, 50, messages.as_mut_ptr(), BATCH);
            let taken = &messages[..usize::try_from(taken).expect("the queue is one")];
            copies.clear();
            for &message in taken {
                let message = &*message;
                check(message.err);
                next[message.partition as usize] = message.offset + 1;
                copies.push(ffi::rd_kafka_message_t { rkt: ptr::null_mut(), _private: ptr::null_mut(), ..*message });
            }
            if !copies.is_empty() {
                if !std::mem::replace(&mut is_open, true) {
                    check_error(ffi::rd_kafka_begin_transaction(producer));
                }
                let produced = ffi::rd_kafka_produce_batch(topic, ANY_PARTITION, FLAGS, copies.as_mut_ptr(), copies.len() as c_int);
                assert_eq!(usize::try_from(produced), Ok(copies.len()), "all are taken");
            }
            meter.read(taken.len() as u64);
            taken.iter().for_each(|&message| ffi::rd_kafka_message_destroy(message));
            if is_open && (last_commit.elapsed() >= interval || copies.is_empty()) {
                let began = Instant::now();
                let positions = ffi::rd_kafka_topic_partition_list_new(1);
                for (partition, &offset) in (0..).zip(&next).filter(|(_, offset)| **offset >= 0) {
                    (*ffi::rd_kafka_topic_partition_list_add(positions, name(input).as_ptr(), partition)).offset = offset;
                }
                let group = ffi::rd_kafka_consumer_group_metadata(consumer);
                check_error(ffi::rd_kafka_send_offsets_to_transaction(producer, positions, group, TIMEOUT_MS));
                check_error(ffi::rd_kafka_commit_transaction(producer, TIMEOUT_MS));
                ffi::rd_kafka_consumer_group_metadata_destroy(group);
                ffi::rd_kafka_topic_partition_list_destroy(positions);
                (is_open, last_commit) = (false, Instant::now());
                meter.committed(began.elapsed());
            }
        }
        ffi::rd_kafka_queue_destroy(queue);
        check(ffi::rd_kafka_consumer_close(consumer));
        ffi::rd_kafka_destroy(consumer);
        ffi::rd_kafka_topic_destroy(topic);
        ffi::rd_kafka_destroy(producer);
    }
}

fn producer(brokers: &str, name: &str) -> *mut ffi::rd_kafka_t {
    client(
        RDKafkaType::RD_KAFKA_PRODUCER,
        &[
            ("bootstrap.servers", brokers),
            ("transactional.id", name),
            ("batch.size", "1000000"),
            ("compression.type", "lz4"),
            ("delivery.report.only.error", "true"),
            ("linger.ms", "5"),
            ("queue.buffering.max.messages", "100000"),
        ],
    )
}

fn consumer(brokers: &str, name: &str) -> *mut ffi::rd_kafka_t {
    let consumer = client(
        RDKafkaType::RD_KAFKA_CONSUMER,
        &[
            ("bootstrap.servers", brokers),
            ("group.id", name),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("isolation.level", "read_committed"),
            ("fetch.queue.backoff.ms", "20"),
            ("queued.max.messages.kbytes", "16384"),
            ("queued.min.messages", "20000"),
        ],
    );
    // SAFETY: a consumer with a group, just made.
    check(unsafe { ffi::rd_kafka_poll_set_consumer(consumer) });
    consumer
}

fn client(kind: RDKafkaType, settings: &[(&str, &str)]) -> *mut ffi::rd_kafka_t {
    let mut why = [0 as c_char; 512];
    // SAFETY: names and values live through each call, which copies them; the settings become the client's, and the text of an error ends
    // with a NUL byte.
    unsafe {
        let conf = ffi::rd_kafka_conf_new();
        for (key, value) in settings {
            let (key, value) = (CString::new(*key).expect("no NUL byte"), CString::new(*value).expect("no NUL byte"));
            let set = ffi::rd_kafka_conf_set(conf, key.as_ptr(), value.as_ptr(), why.as_mut_ptr(), why.len());
            assert_eq!(set, RDKafkaConfRes::RD_KAFKA_CONF_OK, "{}", CStr::from_ptr(why.as_ptr()).to_string_lossy());
        }
        let client = ffi::rd_kafka_new(kind, conf, why.as_mut_ptr(), why.len());
        assert!(!client.is_null(), "{}", CStr::from_ptr(why.as_ptr()).to_string_lossy());
        client
    }
}

fn check(code: Code) {
    assert_eq!(code, Code::RD_KAFKA_RESP_ERR_NO_ERROR, "the broker answers");
}

fn check_error(error: *mut ffi::rd_kafka_error_t) {
    if error.is_null() {
        return;
    }
    // SAFETY: an error that is ours; the text belongs to it.
    panic!("{}", unsafe { CStr::from_ptr(ffi::rd_kafka_error_string(error)) }.to_string_lossy());
}
