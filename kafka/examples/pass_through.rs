//! What a lane costs by itself: records of 200 bytes from one topic to another, exactly once, and nothing done with them.
//!
//! `cargo run --release -p playhead-kafka --example pass_through -- BROKERS [RECORDS] [COMMIT_MS]` prints CPU nanoseconds a record of this
//! process and the times of commits.
#![expect(clippy::print_stdout, reason = "a measurement that prints what it found")]
#![expect(clippy::unwrap_used, reason = "a measurement that can't go on fails")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka::{Admin, Cluster, KafkaLane, LaneOptions, NewTopic};
use pipeline::{Committed, Log as _, OutputTopic, Outputs, Polled, Position, Spread};

const PARTITIONS: u32 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| arguments.get(index).map_or(default, |text| text.parse().unwrap());
    let cluster = Cluster::new(arguments.first().map_or("127.0.0.1:9092", String::as_str));
    let (records, commit_interval) = (number(1, 2_000_000), Duration::from_millis(number(2, 1_000)));
    let name = format!("pass-through-{:x}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos());
    let (input, output) = (format!("{name}-in"), format!("{name}-out"));
    let admin = Admin::new(&cluster, Duration::from_secs(30)).unwrap();
    let topic = |name| NewTopic { name, partitions: PARTITIONS, replicas: Some(1), settings: vec![] };
    admin.create(&[topic(&input), topic(&output)]).unwrap();
    fill(&cluster, &input, records);
    pass(&cluster, &input, &output, records, commit_interval);
    admin.delete(&[&input, &output]).unwrap();
}

fn topic(name: &str) -> OutputTopic {
    OutputTopic { name: name.to_owned(), partitions: PARTITIONS, spread: Spread::SamePartition }
}

fn fill(cluster: &Cluster, input: &str, records: u64) {
    let mut lane = KafkaLane::processor(LaneOptions::new(cluster.clone(), input, "fill", 0), &[], &[topic(input)]).unwrap();
    let mut out = Outputs::new(&[topic(input)]);
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    // Not the same bytes all over, or compression would have nothing to do.
    let mut bits = 1_u64;
    for record in 0..records {
        let partition = u32::try_from(record % u64::from(PARTITIONS)).unwrap();
        out.push_to(0, partition, now_ms, format!("key-{}", record % 10_000).as_bytes(), |value| {
            for _ in 0..12 {
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                value.extend_from_slice(&bits.to_le_bytes());
                value.extend_from_slice(&record.to_le_bytes());
            }
        });
        if out.len() == 20_000 || record + 1 == records {
            lane.send(&mut out).unwrap();
            lane.commit(&[]).unwrap();
        }
    }
}

fn pass(cluster: &Cluster, input: &str, output: &str, records: u64, commit_interval: Duration) {
    let mut lane = KafkaLane::processor(LaneOptions::new(cluster.clone(), input, "pass", 0), &[input], &[topic(output)]).unwrap();
    let mut out = Outputs::new(&[topic(output)]);
    let mut positions = std::collections::BTreeMap::new();
    let mut commits = Vec::new();
    let (mut passed, mut last_commit) = (0, Instant::now());
    let (mut started, mut cpu) = (Instant::now(), 0);
    while passed < records {
        match lane.poll(Duration::from_millis(100)).unwrap() {
            Polled::Assigned(sources) => {
                for source in sources {
                    lane.seek(source, 0).unwrap();
                }
                (started, cpu) = (Instant::now(), cpu_ns());
            }
            Polled::Batch(batch) => {
                for record in &batch.records {
                    let value = record.value.unwrap();
                    out.push_to(0, batch.source.partition, record.timestamp_ms, record.key.unwrap(), |bytes| bytes.extend_from_slice(value));
                }
                passed += batch.records.len() as u64;
                positions.insert(batch.source, batch.next_offset);
                lane.send(&mut out).unwrap();
            }
            Polled::Revoked { .. } | Polled::Idle { .. } => {}
        }
        if last_commit.elapsed() >= commit_interval || passed == records {
            let began = Instant::now();
            let committed = |next_offset| Committed { next_offset, metadata: String::new() };
            let all: Vec<_> = positions.iter().map(|(&source, &next)| Position { source, committed: committed(next) }).collect();
            lane.commit(&all).unwrap();
            commits.push(began.elapsed());
            last_commit = Instant::now();
        }
    }
    let (cpu, elapsed) = (cpu_ns() - cpu, started.elapsed());
    commits.sort_unstable();
    let at = |share: usize| commits[(commits.len() - 1) * share / 100];
    println!("{} ns of CPU a record, {:.0} records/s", cpu / records, records as f64 / elapsed.as_secs_f64());
    println!("commits: {}, p50 {:?}, p99 {:?}", commits.len(), at(50), at(99));
}

/// User and system time of this process so far, all threads.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Ticks of 10 ms.
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000_000
}
