//! Seeded runs of the fuzz targets. PLAYHEAD_FUZZ_RUNS says how many inputs each of them gets.

use schemas::fuzz::{fuzz_decode, fuzz_json_line, fuzz_plan};
use schemas::{CleanPlaybackEvent, PlaybackEvent, Record, Schema, json};

use crate::records::{Numbers, documents, encoded, full_event, subjects};

/// How many inputs a target gets: `usual` where nobody says.
fn runs(usual: usize) -> usize {
    std::env::var("PLAYHEAD_FUZZ_RUNS").map_or(usual, |runs| runs.parse().expect("PLAYHEAD_FUZZ_RUNS is a number"))
}

/// Good inputs, from which the bad ones are made.
fn documents_of_all() -> Vec<(&'static str, serde_json::Value)> {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let of = |schema: &'static str, runner: &mut _| {
        (0..6).map(|_| (schema, documents(schema).new_tree(runner).unwrap().current())).collect::<Vec<_>>()
    };
    subjects().iter().flat_map(|subject| of(subject.schema, &mut runner)).collect()
}

/// Changes a few bytes: flips, extremes, cuts, insertions, pieces of itself elsewhere.
fn mutate(data: &mut Vec<u8>, numbers: &mut Numbers) {
    const EXTREMES: [u8; 8] = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff];
    for _ in 0..=numbers.below(3) {
        if data.is_empty() {
            return data.push(numbers.next() as u8);
        }
        let at = numbers.below(data.len());
        match numbers.below(6) {
            0 => data[at] ^= 1 << numbers.below(8),
            1 => data[at] = EXTREMES[numbers.below(EXTREMES.len())],
            2 => data.truncate(at),
            3 => data.insert(at, EXTREMES[numbers.below(EXTREMES.len())]),
            4 => drop(data.remove(at)),
            _ => {
                let piece = data[at..(at + numbers.below(12)).min(data.len())].to_vec();
                let to = numbers.below(data.len());
                data.splice(to..to, piece);
            }
        }
    }
}

#[test]
fn bodies() {
    let mut seeds: Vec<Vec<u8>> =
        documents_of_all().iter().map(|(schema, document)| json::to_body(&Schema::parse(schema).unwrap(), document).unwrap()).collect();
    seeds.extend(std::iter::repeat_n(encoded(&full_event()), 60));
    seeds.push(encoded(&PlaybackEvent::default()));
    seeds.push(encoded(&CleanPlaybackEvent::default()));
    seeds.push(b"\x00\x00\x00\x00\x01".to_vec());
    let mut numbers = Numbers(1);
    for _ in 0..runs(120_000) {
        let mut data = seeds[numbers.below(seeds.len())].clone();
        mutate(&mut data, &mut numbers);
        fuzz_decode(&data);
    }
}

#[test]
fn lines_of_json() {
    let seeds: Vec<_> = documents_of_all().iter().map(|(_, document)| document.to_string().into_bytes()).collect();
    for seed in &seeds {
        fuzz_json_line(seed);
    }
    let mut numbers = Numbers(2);
    for _ in 0..runs(60_000) {
        let mut data = seeds[numbers.below(seeds.len())].clone();
        mutate(&mut data, &mut numbers);
        fuzz_json_line(&data);
    }
}

#[test]
fn plans() {
    const WRITERS: [&str; 3] =
        [PlaybackEvent::SCHEMA, include_str!("../data/PlaybackEvent.newer.avsc"), include_str!("../data/PlaybackEvent.older.avsc")];
    let document = json::to_value(&Schema::parse(PlaybackEvent::SCHEMA).unwrap(), &encoded(&full_event())).unwrap();
    let bodies = WRITERS.map(|writer| {
        let schema = Schema::parse(writer).unwrap();
        let mut document = document.clone();
        document.as_object_mut().unwrap().retain(|key, _| schema.field_names().any(|name| name == key));
        json::to_body(&schema, &document).unwrap()
    });
    let mut numbers = Numbers(3);
    for run in 0..runs(20_000) {
        let mut text = WRITERS[run % WRITERS.len()].as_bytes().to_vec();
        let mut body = bodies[run % WRITERS.len()].clone();
        // Either a bad schema or a bad body: both at once are refused for the first.
        if numbers.below(4) == 0 {
            mutate(&mut text, &mut numbers)
        } else {
            mutate(&mut body, &mut numbers)
        }
        text.push(0);
        text.extend_from_slice(&body);
        fuzz_plan(&text);
    }
}
