//! A producer against brokers of two nodes that live in the test, and do what it says.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pipeline::Headers;

use super::*;
use crate::wire::{Decoder, Encoder, Member, OffsetToCommit};

const TOPIC: &str = "out";
const PATIENCE: Duration = Duration::from_secs(20);

/// What a broker is to do with the next request of a kind, in place of what it should.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Code(i16),
    Silence,
    Close,
    Nonsense,
}

/// A batch as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Came {
    node: i32,
    partition: i32,
    epoch: i16,
    sequence: i32,
    records: i32,
}

#[derive(Default)]
struct State {
    ports: Vec<u16>,
    /// By partition.
    leaders: Vec<i32>,
    /// Level of `transaction.version`.
    level: i16,
    /// Newest version of Produce.
    newest_produce: i16,
    epoch: i16,
    /// By key of the API.
    faults: BTreeMap<i16, VecDeque<Fault>>,
    came: Vec<Came>,
    /// Requests by key of the API.
    counts: BTreeMap<i16, usize>,
    open: Vec<TcpStream>,
}

/// A cluster of two.
#[derive(Clone)]
struct Cluster(Arc<Mutex<State>>);

const PRODUCE: i16 = 0;
const ADD_PARTITIONS: i16 = 24;
const END: i16 = 26;
const COMMIT_OFFSETS: i16 = 28;

impl Cluster {
    fn new(level: i16) -> Self {
        let state = State { leaders: vec![1, 2, 1], level, newest_produce: 12, ..State::default() };
        let cluster = Self(Arc::new(Mutex::new(state)));
        for node in [1, 2] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            cluster.state().ports.push(listener.local_addr().unwrap().port());
            let cluster = cluster.clone();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let (stream, cluster) = (stream.unwrap(), cluster.clone());
                    stream.set_nodelay(true).unwrap();
                    cluster.state().open.push(stream.try_clone().unwrap());
                    thread::spawn(move || cluster.serve(node, stream));
                }
            });
        }
        cluster
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, api: i16, faults: &[Fault]) {
        self.state().faults.entry(api).or_default().extend(faults);
    }

    fn counted(&self, api: i16) -> usize {
        self.state().counts.get(&api).copied().unwrap_or(0)
    }

    /// What came since the last call.
    fn came(&self) -> Vec<Came> {
        std::mem::take(&mut self.state().came)
    }

    fn options(&self) -> ProducerOptions {
        let brokers = format!("127.0.0.1:{}", self.state().ports[0]);
        let settings = BTreeMap::from([("bootstrap.servers".to_owned(), brokers), ("linger.ms".to_owned(), "0".to_owned())]);
        ProducerOptions {
            settings: Arc::new(ClientSettings::new(&settings).unwrap()),
            transactional_id: "id".to_owned(),
            transaction_timeout: PATIENCE,
            topics: vec![ProducedTopic { name: TOPIC.to_owned(), partitions: 3, batch_bytes: 200 }],
        }
    }

    fn start(&self) -> Result<Producer, ProducerError> {
        Producer::start(&self.options(), &wait())
    }

    fn serve(&self, node: i32, mut stream: TcpStream) {
        let mut length = [0; 4];
        while stream.read_exact(&mut length).is_ok() {
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            let mut from = Decoder(&request);
            let (api, version, correlation) = (from.i16().unwrap(), from.i16().unwrap(), from.i32().unwrap());
            assert_eq!(from.long_string().unwrap(), "playhead");
            from.skip_tags().unwrap();
            *self.state().counts.entry(api).or_default() += 1;
            let fault = self.state().faults.get_mut(&api).and_then(VecDeque::pop_front);
            let mut answer = Vec::new();
            let mut out = Encoder(&mut answer);
            out.i32(0);
            out.i32(correlation);
            if api != 18 {
                out.no_tags();
            }
            let code = match fault {
                Some(Fault::Silence) => continue,
                Some(Fault::Close) => return stream.shutdown(std::net::Shutdown::Both).unwrap_or_default(),
                Some(Fault::Nonsense) => None,
                Some(Fault::Code(code)) => Some(code),
                None => Some(0),
            };
            code.inspect(|&code| self.answer(node, (api, version), code, &mut from, &mut out));
            let length = u32::try_from(answer.len() - 4).unwrap();
            answer[..4].copy_from_slice(&length.to_be_bytes());
            // Whoever asked may be gone.
            _ = stream.write_all(&answer);
        }
    }

    fn answer(&self, node: i32, (api, version): (i16, i16), code: i16, from: &mut Decoder<'_>, out: &mut Encoder<'_>) {
        let mut state = self.state();
        let broker = |out: &mut Encoder<'_>, node: i32| {
            out.i32(node);
            out.string("127.0.0.1");
            out.i32(i32::from(state.ports[node as usize - 1]));
        };
        if api != PRODUCE && api != 18 {
            out.i32(0);
        }
        match api {
            PRODUCE => return state.produce(node, code, from, out),
            2 => out.count(0),
            3 => {
                out.array(&[1, 2], |out, &node| {
                    broker(out, node);
                    out.nullable_string(None);
                    out.no_tags();
                });
                out.nullable_string(None);
                out.i32(1);
                out.count(1);
                out.i16(code);
                out.string(TOPIC);
                out.bool(false);
                let leaders: Vec<(i32, i32)> = (0..).zip(state.leaders.iter().copied()).collect();
                out.array(&leaders, |out, &(partition, leader)| {
                    out.i16(0);
                    [partition, leader, 0].into_iter().for_each(|number| out.i32(number));
                    (0..3).for_each(|_| out.count(0));
                    out.no_tags();
                });
                out.i32(0);
                out.no_tags();
                out.i32(0);
            }
            10 => {
                out.i16(code);
                out.nullable_string(None);
                broker(out, 2);
            }
            18 => return state.versions(code, out),
            22 => {
                state.epoch += 1;
                out.i16(code);
                out.i64(5);
                out.i16(state.epoch);
            }
            ADD_PARTITIONS | COMMIT_OFFSETS => {
                out.array(&[TOPIC], |out, topic| {
                    out.string(topic);
                    out.array(&[0], |out, &partition| {
                        out.i32(partition);
                        out.i16(code);
                        out.no_tags();
                    });
                    out.no_tags();
                });
            }
            25 => out.i16(code),
            END => {
                out.i16(code);
                if version >= 5 {
                    state.epoch += 1;
                    out.i64(5);
                    out.i16(state.epoch);
                }
            }
            other => panic!("nobody asks for {other}"),
        }
        out.no_tags();
    }
}

impl State {
    fn versions(&self, code: i16, out: &mut Encoder<'_>) {
        out.i16(code);
        let apis = [0, 2, 3, 10, 18, 22, 24, 25, 26, 28];
        out.array(&apis, |out, &api| {
            let newest = if api == PRODUCE { self.newest_produce } else { 9 };
            [api, 0, newest].into_iter().for_each(|number| out.i16(number));
            out.no_tags();
        });
        out.i32(0);
        let mut features = Vec::new();
        Encoder(&mut features).array(&["transaction.version"], |out, name| {
            out.string(name);
            out.i16(self.level);
            out.i16(self.level);
            out.no_tags();
        });
        out.varint(1);
        out.varint(2);
        out.bytes(&features);
        // A length of its own, and not one more.
        let at = out.0.len() - features.len() - 1;
        out.0[at] -= 1;
    }

    fn produce(&mut self, node: i32, code: i16, from: &mut Decoder<'_>, out: &mut Encoder<'_>) {
        assert_eq!((from.string().unwrap().as_str(), from.i16().unwrap()), ("id", -1));
        from.i32().unwrap();
        let topics = from.array(|from| {
            let topic = from.string()?;
            let partitions = from.array(|from| {
                let (partition, batch) = (from.i32()?, from.bytes()?);
                let at = |at: usize| i32::from_be_bytes(batch[at..at + 4].try_into().unwrap());
                let epoch = i16::from_be_bytes(batch[51..53].try_into().unwrap());
                self.came.push(Came { node, partition, epoch, sequence: at(53), records: at(57) });
                from.skip_tags()?;
                Ok(partition)
            })?;
            from.skip_tags()?;
            Ok((topic, partitions))
        });
        out.array(&topics.unwrap(), |out, (topic, partitions)| {
            out.string(topic);
            out.array(partitions, |out, &partition| {
                out.i32(partition);
                out.i16(code);
                (0..3).for_each(|_| out.i64(0));
                out.count(0);
                out.nullable_string((code != 0).then_some("in its words"));
                out.no_tags();
            });
            out.no_tags();
        });
        out.i32(0);
        out.no_tags();
    }
}

fn wait() -> Wait<'static> {
    Wait::new(PATIENCE, &|| {})
}

fn push(producer: &mut Producer, partitions: &[u32]) -> Result<(), ProducerError> {
    for &partition in partitions {
        let record =
            OutputRecord { topic: 0, partition, timestamp_ms: 7, key: Some(b"key"), value: Some(b"value"), headers: Headers::NONE };
        producer.push(&record, &wait())?;
    }
    producer.ship_due(&wait())
}

fn positions() -> GroupPositions {
    let member = Member { group: "group".to_owned(), generation: 1, id: "member".to_owned(), instance: None };
    let offset = OffsetToCommit { partition: 0, offset: 3, metadata: String::new() };
    GroupPositions { member, topics: vec![("in".to_owned(), vec![offset])] }
}

fn came(node: i32, partition: i32, epoch: i16, sequence: i32, records: i32) -> Came {
    Came { node, partition, epoch, sequence, records }
}

#[test]
fn records_go_to_leaders_in_order_and_each_transaction_has_its_epoch() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    push(&mut producer, &[2, 1, 0, 0, 1]).unwrap();
    push(&mut producer, &[1]).unwrap();
    producer.commit(Some(&positions()), &wait()).unwrap();
    let mut all = cluster.came();
    all.sort_by_key(|came| came.node);
    assert_eq!(all, [came(1, 0, 1, 0, 2), came(1, 2, 1, 0, 1), came(2, 1, 1, 0, 2), came(2, 1, 1, 2, 1)]);
    // Positions alone are a transaction too; nothing at all is none.
    producer.commit(Some(&positions()), &wait()).unwrap();
    producer.commit(None, &wait()).unwrap();
    push(&mut producer, &[1]).unwrap();
    producer.commit(None, &wait()).unwrap();
    assert_eq!(cluster.came(), [came(2, 1, 3, 0, 1)]);
    assert_eq!([END, COMMIT_OFFSETS, ADD_PARTITIONS].map(|api| cluster.counted(api)), [3, 2, 0]);
}

#[test]
fn an_older_cluster_is_told_of_each_partition_once_a_transaction() {
    let cluster = Cluster::new(1);
    let mut producer = cluster.start().unwrap();
    for partitions in [&[0, 1][..], &[1], &[2, 0]] {
        push(&mut producer, partitions).unwrap();
    }
    producer.commit(Some(&positions()), &wait()).unwrap();
    assert_eq!(cluster.counted(ADD_PARTITIONS), 2);
    push(&mut producer, &[0]).unwrap();
    producer.commit(None, &wait()).unwrap();
    assert_eq!(cluster.counted(ADD_PARTITIONS), 3);
    // One epoch for all, so sequences go on.
    let of_first = |came: &Came| came.partition == 0;
    let sequences: Vec<_> = cluster.came().into_iter().filter(of_first).map(|came| (came.epoch, came.sequence)).collect();
    assert_eq!(sequences, [(1, 0), (1, 1), (1, 2)]);
}

#[test]
fn a_batch_that_is_full_goes_before_the_next_record() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    push(&mut producer, &[0; 8]).unwrap();
    producer.commit(None, &wait()).unwrap();
    let all = cluster.came();
    assert!(all.len() > 1, "{all:?}");
    let mut next = 0;
    for came in all {
        assert_eq!((came.partition, came.epoch, came.sequence), (0, 1, next));
        next += came.records;
    }
    assert_eq!(next, 8);
}

#[test]
fn what_a_broker_is_not_ready_for_is_asked_again() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    cluster.fault(PRODUCE, &[Fault::Code(51), Fault::Code(51)]);
    cluster.fault(COMMIT_OFFSETS, &[Fault::Code(14), Fault::Code(16), Fault::Code(51)]);
    cluster.fault(END, &[Fault::Code(51)]);
    push(&mut producer, &[0]).unwrap();
    producer.commit(Some(&positions()), &wait()).unwrap();
    assert_eq!(cluster.came(), [came(1, 0, 1, 0, 1); 3]);
    assert_eq!([COMMIT_OFFSETS, END].map(|api| cluster.counted(api)), [4, 2]);
}

/// Each leader tells the coordinator of its partitions, and the coordinator takes one at a time.
#[test]
fn a_partition_that_comes_later_is_waited_for_too_and_then_no_more() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    push(&mut producer, &[0]).unwrap();
    cluster.fault(PRODUCE, &[Fault::Code(51), Fault::Code(51)]);
    push(&mut producer, &[1]).unwrap();
    assert_eq!(cluster.came(), [came(1, 0, 1, 0, 1), came(2, 1, 1, 0, 1), came(2, 1, 1, 0, 1), came(2, 1, 1, 0, 1)]);
    // Known by now: it is a refusal like any other.
    cluster.fault(PRODUCE, &[Fault::Code(51)]);
    let lost = push(&mut producer, &[1]).and_then(|()| producer.commit(None, &wait()));
    assert!(lost.unwrap_err().to_string().contains("CONCURRENT_TRANSACTIONS"));
}

#[test]
fn a_leader_that_is_none_any_more_costs_the_transaction_and_the_next_producer_finds_the_new_one() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    cluster.fault(PRODUCE, &[Fault::Code(6)]);
    cluster.state().leaders[0] = 2;
    let error = push(&mut producer, &[0]).unwrap_err();
    assert_eq!(error.to_string(), "a record of out-0: in its words: NOT_LEADER_OR_FOLLOWER (6)");
    assert!(!error.is_final() && !error.is_fenced());
    cluster.came();
    let mut producer = cluster.start().unwrap();
    push(&mut producer, &[0]).unwrap();
    assert_eq!(cluster.came(), [came(2, 0, 2, 0, 1)]);
}

#[test]
fn refusals_are_told_apart() {
    for (api, code, is_fenced, is_final) in [
        (PRODUCE, 47, true, false),
        (PRODUCE, 10, false, true),
        (PRODUCE, 3, false, false),
        (COMMIT_OFFSETS, 22, false, false),
        (END, 90, true, false),
        (END, 53, false, true),
    ] {
        let cluster = Cluster::new(2);
        let mut producer = cluster.start().unwrap();
        cluster.fault(api, &[Fault::Code(code)]);
        let error = push(&mut producer, &[0]).and_then(|()| producer.commit(Some(&positions()), &wait())).unwrap_err();
        assert_eq!((error.is_fenced(), error.is_final()), (is_fenced, is_final), "{error}");
    }
}

#[test]
fn silence_nonsense_and_cut_connections_cost_the_transaction_in_time() {
    for (api, fault, expected) in [
        (PRODUCE, Fault::Silence, "Produce: no answer within 500 ms"),
        (PRODUCE, Fault::Close, "Produce: the broker closed the connection"),
        (PRODUCE, Fault::Nonsense, "Produce: the answer makes no sense: it is cut short"),
        (COMMIT_OFFSETS, Fault::Silence, "TxnOffsetCommit: no answer within 500 ms"),
        (END, Fault::Close, "EndTxn: the broker closed the connection"),
    ] {
        let cluster = Cluster::new(2);
        let mut producer = cluster.start().unwrap();
        let signs = AtomicUsize::new(0);
        let alive = || _ = signs.fetch_add(1, Ordering::Relaxed);
        let limited = || Wait::new(Duration::from_millis(500), &alive);
        cluster.fault(api, &[fault]);
        let record = OutputRecord { topic: 0, partition: 0, timestamp_ms: 7, key: Some(b"key"), value: None, headers: Headers::NONE };
        let lost = producer.push(&record, &limited()).and_then(|()| producer.commit(Some(&positions()), &limited()));
        assert_eq!(lost.unwrap_err().to_string(), expected);
        assert_eq!(signs.load(Ordering::Relaxed) >= 2, matches!(fault, Fault::Silence), "signs of life while it waits");
        // And the next one begins.
        drop(producer);
        push(&mut cluster.start().unwrap(), &[0]).unwrap();
    }
}

#[test]
fn connections_that_were_closed_between_transactions_are_opened_again() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    for _ in 0..3 {
        push(&mut producer, &[0, 1]).unwrap();
        producer.commit(Some(&positions()), &wait()).unwrap();
        cluster.state().open.drain(..).for_each(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap_or_default());
    }
    assert_eq!(cluster.came().len(), 6);
}

/// As TLS says good-bye: by bytes.
#[test]
fn what_comes_unasked_between_transactions_is_a_farewell() {
    let cluster = Cluster::new(2);
    let mut producer = cluster.start().unwrap();
    for _ in 0..2 {
        push(&mut producer, &[0, 1]).unwrap();
        producer.commit(Some(&positions()), &wait()).unwrap();
        cluster.state().open.drain(..).for_each(|mut stream| stream.write_all(&[21]).unwrap());
    }
    assert_eq!(cluster.came().len(), 4);
}

#[test]
fn a_broker_without_the_versions_that_are_spoken_is_named() {
    let cluster = Cluster::new(2);
    cluster.state().newest_produce = 8;
    let error = cluster.start().map(|_| ()).unwrap_err();
    assert!(error.is_final() && error.to_string().contains("knows no version of Produce from 9 to 12"), "{error}");
    // One that is not there is waited for, and no longer than that.
    let mut options = cluster.options();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = BTreeMap::from([("bootstrap.servers".to_owned(), gone.to_string())]);
    options.settings = Arc::new(ClientSettings::new(&settings).unwrap());
    let error = Producer::start(&options, &Wait::new(Duration::from_millis(300), &|| {})).map(|_| ()).unwrap_err();
    assert!(!error.is_final() && error.to_string().starts_with(&gone.to_string()), "{error}");
}

#[test]
fn a_start_waits_until_each_partition_has_a_leader_that_knows_of_it() {
    let cluster = Cluster::new(2);
    cluster.state().leaders[1] = -1;
    // Coordinators that are just beginning, and a leader for the last partition at last.
    cluster.fault(10, &[Fault::Code(15)]);
    cluster.fault(22, &[Fault::Code(51), Fault::Code(14)]);
    let alive = || cluster.state().leaders[1] = 2;
    let waiting = Wait::new(PATIENCE, &alive);
    Producer::start(&cluster.options(), &waiting).map(|_| ()).unwrap();
    assert!(cluster.counted(3) >= 2, "who leads was asked again");
    assert_eq!(cluster.counted(22), 3);
}
